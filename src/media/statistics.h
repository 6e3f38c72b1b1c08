// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"
#include "media/announced.h"
#include "media/codec.h"
#include "media/leg.h"
#include "media/reception.h"
#include "media/rtcp.h"

namespace siproxd::media {

/// Why a datagram was not relayed.
enum class Drop : std::uint8_t {
    None,
    NotAnnounced,   ///< nothing has been signalled for this side yet
    WrongSource,    ///< from an address that is neither signalled nor proven
    Probation,      ///< from an address that is on its way to being proven
    Garbage,        ///< neither RTP, RTCP, STUN, DTLS nor ZRTP
    Flood,          ///< more than rtp_packet_rate
    Truncated,      ///< longer than kMaxDatagram
    NoDestination,  ///< the other side has no address yet, or does not want media (0.0.0.0)
    Unheard,        ///< the other side has had kUnheardLimit packets and never said a word
    SendFailed,     ///< the system would not send it
};
inline constexpr std::size_t kDropReasons = 10;

[[nodiscard]] std::string_view toString(Drop reason);

/// Longest datagram that is relayed. Media keep below an Ethernet frame, for fragments do not get
/// through NATs; what is longer has no business here and is not worth 64 KiB of buffer.
inline constexpr std::size_t kMaxDatagram = 2048;

/// What came in on one leg. Counters wrap at the machine's word.
struct LegReport {
    base::SocketAddress announced;  ///< where the SDP said
    Framing framing = Framing::Rtp; ///< as it was announced last
    bool held = false;              ///< likewise
    base::SocketAddress peer;       ///< latched address of RTP; none before it has been heard
    std::size_t packets = 0;        ///< from the right source, RTP and RTCP and other
    std::size_t bytes = 0;
    base::SocketAddress stranger;   ///< somebody else who has sent to it since it was announced
    ReceptionState reception;       ///< of RTP
    Codec codec;                    ///< of what came last but for events; no name: not known
    RtcpView rtcp;                  ///< what its party has reported
    std::array<std::size_t, kDropReasons> dropped{};  ///< indexed by Drop

    [[nodiscard]] std::size_t droppedFor(Drop reason) const {
        return dropped[static_cast<std::size_t>(reason)];
    }
};

struct StreamReport {
    std::size_t index = 0;            ///< m-line
    bool flowing = false;             ///< both sides announced and neither on hold nor direct
    bool direct = false;              ///< the parties send to each other, not to us
    bool closed = false;              ///< taken down in the course of the call
    base::TimePoint lastActivity{};   ///< of the last packet from either side, to the second
    PerLeg<std::uint16_t> ports;      ///< our RTP ports
    PerLeg<LegReport> legs;
};

}  // namespace siproxd::media
