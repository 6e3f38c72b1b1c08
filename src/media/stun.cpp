// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/stun.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace siproxd::media {

namespace {

using Bytes = std::span<const std::uint8_t>;

// RFC 8489 §5.
constexpr std::size_t kHeader = 20;
constexpr std::size_t kAttributeHeader = 4;
constexpr std::size_t kCookieAt = 4;
constexpr std::size_t kTransactionAt = 8;
constexpr std::array<std::uint8_t, 4> kCookie{0x21, 0x12, 0xa4, 0x42};
constexpr std::uint16_t kRequest = 0x0001;
constexpr std::uint16_t kSuccess = 0x0101;
constexpr std::uint16_t kFailure = 0x0111;

// RFC 8489 §18.3, RFC 8445 §16.1.
constexpr std::uint16_t kUsername = 0x0006;
constexpr std::uint16_t kMessageIntegrity = 0x0008;
constexpr std::uint16_t kErrorCode = 0x0009;
constexpr std::uint16_t kUnknownAttributes = 0x000a;
constexpr std::uint16_t kXorMappedAddress = 0x0020;
constexpr std::uint16_t kPriority = 0x0024;
constexpr std::uint16_t kUseCandidate = 0x0025;
constexpr std::uint16_t kFingerprint = 0x8028;
constexpr std::uint16_t kIceControlled = 0x8029;
constexpr std::uint16_t kFirstOptional = 0x8000;

constexpr std::size_t kSha1Bytes = 20;
constexpr std::size_t kLongestUsername = 513;  // RFC 8489 §14.3
constexpr std::uint32_t kFingerprintMask = 0x5354554e;

using Digest = std::array<std::uint8_t, kSha1Bytes>;

std::uint16_t read16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

std::uint32_t read32(Bytes bytes, std::size_t at) {
    return static_cast<std::uint32_t>(read16(bytes, at)) << 16U | read16(bytes, at + 2);
}

std::size_t padded(std::size_t size) {
    return (size + 3) / 4 * 4;
}

/// CRC-32 of ISO 3309, bit by bit: checks are rare and short.
std::uint32_t crc32(Bytes bytes) {
    constexpr std::uint32_t kPolynomial = 0xedb88320;
    std::uint32_t crc = ~0U;
    for (const auto byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) {
            crc = crc >> 1U ^ ((crc & 1U) != 0 ? kPolynomial : 0);
        }
    }
    return ~crc;
}

/// HMAC-SHA1 of what stands before an attribute, with a header that counts the message as long as if
/// it ended with that attribute of `valueBytes` (RFC 8489 §14.5).
std::optional<Digest> integrity(Bytes before, std::string_view password) {
    std::vector<std::uint8_t> text(before.begin(), before.end());
    const auto length = text.size() - kHeader + kAttributeHeader + kSha1Bytes;
    text[2] = static_cast<std::uint8_t>(length >> 8U);
    text[3] = static_cast<std::uint8_t>(length);
    Digest digest;
    unsigned size = 0;
    const auto* made = ::HMAC(EVP_sha1(), password.data(), static_cast<int>(password.size()),
                              text.data(), text.size(), digest.data(), &size);
    return made != nullptr && size == digest.size() ? std::optional(digest) : std::nullopt;
}

class Writer {
public:
    Writer(std::uint16_t type, Bytes transaction) {
        put16(type);
        put16(0);
        put(kCookie);
        put(transaction);
    }

    void attribute(std::uint16_t type, Bytes value) {
        put16(type);
        put16(static_cast<std::uint16_t>(value.size()));
        put(value);
        bytes_.resize(padded(bytes_.size()));
        const auto length = bytes_.size() - kHeader;
        bytes_[2] = static_cast<std::uint8_t>(length >> 8U);
        bytes_[3] = static_cast<std::uint8_t>(length);
    }

