// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/packet.h"

namespace siproxd::media {

namespace {

constexpr std::size_t kRtpHeader = 12;
constexpr std::size_t kRtcpHeader = 8;  // up to and with the sender's SSRC

std::uint32_t read32(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint32_t>(bytes[at]) << 24U |
           static_cast<std::uint32_t>(bytes[at + 1]) << 16U |
           static_cast<std::uint32_t>(bytes[at + 2]) << 8U | bytes[at + 3];
}

Packet classifyVersion2(std::span<const std::uint8_t> datagram) {
    // RFC 5761 §4: RTCP's packet types are 192 to 223 on the wire, which RTP leaves free.
    const auto type = datagram[1];
    if (type >= 192 && type <= 223) {
        if (datagram.size() < kRtcpHeader) {
            return {};
        }
        return {PacketKind::Rtcp, read32(datagram, 4)};
    }
    const std::size_t contributors = datagram[0] & 0x0fU;
    if (datagram.size() < kRtpHeader + 4 * contributors) {
        return {};
    }
    return {PacketKind::Rtp, read32(datagram, 8),
            static_cast<std::uint16_t>(datagram[2] << 8U | datagram[3]), read32(datagram, 4),
            static_cast<std::uint8_t>(type & 0x7fU)};
}

}  // namespace

Packet classify(std::span<const std::uint8_t> datagram) {
    if (datagram.size() < 2) {
        return {};
    }
    const auto first = datagram[0];
    if (first >= 128 && first <= 191) {
        return classifyVersion2(datagram);
    }
    const bool stun = first <= 3 && datagram.size() >= 20;
    const bool zrtp = first >= 16 && first <= 19 && datagram.size() >= 12;
    const bool dtls = first >= 20 && first <= 63 && datagram.size() >= 13;
    return {stun || zrtp || dtls ? PacketKind::Control : PacketKind::Garbage};
}

}  // namespace siproxd::media
