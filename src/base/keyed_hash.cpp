// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/keyed_hash.h"

#include <bit>
#include <cstring>

#include "base/random.h"

namespace siproxd::base {

namespace {

struct State {
    std::uint64_t v0, v1, v2, v3;

    void round() {
        v0 += v1;
        v2 += v3;
        v1 = std::rotl(v1, 13) ^ v0;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 = std::rotl(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = std::rotl(v1, 17) ^ v2;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 = std::rotl(v2, 32);
    }
    void take(std::uint64_t word) {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    }
};

/// Up to eight bytes, the first one lowest.
std::uint64_t wordOf(std::string_view bytes) {
    std::uint64_t word = 0;
    if (!bytes.empty()) {  // whose data may be null
        std::memcpy(&word, bytes.data(), bytes.size());
    }
    if constexpr (std::endian::native == std::endian::big) {
        word = __builtin_bswap64(word);
    }
    return word;
}

std::array<std::uint64_t, 2> newKey() {
    std::array<std::uint8_t, 16> bytes{};
    SystemRandom().fill(bytes);
    return std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
}

}  // namespace

std::uint64_t sipHash(const std::array<std::uint64_t, 2>& key, std::string_view text) {
    State state{key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
                key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
    const std::uint64_t length = static_cast<std::uint64_t>(text.size()) << 56;
    while (text.size() >= sizeof(std::uint64_t)) {
        state.take(wordOf(text.substr(0, sizeof(std::uint64_t))));
        text.remove_prefix(sizeof(std::uint64_t));
    }
    state.take(length | wordOf(text));
    state.v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) {
        state.round();
    }
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::uint64_t keyedHash(std::string_view text) {
    static const auto kKey = newKey();
    return sipHash(kKey, text);
}

}  // namespace siproxd::base
