// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "media/counters.h"
#include "media/ice.h"
#include "media/latch.h"
#include "media/playout.h"
#include "media/rate_limit.h"
#include "media/send_allowance.h"
#include "media/stream_flows.h"
#include "media/stream_ports.h"

namespace siproxd::media {

/// Where packets go to, in the form the kernel wants.
class SendAddress {
public:
    void set(const base::SocketAddress& address);
    [[nodiscard]] const sockaddr* get() const { return &storage_.any; }
    [[nodiscard]] socklen_t length() const { return length_; }  ///< 0: nowhere

private:
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } storage_{};
    socklen_t length_ = 0;
};

/// One m-line of one call: four sockets and what is known about both sides. The media thread it has
/// been given to owns all state; the signalling thread owns the object, and reads report(), numbers()
/// and packets().
class Stream {
public:
    using Endpoint = StreamPorts::Endpoint;

    /// Whoever serves the stream. (The media thread.)
    class Server {
    public:
        virtual ~Server() = default;
        /// A route is wanted for what comes to the leg; the answer goes to routeFound(), with the number
        /// that this returns.
        virtual std::uint64_t findRoute(Stream& stream, Leg leg, const kernel::Flow& flow) = 0;
        /// playOut() is wanted then.
        virtual void schedule(Stream& stream, Leg leg, base::TimePoint due) = 0;
    };

    struct Sending {
        std::uint8_t tos = 0;  ///< where the kernel does it: as from the sockets
        std::uint32_t packetsPerSecond = 0;  ///< of one direction; more are dropped; 0: no limit
        /// For which what comes to a leg is held back to even out its arrival; 0: not at all.
        PerLeg<base::Duration> delay{};
    };

    /// `flows`: nullptr when the kernel forwards nothing.
    Stream(std::string label, std::unique_ptr<StreamPorts> ports, KernelFlows* flows,
           const Sending& sending, base::TimePoint now);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    [[nodiscard]] StreamPorts& ports() { return *ports_; }
    /// The numbers of the RTP ports.
    [[nodiscard]] const PerLeg<std::uint16_t>& numbers() const { return numbers_; }
    /// When no thread serves it any more: it is good for nothing then.
    [[nodiscard]] std::unique_ptr<StreamPorts> takePorts() { return std::move(ports_); }

    // Media thread only.

    void announce(Leg leg, const Announced& announced, base::TimePoint now);
    /// These credentials have been told the party of the leg: its checks of ICE are answered, and show
    /// where it is once it has announced that it speaks ICE.
    void expectChecks(Leg leg, const IceCredentials& ours);
    /// Reads one datagram from a socket that has become readable, and relays or drops it.
    void receive(const Endpoint& endpoint, std::span<std::uint8_t> buffer, base::TimePoint now,
                 Server& server);
    /// The answer to Server::findRoute().
    void routeFound(Leg leg, std::uint64_t question, const kernel::Flow& flow,
                    const std::optional<net::Route>& route, base::TimePoint now);
    /// Sends what is due of what has come to the leg; schedules the rest.
    void playOut(Leg leg, base::TimePoint now, Server& server);
    /// Routes may have changed: the kernel has to be told anew.
    void routesChanged(base::TimePoint now) { flows_.leave(now); }
    /// Whether packets may be held back; number() then tells it from others that there have been.
    [[nodiscard]] bool holdsBack() const {
        return waiting_[Leg::A].playout != nullptr || waiting_[Leg::B].playout != nullptr;
    }
    void setNumber(std::uint64_t number) { number_ = number; }
    [[nodiscard]] std::uint64_t number() const { return number_; }
    /// Nothing is received any more.
    void close(base::TimePoint now) { flows_.leave(now); }

    // Any thread.

    /// Whether packets may pass that the process does not see, now or after the next routeFound().
    [[nodiscard]] bool mayBeInKernel() const { return flows_.mayBeIn(); }
    /// The kernel forwards nothing of it from now on; announce() or close() is under way.
    void haltKernel() const { flows_.halt(); }
    /// Packets from the right sources.
    [[nodiscard]] std::size_t packets(Leg leg) const;
    /// All but `announced` and `codec`.
    [[nodiscard]] LegReport report(Leg leg) const;

private:
    struct Checks {
        IceLite agent;
        CheckedPlace rtp;
        CheckedPlace rtcp;

        [[nodiscard]] CheckedPlace& of(Channel channel) {
            return channel == Channel::Rtp ? rtp : rtcp;
        }
    };
    // First what every packet touches.
    struct Side {
        SendAddress toRtp;
        int rtpFd = -1;
        SendAllowance allowance;
        Framing framing = Framing::Rtp;
        bool strangerLogged = false;
        RateLimit rate;
        Latch rtp;
        LegCounters counters;
        RtcpLatch rtcp;
        PayloadClocks clocks;
        RtcpWatch reports;
        SendAddress toRtcp;
        int rtcpFd = -1;
        base::IpAddress sipSource;  ///< of the announcement
        bool trusted = false;       ///< likewise
        bool speaksIce = false;     ///< likewise
        std::unique_ptr<Checks> checks;  ///< nullptr: none are answered
    };

    [[nodiscard]] Verdict judge(Side& side, Channel channel, const base::SocketAddress& source,
                                const Packet& packet, bool empty, base::TimePoint now);
    // checks of ICE (stream_checks.cpp)
    /// Answers the datagram, if it is a check of the party.
    void receiveStun(const Endpoint& endpoint, std::span<const std::uint8_t> datagram,
                     const base::SocketAddress& source, base::TimePoint now);
    /// The party is where its checks have come from. Returns whether that is news.
    static bool adopt(Side& side, Channel channel, base::TimePoint now);
    /// A packet that is relayed is counted.
    void count(Leg leg, const Packet& packet, std::span<const std::uint8_t> datagram,
               base::TimePoint now);
    void countRtp(Leg leg, const Packet& packet, base::TimePoint now);
    void countRtcp(Leg leg, std::span<const std::uint8_t> datagram, base::TimePoint now);
    /// In Hz, as PayloadClocks::find() has it.
    [[nodiscard]] std::optional<std::uint32_t> clockOf(Leg leg, std::uint8_t type) const;
    [[nodiscard]] Drop forward(Side& to, Channel channel, std::span<const std::uint8_t> datagram);
    /// Whether the packet is held back.
    [[nodiscard]] bool hold(Leg leg, const Packet& packet, std::span<const std::uint8_t> datagram,
                            base::TimePoint now, Server& server);
    void schedule(Leg leg, base::TimePoint due, Server& server);
    void peerChanged(Leg leg, Channel channel, base::TimePoint now);
    /// What the kernel has heard of the leg's peer, for the latch.
    void catchUp(Leg leg);
    /// Has the kernel forward what comes to the leg, if that is possible by now.
    void moveIn(Leg leg, base::TimePoint now, Server& server);
    void logStranger(Leg leg, Channel channel, const base::SocketAddress& source);
    [[nodiscard]] static std::string_view nameOf(Channel channel);

    const std::string label_;
    std::unique_ptr<StreamPorts> ports_;
    const PerLeg<std::uint16_t> numbers_;
    const Sending sending_;
    const std::uint32_t packetsAWindow_;
    PerLeg<Side> sides_;
    /// What has come to a leg and waits for its turn.
    struct Waiting {
        std::unique_ptr<Playout> playout;  ///< nullptr: nothing is held back
        std::optional<base::TimePoint> scheduled;
    };
    PerLeg<Waiting> waiting_;
    std::uint64_t number_ = 0;
    StreamFlows flows_;
};

}  // namespace siproxd::media
