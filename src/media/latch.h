// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "base/address.h"
#include "base/clock.h"
#include "media/announced.h"
#include "media/packet.h"
#include "media/statistics.h"

namespace siproxd::media {

/// What is to become of a datagram.
struct Verdict {
    Drop drop = Drop::None;    ///< None: relay it
    bool peerChanged = false;  ///< this packet has changed peer()
    bool lingering = false;    ///< from the peer before the announcement, proves nothing of the new
};

/// Decides who is heard on one RTP socket, and so who hears: media is sent to the address that was
/// signalled until a packet has come from there, then to where the packets come from.
///
///     Closed ──expect()──> Waiting ──RTP from a signalled source──> Latched
///                             ^                                    │   ^
///                             └──────── expect(elsewhere) ─────────┘   │ proven
///                                                     other source ──> probation
///
/// Waiting: the announced address latches, and so does any port of its host (a NAT may have changed
/// the port). That is safe enough: who is not on that host cannot receive what is sent there, and
/// an address that was only guessed this way gives way to the announced one at once and, until it
/// has sent kProofPackets, to any other port of the host that sends a run of packets.
///
/// Latched: a source other than the peer is followed once it has sent kProofPackets in a row with
/// the peer's SSRC and sequence numbers that go on from the peer's, and the peer has been silent
/// for kSilence. Nothing is sent to it before, and nothing of it is relayed. Who sprays ports knows
/// neither the SSRC nor the sequence. A new announcement of the same address keeps the peer but
/// lets the host be learned again, for a phone that resumes may have lost its NAT mapping and its
/// SSRC.
///
/// Pure: no sockets, no clock of its own. Belongs to one thread.
class Latch {
public:
    static constexpr unsigned kProofPackets = 3;
    static constexpr base::Duration kSilence = std::chrono::milliseconds(100);
    /// How long the old peer is still listened to after media has been announced elsewhere: what it
    /// sends until it has the answer is in order.
    static constexpr base::Duration kLinger = std::chrono::seconds(1);

    /// Tells what has been announced. Returns whether the signalled place is the one known already
    /// (0.0.0.0 counts as the known place put on hold).
    bool expect(const Expectation& expectation, base::TimePoint now);

    /// An RTP packet.
    Verdict receiveRtp(const base::SocketAddress& source, const Packet& packet,
                       base::TimePoint now);

    /// A packet that proves nothing: STUN, DTLS, RTCP on the same port. Passes between those who
    /// are known, never latches.
    Verdict receiveControl(const base::SocketAddress& source, base::TimePoint now);

    /// A datagram of a stream without RTP headers. Only the announced address latches, or, where a
    /// NAT hides it, the first that comes from the host.
    Verdict receiveOpaque(const base::SocketAddress& source, base::TimePoint now);

    /// The party is there: a check of ICE has proven it. Returns whether that is news.
    bool adopt(const base::SocketAddress& source, base::TimePoint now);

    /// Whether nothing has come from the peer for kSilence.
    [[nodiscard]] bool isSilent(base::TimePoint now) const { return now - lastHeard_ >= kSilence; }

    /// Whose packets are accepted; no address before anything has been heard.
    [[nodiscard]] const base::SocketAddress& peer() const { return peer_; }

    /// Where to send; no address when there is nowhere to.
    [[nodiscard]] base::SocketAddress destination() const;

    /// Whether there is a peer that has sent kProofPackets since the announcement, and may be sent to: all
    /// it takes to forward its packets without a look at each.
    [[nodiscard]] bool isSettled() const;

    /// The peer has been heard by somebody else who relays its packets.
    void heardElsewhere(std::uint32_t ssrc, std::uint16_t sequence, base::TimePoint when);

    /// SSRC of the peer's last packet, when there is a peer.
    [[nodiscard]] std::uint32_t ssrc() const { return ssrc_; }

private:
    /// Why the peer is believed.
    enum class Basis : std::uint8_t {
        Announced,  ///< it is the address in the SDP
        Host,       ///< it is on the signalled host
        Continued,  ///< it went on with the stream of the peer before
        Checked,    ///< it has passed a check of ICE
    };
    struct Candidate {
        unsigned run = 0;
        std::uint32_t ssrc = 0;
        std::uint16_t sequence = 0;
        base::SocketAddress source;
        base::TimePoint heard{};
    };

    void heard(const Packet& packet, base::TimePoint now);
    Verdict accept(const base::SocketAddress& source, Basis basis, const Packet& packet,
                   base::TimePoint now);
    Verdict receiveWaiting(const base::SocketAddress& source, const Packet& packet,
                           base::TimePoint now);
    Verdict receiveOther(const base::SocketAddress& source, const Packet& packet,
                         base::TimePoint now);
    [[nodiscard]] bool lingers(const base::SocketAddress& source, base::TimePoint now) const;
    [[nodiscard]] bool continuesStream(const Packet& packet, base::TimePoint now) const;

    // First what every packet touches.
    base::SocketAddress peer_;
    std::uint32_t ssrc_ = 0;
    std::uint16_t sequence_ = 0;
    Basis basis_ = Basis::Announced;
    unsigned run_ = 0;  ///< packets of the peer since the announcement, up to kProofPackets
    base::TimePoint lastHeard_{};
    Candidate candidate_;
    std::optional<Expectation> expected_;
    base::SocketAddress previous_;
    base::TimePoint previousUntil_{};
};

/// The same for an RTCP socket. RTCP is too rare to count runs: a new source needs a signalled or
/// proven host and the SSRC of the stream.
class RtcpLatch {
public:
    /// As Latch::expect().
    bool expect(const Expectation& expectation);

    /// An RTCP packet. `rtp` is the latch of the same leg.
    Verdict receiveRtcp(const base::SocketAddress& source, const Packet& packet, const Latch& rtp);

    Verdict receiveControl(const base::SocketAddress& source) const;

    /// As Latch::adopt().
    bool adopt(const base::SocketAddress& source);

    [[nodiscard]] base::SocketAddress destination() const;

private:
    std::optional<Expectation> expected_;
    base::SocketAddress peer_;
    std::uint32_t ssrc_ = 0;
    bool checked_ = false;  ///< the peer has passed a check of ICE
};

}  // namespace siproxd::media
