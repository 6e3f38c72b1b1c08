// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace siproxd::base {

/// Source of unpredictable numbers. Everything that a stranger must not guess (branches, tags,
/// tokens, relay ports) comes from here; tests give a predictable one.
class Random {
public:
    virtual ~Random() = default;
    virtual void fill(std::span<std::uint8_t> out) = 0;

    /// Uniform in [0, bound); bound > 0.
    [[nodiscard]] std::uint32_t below(std::uint32_t bound);

    /// `bytes` random bytes as lower-case hexadecimal digits.
    [[nodiscard]] std::string hex(std::size_t bytes);
};

/// getrandom(2), buffered. Not for use by several threads at once.
class SystemRandom final : public Random {
public:
    void fill(std::span<std::uint8_t> out) override;

private:
    static constexpr std::size_t kBuffered = 256;
    std::uint8_t buffer_[kBuffered] = {};
    std::size_t used_ = kBuffered;
};

}  // namespace siproxd::base
