// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/quality.h"

#include <algorithm>

#include "media/mos.h"

namespace siproxd::media {

namespace {

double roundTripMs(const LegReport& leg) { return leg.rtcp.roundTripUs / 1000.0; }

}  // namespace

double lossPercent(const LegReport& leg) {
    return 100.0 * leg.reception.lost() / std::max(leg.reception.expected(), 1U);
}

std::optional<double> mosOf(const LegReport& leg, const LegReport& far) {
    const auto delay =
        estimateDelayMs(roundTripMs(leg) + roundTripMs(far), leg.reception.jitterMs());
    return estimateMos({leg.codec.name, lossPercent(leg), delay});
}

}  // namespace siproxd::media
