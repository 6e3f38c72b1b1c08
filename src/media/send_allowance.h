// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "media/announced.h"

namespace siproxd::media {

/// Guards strangers against the voice hammer: SDP that names a victim as the place to send to. A
/// leg that has not been heard gets so many packets and no more.
class SendAllowance {
public:
    void restart(bool limited) { left_ = limited ? kUnheardLimit : kUnlimited; }

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
    std::uint32_t left_ = kUnheardLimit;
};

}  // namespace siproxd::media
