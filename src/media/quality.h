// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>

#include "media/statistics.h"

namespace siproxd::media {

/// What was lost of what a party has sent, on its way to us.
[[nodiscard]] double lossPercent(const LegReport& leg);

/// How what has come from a party sounds to the other one, whose report is `far` (see estimateMos()).
[[nodiscard]] std::optional<double> mosOf(const LegReport& leg, const LegReport& far);

}  // namespace siproxd::media
