// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/random.h"

namespace siproxd::test {

/// Counts instead of rolling dice: every value differs from the last, and every run is alike.
class FakeRandom final : public base::Random {
public:
    void fill(std::span<std::uint8_t> out) override {
        for (auto& byte : out) {
            state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
            byte = static_cast<std::uint8_t>(state_ >> 56);
        }
    }

private:
    std::uint64_t state_ = 1;
};

}  // namespace siproxd::test