    /// Without a digest, for want of memory, the answer is of no use, and not believed.
    std::vector<std::uint8_t> sign(std::string_view password) && {
        attribute(kMessageIntegrity, integrity(bytes_, password).value_or(Digest{}));
        // The sum is over a header that counts the fingerprint itself.
        attribute(kFingerprint, std::array<std::uint8_t, 4>{});
        const auto covered = bytes_.size() - kAttributeHeader - 4;
        const auto sum = crc32(Bytes(bytes_).first(covered)) ^ kFingerprintMask;
        for (unsigned i = 0; i < 4; ++i) {
            bytes_[bytes_.size() - 4 + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
        }
        return std::move(bytes_);
    }

private:
    void put16(std::uint16_t value) {
        bytes_.push_back(static_cast<std::uint8_t>(value >> 8U));
        bytes_.push_back(static_cast<std::uint8_t>(value));
    }
    void put(Bytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

    std::vector<std::uint8_t> bytes_;
};

/// RFC 8489 §14.2.
std::vector<std::uint8_t> xorMapped(const base::SocketAddress& address, Bytes cookieAndTransaction) {
    const bool v6 = address.ip.isV6();
    std::vector<std::uint8_t> value{
        0, static_cast<std::uint8_t>(v6 ? 2 : 1),
        static_cast<std::uint8_t>(address.port >> 8U ^ cookieAndTransaction[0]),
        static_cast<std::uint8_t>((address.port & 0xffU) ^ cookieAndTransaction[1])};
    const auto& ip = address.ip.bytes();
    for (std::size_t i = 0; i < (v6 ? 16U : 4U); ++i) {
        value.push_back(static_cast<std::uint8_t>(ip[i] ^ cookieAndTransaction[i]));
    }
    return value;
}

}  // namespace

bool isStun(Bytes datagram) {
    return datagram.size() >= kHeader && datagram[0] < 4 &&
           std::ranges::equal(datagram.subspan(kCookieAt, kCookie.size()), kCookie) &&
           read16(datagram, 2) == datagram.size() - kHeader && datagram.size() % 4 == 0;
}

std::optional<BindingRequest> BindingRequest::parse(Bytes datagram) {
    if (!isStun(datagram) || read16(datagram, 0) != kRequest) {
        return std::nullopt;
    }
    BindingRequest request;
    request.datagram_ = datagram;
    if (!request.readAttributes() || request.username_.empty() || request.integrityAt_ == 0 ||
        request.fingerprintAt_ == 0) {
        return std::nullopt;
    }
    return request;
}

bool BindingRequest::readAttributes() {
    auto at = kHeader;
    while (at < datagram_.size()) {
        const auto left = datagram_.subspan(at);
        if (left.size() < kAttributeHeader || fingerprintAt_ != 0) {
            return false;  // cut off, or behind what has to be the last one
        }
        const std::size_t size = read16(left, 2);
        if (padded(size) > left.size() - kAttributeHeader) {
            return false;
        }
        const auto type = read16(left, 0);
        const auto value = left.subspan(kAttributeHeader, size);
        if (type == kMessageIntegrity && integrityAt_ == 0) {
            integrityAt_ = at;
            if (size != kSha1Bytes) {
                return false;
            }
        } else if (type == kFingerprint) {
            fingerprintAt_ = at;
            if (size != 4) {
                return false;
            }
        } else if (integrityAt_ == 0 && !readAttribute(type, value)) {
            return false;  // what stands behind the integrity is not covered by it, and not read
        }
        at += kAttributeHeader + padded(size);
    }
    return true;
}

bool BindingRequest::readAttribute(std::uint16_t type, Bytes value) {
    switch (type) {
        case kUsername:
            // The first one counts (RFC 8489 §14).
            if (username_.empty() && value.size() <= kLongestUsername) {
                username_ = {reinterpret_cast<const char*>(value.data()), value.size()};
            }
            return true;
        case kPriority:
            if (value.size() != 4) {
                return false;
            }
            priority_ = read32(value, 0);
            return true;
        case kUseCandidate:
            nominates_ = true;
            return true;
        case kIceControlled:
            fromControlled_ = true;
            return true;
        default:
            if (type < kFirstOptional && unknownCount_ < unknown_.size()) {
                unknown_[unknownCount_++] = type;
            }
            return true;
    }
}

std::string_view BindingRequest::localFragment() const {
    return username_.substr(0, username_.find(':'));
}

bool BindingRequest::isSignedWith(std::string_view password) const {
    const auto sum = crc32(datagram_.first(fingerprintAt_)) ^ kFingerprintMask;
    if (read32(datagram_, fingerprintAt_ + kAttributeHeader) != sum) {
        return false;
    }
    const auto digest = integrity(datagram_.first(integrityAt_), password);
    const auto given = datagram_.subspan(integrityAt_ + kAttributeHeader, kSha1Bytes);
    return digest && ::CRYPTO_memcmp(digest->data(), given.data(), given.size()) == 0;
}

std::vector<std::uint8_t> BindingRequest::success(const base::SocketAddress& source,
                                                  std::string_view password) const {
    Writer writer(kSuccess, datagram_.subspan(kTransactionAt, kTransactionBytes));
    writer.attribute(kXorMappedAddress,
                     xorMapped(source, datagram_.subspan(kCookieAt, kHeader - kCookieAt)));
    return std::move(writer).sign(password);
}

std::vector<std::uint8_t> BindingRequest::failure(unsigned code, std::string_view password) const {
    Writer writer(kFailure, datagram_.subspan(kTransactionAt, kTransactionBytes));
    const std::array<std::uint8_t, 4> error{0, 0, static_cast<std::uint8_t>(code / 100),
                                            static_cast<std::uint8_t>(code % 100)};
    writer.attribute(kErrorCode, error);
    if (code == kUnknownAttribute) {
        std::vector<std::uint8_t> types;
        for (const auto type : unknown()) {
            types.push_back(static_cast<std::uint8_t>(type >> 8U));
            types.push_back(static_cast<std::uint8_t>(type));
        }
        writer.attribute(kUnknownAttributes, types);
    }
    return std::move(writer).sign(password);
}

}  // namespace siproxd::media
