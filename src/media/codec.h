// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::media {

/// What a payload type stands for.
struct Codec {
    std::uint8_t type = 0;    ///< payload type, 0–127
    std::uint32_t clock = 0;  ///< of the timestamps, in Hz
    std::string name;         ///< as in a=rtpmap; of foreign make

    friend bool operator==(const Codec&, const Codec&) = default;
};

/// The codec of a payload type: as `mapped` has it (what a=rtpmap says), else by the table of RFC 3551
/// §6. An empty name and clock 0: not known.
[[nodiscard]] Codec codecOf(std::uint8_t type, std::span<const Codec> mapped);

/// Whether packets of this codec are no voice and no picture: events (RFC 4733) and comfort noise. What
/// is measured goes on with the codec that they interrupt.
[[nodiscard]] bool isInterlude(std::string_view name);

}  // namespace siproxd::media
