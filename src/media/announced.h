// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/rare.h"
#include "media/codec.h"
#include "media/ice.h"

namespace siproxd::media {

enum class Framing : std::uint8_t {
    Rtp,     ///< RTP or SRTP, with RTCP
    Opaque,  ///< datagrams without a header that could be checked: UDPTL (T.38) and others
};

/// What the signalling says about one side of a stream: where it wants its media, which is also
/// where its media must come from.
struct Announced {
    /// Of c= and m=. 0.0.0.0 or ::, the old way to hold: nothing is sent there.
    base::SocketAddress rtp;
    /// Of a=rtcp; none: the address of `rtp` and the port behind it. Not used with rtcp-mux, where
    /// RTCP goes the way of RTP on both sides.
    base::SocketAddress rtcp;
    /// Where the message that carried the SDP came from. It stands in for an address in the SDP
    /// that is private (or 0.0.0.0) although the message came from a public one: a phone behind a
    /// far NAT.
    base::IpAddress sipSource;
    /// The caller knows that the address in the SDP is behind a NAT, private or not.
    bool natted = false;
    /// The address may be sent to for as long as it likes without being heard. Else (and unless it
    /// is sipSource) sending stops after kUnheardLimit packets: SDP can name a victim.
    bool trusted = false;
    /// Any direction but sendrecv (or 0.0.0.0): silence does not mean that the call is dead.
    bool held = false;
    /// The parties send to each other: nothing is to be heard here, and that it is not is no fault.
    bool direct = false;
    Framing framing = Framing::Rtp;
    /// What its a=rtpmap lines say; may be empty.
    std::vector<Codec> codecs{};
    /// Its own credentials, when it speaks ICE and is to be heard so (rtp_ice).
    base::Rare<IceCredentials> ice{};

    friend bool operator==(const Announced&, const Announced&) = default;
};

/// Packets that are sent to a stranger before it has been heard: 10 s of audio.
inline constexpr std::uint32_t kUnheardLimit = 500;
/// A second, of what is sent to others after that one, when none is heard: as one call's.
inline constexpr std::uint32_t kUnheardRate = 50;

/// What follows from an announcement for one channel (RTP or RTCP).
struct Expectation {
    base::SocketAddress address;  ///< named by the SDP and believable; none behind a NAT
    base::IpAddress host;         ///< a first packet may come from any port of this address
    bool muted = false;           ///< nothing is to be sent
    /// Who passes a check of ICE is the party, wherever it is.
    bool checked = false;

    friend bool operator==(const Expectation&, const Expectation&) = default;
};

[[nodiscard]] Expectation expectedRtp(const Announced& announced);
[[nodiscard]] Expectation expectedRtcp(const Announced& announced);

/// Whether sending to this side is limited to kUnheardLimit packets until it has been heard.
[[nodiscard]] bool sendingIsLimited(const Announced& announced);

}  // namespace siproxd::media
