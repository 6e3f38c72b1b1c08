// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string_view>

namespace siproxd::media {

/// What a listener has to put up with.
struct Impairments {
    std::string_view codec;   ///< as in a=rtpmap
    double lossPercent = 0;   ///< of what was sent
    double delayMs = 0;       ///< one way, mouth to ear
};

/// Quality of speech as people would judge it on the average, 1 to 4.5, by ITU-T G.107 (the E-model) cut
/// down to what can be seen from the middle of the network, all else at its defaults:
///
///     R = 93.2 - Id - Ie,eff     Ie,eff = Ie + (95 - Ie) * Ppl / (Ppl + Bpl)     (random loss)
///     Id = 0.024 d + 0.11 (d - 177.3) H(d - 177.3)
///     MOS = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6
///
/// Id is the usual straight-line form of G.107's delay impairment (Cole and Rosenbluth, 2001). Wideband
/// codecs stand on the same narrow-band scale, where they cannot do better than G.711. Nothing: not
/// known how much the codec loses by itself (G.113 Appendix I), or it is no voice.
[[nodiscard]] std::optional<double> estimateMos(const Impairments& impairments);

/// Mouth to ear, from what can be measured: half of the round trip of the whole way, a packet of 20 ms and
/// a buffer of twice the jitter.
[[nodiscard]] double estimateDelayMs(double roundTripMs, double jitterMs);

}  // namespace siproxd::media
