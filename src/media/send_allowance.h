// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "media/announced.h"

namespace siproxd::media {

/// Guards strangers against the voice hammer: SDP that names a victim as the place to send to. A
/// leg that has not been heard gets kUnheardLimit packets, RTP and RTCP together, and no more. Who names one
/// place after the other gets kUnheardRate for all of them.
class SendAllowance {
public:
    /// Another place has been named.
    void restart(bool limited, base::TimePoint now) {
        if (!limited) {
            left_ = kUnlimited;
        } else if (left_ == kUnlimited) {
            left_ = kUnheardLimit;
            since_ = now;
        } else {
            earn(now);
        }
    }

    /// The leg has sent something from where it said it is.
    void heard() { left_ = kUnlimited; }

    /// Whether one more packet may be sent.
    [[nodiscard]] bool take() {
        if (left_ == kUnlimited) {
            return true;
        }
        if (left_ == 0) {
            return false;
        }
        --left_;
        return true;
    }

private:
    static constexpr std::uint32_t kUnlimited = UINT32_MAX;

    void earn(base::TimePoint now) {
        const auto waited =
            std::chrono::duration_cast<std::chrono::milliseconds>(now - since_).count();
        const auto earned = std::clamp<std::int64_t>(waited * kUnheardRate / 1000, 0, kUnheardLimit);
        left_ = std::min(left_ + static_cast<std::uint32_t>(earned), kUnheardLimit);
        since_ = now;
    }

    std::uint32_t left_ = kUnheardLimit;
    base::TimePoint since_{};  ///< when there was a limit first, or something was earned last
};

}  // namespace siproxd::media
