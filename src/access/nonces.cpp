// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/nonces.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>

#include "access/digest.h"
#include "access/source.h"

namespace siproxd::access {

Nonces::Nonces(base::Random& random, const base::Clock& clock, base::Duration life,
               std::size_t most)
    : random_(random), clock_(clock), life_(life), most_(std::max<std::size_t>(most, 1)),
      start_(clock.now()) {
    random_.fill(key_);
}

std::uint32_t Nonces::secondNow() const {
    using namespace std::chrono;
    return static_cast<std::uint32_t>(duration_cast<seconds>(clock_.now() - start_).count());
}

std::string Nonces::text(const Stamp& stamp, const base::IpAddress& source) const {
    constexpr std::size_t kClearBytes = kBytes - kMacBytes;
    std::array<std::uint8_t, kBytes> raw{};
    std::memcpy(raw.data(), &stamp.second, sizeof stamp.second);
    std::memcpy(raw.data() + sizeof stamp.second, stamp.random.data(), kRandomBytes);

    const auto block = sourceOf(source);
    std::array<std::uint8_t, kClearBytes + 17> bound{};
    std::memcpy(bound.data(), raw.data(), kClearBytes);
    bound[kClearBytes] = static_cast<std::uint8_t>(block.family());
    std::memcpy(bound.data() + kClearBytes + 1, block.bytes().data(), block.bytes().size());

    std::uint8_t mac[EVP_MAX_MD_SIZE] = {};
    ::HMAC(::EVP_sha256(), key_.data(), static_cast<int>(key_.size()), bound.data(), bound.size(),
           mac, nullptr);
    std::memcpy(raw.data() + kClearBytes, mac, kMacBytes);

    std::array<std::uint8_t, kBytes / 3 * 4 + 1> base64{};
    static_assert(kBytes % 3 == 0, "no padding");
    const auto length = ::EVP_EncodeBlock(base64.data(), raw.data(), kBytes);
    return {reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(length)};
}

std::string Nonces::issue(const base::IpAddress& source) {
    Stamp stamp{.second = secondNow()};
    random_.fill(stamp.random);
    return text(stamp, source);
}

std::optional<Nonces::Stamp> Nonces::read(std::string_view nonce,
                                          const base::IpAddress& source) const {
    std::array<std::uint8_t, kBytes> raw{};
    if (nonce.size() != kBytes / 3 * 4 ||
        ::EVP_DecodeBlock(raw.data(), reinterpret_cast<const std::uint8_t*>(nonce.data()),
                          static_cast<int>(nonce.size())) != static_cast<int>(kBytes)) {
        return std::nullopt;
    }
    Stamp stamp;
    std::memcpy(&stamp.second, raw.data(), sizeof stamp.second);
    std::memcpy(stamp.random.data(), raw.data() + sizeof stamp.second, kRandomBytes);
    // Comparing texts: there is one spelling of a nonce, whatever the decoder lets pass.
    if (!sameSecret(text(stamp, source), nonce) || expired(stamp)) {
        return std::nullopt;
    }
    return stamp;
}

bool Nonces::expired(const Stamp& stamp) const {
    return std::chrono::seconds(secondNow() - stamp.second) > life_ ||
           (forgotten_ && stamp <= *forgotten_ && !used_.contains(stamp));
}

bool Nonces::isFresh(std::string_view nonce, const base::IpAddress& source) const {
    return read(nonce, source).has_value();
}

bool Nonces::use(std::string_view nonce, const base::IpAddress& source, std::uint32_t count) {
    const auto stamp = read(nonce, source);
    if (!stamp) {
        return false;
    }
    while (!used_.empty() && expired(used_.begin()->first)) {
        used_.erase(used_.begin());
    }
    const auto known = used_.find(*stamp);
    if (known != used_.end()) {
        return mark(known->second, count);
    }
    if (used_.size() >= most_) {
        forgotten_ = used_.begin()->first;
        used_.erase(used_.begin());
    }
    used_.emplace(*stamp, Use{.highest = count, .window = 1});
    return true;
}

bool Nonces::mark(Use& use, std::uint32_t count) {
    constexpr std::uint32_t kWindow = 64;
    if (count == 0 || use.highest == 0) {
        return false;
    }
    if (count > use.highest) {
        const auto ahead = count - use.highest;
        use.window = ahead < kWindow ? use.window << ahead | 1 : 1;
        use.highest = count;
        return true;
    }
    const auto behind = use.highest - count;
    const auto bit = behind < kWindow ? std::uint64_t{1} << behind : 0;
    const bool unused = bit != 0 && (use.window & bit) == 0;
    use.window |= bit;
    return unused;
}

}  // namespace siproxd::access
