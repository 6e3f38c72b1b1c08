// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/mos.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace siproxd::media {

namespace {

struct Known {
    std::string_view codec;
    double impairment;  ///< Ie
    double robustness;  ///< Bpl
};

// G.113 Appendix I for G.729 (A), G.723.1 (with VAD), GSM's Ie and PCMU/PCMA with concealment (G.711
// Appendix I, as nearly all phones have it), random loss. Assumed, for it does not say: GSM's Bpl (that of
// EFR), iLBC; G722 and Opus lose nothing on the narrow-band scale and conceal like G.711 and iLBC.
constexpr std::array kKnown{
    Known{"PCMU", 0, 25.1}, Known{"PCMA", 0, 25.1}, Known{"G729", 11, 19.0},
    Known{"G722", 0, 25.1}, Known{"iLBC", 11, 32.0}, Known{"GSM", 20, 10.0},
    Known{"opus", 0, 32.0}, Known{"G723", 15, 16.1},
};

}  // namespace

std::optional<double> estimateMos(const Impairments& impairments) {
    const auto* const known = std::ranges::find_if(kKnown, [&impairments](const Known& one) {
        return base::equalsIgnoreCase(one.codec, impairments.codec);
    });
    if (known == kKnown.end()) {
        return std::nullopt;
    }
    const double loss = std::clamp(impairments.lossPercent, 0.0, 100.0);
    const double delay = std::max(impairments.delayMs, 0.0);
    const double ofCodec =
        known->impairment + (95 - known->impairment) * loss / (loss + known->robustness);
    const double ofDelay = 0.024 * delay + 0.11 * std::max(delay - 177.3, 0.0);
    const double r = std::clamp(93.2 - ofDelay - ofCodec, 0.0, 100.0);
    // The polynomial dips below 1 for the smallest R.
    return std::max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}

double estimateDelayMs(double roundTripMs, double jitterMs) {
    return roundTripMs / 2 + 20 + 2 * jitterMs;
}

}  // namespace siproxd::media
