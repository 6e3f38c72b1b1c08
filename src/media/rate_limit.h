// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "kernel/flow_table.h"

namespace siproxd::media {

/// How many packets of one direction of a stream are relayed, counted in the windows that the relay in the
/// kernel counts in.
class RateLimit {
public:
    /// Whether one more packet may pass in this moment. `packetsAWindow` 0: as many as come.
    [[nodiscard]] bool take(std::uint32_t packetsAWindow, base::TimePoint now) {
        const auto window = static_cast<std::uint32_t>(
            std::chrono::nanoseconds(now.time_since_epoch()).count() >> kernel::kWindowShift);
        if (window != window_) {
            window_ = window;
            taken_ = 0;
        }
        if (packetsAWindow != 0 && taken_ >= packetsAWindow) {
            return false;
        }
        ++taken_;
        return true;
    }

private:
    std::uint32_t window_ = 0;
    std::uint32_t taken_ = 0;
};

}  // namespace siproxd::media
