// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>

namespace siproxd::media {

/// What a datagram on a media port looks like (RFC 7983, RFC 5761 §4).
enum class PacketKind : std::uint8_t {
    Rtp,      ///< RTP or SRTP
    Rtcp,     ///< RTCP or SRTCP
    Control,  ///< STUN, ZRTP, DTLS: belongs to media but carries no SSRC to know the sender by
    Garbage,
};

struct Packet {
    PacketKind kind = PacketKind::Garbage;
    std::uint32_t ssrc = 0;       ///< of the sender; RTP and RTCP
    std::uint16_t sequence = 0;   ///< RTP
    std::uint32_t timestamp = 0;  ///< RTP
    std::uint8_t type = 0;        ///< RTP: payload type
};

/// Never reads more than the fixed headers, never fails: what is too short is garbage.
[[nodiscard]] Packet classify(std::span<const std::uint8_t> datagram);

}  // namespace siproxd::media
