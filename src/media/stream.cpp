// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/stream.h"

#include <sys/socket.h>

#include <cstring>
#include <ranges>
#include <utility>

#include "base/log.h"
#include "media/stun.h"

namespace siproxd::media {

void SendAddress::set(const base::SocketAddress& address) {
    sockaddr_storage storage{};
    length_ = address.toSockaddr(storage);
    static_assert(sizeof storage_ >= sizeof(sockaddr_in6));
    std::memcpy(&storage_, &storage, length_);
}

Stream::Stream(std::string label, std::unique_ptr<StreamPorts> ports, KernelFlows* flows,
               const Sending& sending, base::TimePoint now)
    : label_(std::move(label)), ports_(std::move(ports)), numbers_(ports_->numbers()),
      sending_(sending), packetsAWindow_(kernel::packetsAWindow(sending.packetsPerSecond)),
      flows_(flows, numbers_, now) {
    for (const Leg leg : {Leg::A, Leg::B}) {
        sides_[leg].rtpFd = ports_->sockets[leg].rtp.fd();
        sides_[leg].rtcpFd = ports_->sockets[leg].rtcp.fd();
        if (sending_.delay[leg] > base::Duration::zero()) {
            waiting_[leg].playout = std::make_unique<Playout>(sending_.delay[leg]);
        }
    }
}

void Stream::announce(Leg leg, const Announced& announced, base::TimePoint now) {
    catchUp(leg);
    flows_.leave(now);
    auto& side = sides_[leg];
    side.framing = announced.framing;
    side.clocks.set(announced.codecs);
    const bool sameRtp = side.rtp.expect(expectedRtp(announced), now);
    const bool sameRtcp = side.rtcp.expect(expectedRtcp(announced));
    side.sipSource = announced.sipSource;
    side.trusted = announced.trusted;
    const bool spokeIce = std::exchange(side.speaksIce, announced.ice.has_value());
    if (!sameRtp || !sameRtcp) {
        side.allowance.restart(sendingIsLimited(announced), now);
        side.strangerLogged = false;
        side.counters.stranger.store({});
    }
    if (side.speaksIce && !spokeIce) {
        // Checks come as soon as there is an answer, and may be faster than it.
        adopt(side, Channel::Rtp, now);
        adopt(side, Channel::Rtcp, now);
    }
    side.toRtp.set(side.rtp.destination());
    side.toRtcp.set(side.rtcp.destination());
    side.counters.peer.store(side.rtp.peer());
}

void Stream::receive(const Endpoint& endpoint, std::span<std::uint8_t> buffer, base::TimePoint now,
                     Server& server) {
    sockaddr_storage from;
    socklen_t fromLength = sizeof from;
    const auto length =
        ::recvfrom(endpoint.fd, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC,
                   reinterpret_cast<sockaddr*>(&from), &fromLength);
    if (length < 0) {
        return;  // nothing there, or an ICMP error, which anybody can forge
    }
    auto& side = sides_[endpoint.leg];
    const auto drop = [&side](Drop reason) {
        side.counters.dropped[static_cast<std::size_t>(reason)].add(1);
    };
    const auto size = static_cast<std::size_t>(length);
    if (size > buffer.size()) {
        drop(Drop::Truncated);
        return;
    }
    const auto datagram = std::span<const std::uint8_t>(buffer).first(size);
    const auto source = base::SocketAddress::fromSockaddr(reinterpret_cast<const sockaddr*>(&from));
    catchUp(endpoint.leg);
    if (side.checks != nullptr && isStun(datagram)) {
        receiveStun(endpoint, datagram, source, now);
        return;
    }
    const auto packet = side.framing == Framing::Rtp ? classify(datagram) : Packet{};
    const auto verdict = judge(side, endpoint.channel, source, packet, datagram.empty(), now);
    if (verdict.drop != Drop::None) {
        drop(verdict.drop);
        if (verdict.drop == Drop::WrongSource && !side.strangerLogged) {
            logStranger(endpoint.leg, endpoint.channel, source);
        }
        return;
    }
    // Who is wrong costs less than a flood of who is right, and must not use up what he may send.
    if (!side.rate.take(packetsAWindow_, now)) {
        drop(Drop::Flood);
        return;
    }
    side.counters.packets.add(1);
    side.counters.bytes.add(size);
    count(endpoint.leg, packet, datagram, now);
    if (!verdict.lingering) {
        side.allowance.heard();
    }
    if (verdict.peerChanged) {
        peerChanged(endpoint.leg, endpoint.channel, now);
    }
    if (endpoint.channel == Channel::Rtp && hold(endpoint.leg, packet, datagram, now, server)) {
        return;
    }
    if (const auto reason = forward(sides_[other(endpoint.leg)], endpoint.channel, datagram);
        reason != Drop::None) {
        drop(reason);
    } else if (endpoint.channel == Channel::Rtp && !verdict.lingering) {
        moveIn(endpoint.leg, now, server);
    }
}

void Stream::catchUp(Leg leg) {
    if (const auto heard = flows_.lastHeard(leg)) {
        sides_[leg].rtp.heardElsewhere(heard->ssrc, heard->sequence, heard->when);
    }
}

void Stream::moveIn(Leg leg, base::TimePoint now, Server& server) {
    if (!flows_.mayMove(leg, now) || waiting_[leg].playout != nullptr) {
        return;
    }
    const auto& from = sides_[leg];
    const auto& to = sides_[other(leg)];
    if (from.framing != Framing::Rtp || to.framing != Framing::Rtp || !from.rtp.isSettled() ||
        !to.rtp.isSettled()) {
        return;
    }
    kernel::Flow flow;
    flow.source = from.rtp.peer();
    flow.local = ports_->sockets[leg].rtp.local();
    flow.newSource = ports_->sockets[other(leg)].rtp.local();
    flow.destination = to.rtp.peer();
    flow.tos = sending_.tos;
    flow.packetsPerSecond = sending_.packetsPerSecond;
    // The kernel rewrites addresses, but not IPv4 to IPv6.
    if (flow.local.ip.family() == flow.newSource.ip.family()) {
        flows_.routeAsked(leg, server.findRoute(*this, leg, flow));
    }
}

void Stream::routeFound(Leg leg, std::uint64_t question, const kernel::Flow& flow,
                        const std::optional<net::Route>& route, base::TimePoint now) {
    flows_.routeFound(leg, question, flow, route, now);
    // So that their first packets need not come by here. The first ones last: there is not room for all.
    const auto type = static_cast<std::uint8_t>(flows_.reception(leg).type);
    flows_.learn(leg, payloadClock(type, clockOf(leg, type)));
    for (const auto clock : std::views::reverse(sides_[other(leg)].clocks.all())) {
        flows_.learn(leg, clock);
    }
    log::debug(log::Class::Rtp, "call {}: what comes to port {} is forwarded {}", label_,
               numbers_[leg], flows_.isIn(leg) ? "in the kernel" : "by the process");
}

Verdict Stream::judge(Side& side, Channel channel, const base::SocketAddress& source,
                      const Packet& packet, bool empty, base::TimePoint now) {
    if (side.framing == Framing::Opaque) {
        return channel == Channel::Rtp && !empty ? side.rtp.receiveOpaque(source, now)
                                                            : Verdict{Drop::Garbage};
    }
    if (packet.kind == PacketKind::Garbage) {
        return {Drop::Garbage};
    }
    if (channel == Channel::Rtcp) {
        switch (packet.kind) {
            case PacketKind::Rtcp:
                return side.rtcp.receiveRtcp(source, packet, side.rtp);
            case PacketKind::Control:
                return side.rtcp.receiveControl(source);
            default:
                return {Drop::Garbage};
        }
    }
    return packet.kind == PacketKind::Rtp ? side.rtp.receiveRtp(source, packet, now)
                                          : side.rtp.receiveControl(source, now);
}

void Stream::count(Leg leg, const Packet& packet, std::span<const std::uint8_t> datagram,
                   base::TimePoint now) {
    if (packet.kind == PacketKind::Rtp) {
        countRtp(leg, packet, now);
    } else if (packet.kind == PacketKind::Rtcp) {
        countRtcp(leg, datagram, now);
    }
}

void Stream::countRtp(Leg leg, const Packet& packet, base::TimePoint now) {
    auto state = flows_.reception(leg);
    if (packet.type != state.type) {
        const auto clock = payloadClock(packet.type, clockOf(leg, packet.type));
        state.follow(clock);
        flows_.learn(leg, clock);
    }
    const auto arrival = std::chrono::nanoseconds(now.time_since_epoch()).count();
    state.receive(packet.ssrc, packet.sequence, packet.type, packet.timestamp,
                  static_cast<std::uint64_t>(arrival));
    flows_.setReception(leg, state);
}

std::optional<std::uint32_t> Stream::clockOf(Leg leg, std::uint8_t type) const {
    // Types are named by whom they are sent to (RFC 3264 §5.1); some who send go by their own names.
    auto clock = sides_[other(leg)].clocks.find(type);
    clock = clock ? clock : sides_[leg].clocks.find(type);
    return clock ? clock : staticClock(type);
}

bool Stream::hold(Leg leg, const Packet& packet, std::span<const std::uint8_t> datagram,
                  base::TimePoint now, Server& server) {
    auto& playout = waiting_[leg].playout;
    if (playout == nullptr || packet.kind != PacketKind::Rtp) {
        return false;
    }
    // Events and noise stand in line with the voice that they interrupt.
    auto clock = clockOf(leg, packet.type);
    if (clock == 0U) {
        const auto voice = flows_.reception(leg).type;
        clock = voice == ReceptionState::kNoType
                    ? std::nullopt
                    : clockOf(leg, static_cast<std::uint8_t>(voice));
    }
    if (!clock || *clock == 0) {
        return false;
    }
    const auto due = playout->hold(packet, datagram, *clock, now);
    if (due) {
        schedule(leg, *due, server);
    }
    return due.has_value();
}

void Stream::schedule(Leg leg, base::TimePoint due, Server& server) {
    auto& scheduled = waiting_[leg].scheduled;
    if (!scheduled || due < *scheduled) {
        scheduled = due;
        server.schedule(*this, leg, due);
    }
}

void Stream::playOut(Leg leg, base::TimePoint now, Server& server) {
    auto& [playout, scheduled] = waiting_[leg];
    scheduled.reset();
    while (playout != nullptr && playout->next() && *playout->next() <= now) {
        const auto reason = forward(sides_[other(leg)], Channel::Rtp, playout->take());
        if (reason != Drop::None) {
            sides_[leg].counters.dropped[static_cast<std::size_t>(reason)].add(1);
        }
    }
    if (playout != nullptr && playout->next()) {
        schedule(leg, *playout->next(), server);
    }
}

void Stream::countRtcp(Leg leg, std::span<const std::uint8_t> datagram, base::TimePoint now) {
    const auto reports = parseRtcp(datagram);
    if (!reports) {
        return;
    }
    auto& far = sides_[other(leg)];
    sides_[leg].reports.receive(*reports, flows_.reception(other(leg)).ssrc, now);
    if (reports->isSender) {
        far.reports.passed(reports->ntpMiddle, now);
    }
}

Drop Stream::forward(Side& to, Channel channel, std::span<const std::uint8_t> datagram) {
    const bool rtp = channel == Channel::Rtp;
    const auto& address = rtp ? to.toRtp : to.toRtcp;
    if (address.length() == 0) {
        return Drop::NoDestination;
    }
    if (!to.allowance.take()) {
        return Drop::Unheard;
    }
    const auto sent = ::sendto(rtp ? to.rtpFd : to.rtcpFd, datagram.data(), datagram.size(),
                               MSG_DONTWAIT | MSG_NOSIGNAL, address.get(), address.length());
    return sent < 0 ? Drop::SendFailed : Drop::None;
}

void Stream::peerChanged(Leg leg, Channel channel, base::TimePoint now) {
    auto& side = sides_[leg];
    if (channel == Channel::Rtp) {
        flows_.leave(now);
        side.toRtp.set(side.rtp.destination());
        side.counters.peer.store(side.rtp.peer());
        log::debug(log::Class::Rtp, "call {}: port {} hears {}", label_, numbers_[leg],
                   side.rtp.peer().toString());
    } else {
        side.toRtcp.set(side.rtcp.destination());
    }
}

void Stream::logStranger(Leg leg, Channel channel, const base::SocketAddress& source) {
    auto& side = sides_[leg];
    side.strangerLogged = true;
    side.counters.stranger.store(source);
    const auto wanted =
        channel == Channel::Rtp ? side.rtp.destination() : side.rtcp.destination();
    log::infoFromPeer("call {}: {} on port {} from {} is not relayed, it is expected from {}",
                      label_, nameOf(channel), numbers_[leg] + (channel == Channel::Rtp ? 0 : 1),
                      source.toString(), wanted ? wanted.toString() : "elsewhere");
}

std::string_view Stream::nameOf(Channel channel) {
    return channel == Channel::Rtp ? "RTP" : "RTCP";
}

std::size_t Stream::packets(Leg leg) const {
    return sides_[leg].counters.packets.value() + flows_.packets(leg);
}

LegReport Stream::report(Leg leg) const {
    const auto& counters = sides_[leg].counters;
    LegReport report;
    report.peer = counters.peer.load();
    report.packets = packets(leg);
    report.stranger = counters.stranger.load();
    report.reception = flows_.reception(leg);
    report.rtcp = sides_[leg].reports.view();
    report.bytes = counters.bytes.value() + flows_.bytes(leg);
    for (std::size_t i = 0; i < kDropReasons; ++i) {
        report.dropped[i] = counters.dropped[i].value();
    }
    report.dropped[static_cast<std::size_t>(Drop::Flood)] += flows_.floods(leg);
    return report;
}

}  // namespace siproxd::media
