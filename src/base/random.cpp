// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace siproxd::base {

std::uint32_t Random::below(std::uint32_t bound) {
    // Rejection keeps the result uniform; at most half of the draws are rejected.
    const std::uint32_t limit = UINT32_MAX - (UINT32_MAX % bound + 1) % bound;
    for (;;) {
        std::uint8_t raw[4];
        fill(raw);
        const std::uint32_t value = static_cast<std::uint32_t>(raw[0]) |
                                    static_cast<std::uint32_t>(raw[1]) << 8 |
                                    static_cast<std::uint32_t>(raw[2]) << 16 |
                                    static_cast<std::uint32_t>(raw[3]) << 24;
        if (value <= limit) {
            return value % bound;
        }
    }
}

std::string Random::hex(std::size_t bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes * 2);
    for (std::size_t i = 0; i < bytes; ++i) {
        std::uint8_t byte = 0;
        fill({&byte, 1});
        out.push_back(kDigits[byte >> 4]);
        out.push_back(kDigits[byte & 15]);
    }
    return out;
}

void SystemRandom::fill(std::span<std::uint8_t> out) {
    for (auto& byte : out) {
        if (used_ == kBuffered) {
            std::size_t have = 0;
            while (have < kBuffered) {
                const auto n = ::getrandom(buffer_ + have, kBuffered - have, 0);
                if (n > 0) {
                    have += static_cast<std::size_t>(n);
                } else if (errno != EINTR) {
                    std::abort();  // no randomness: nothing safe can be done
                }
            }
            used_ = 0;
        }
        byte = buffer_[used_];
        buffer_[used_++] = 0;
    }
}

}  // namespace siproxd::base
