// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/stream.h"

#include <sys/socket.h>

#include <cstring>

#include "base/log.h"

namespace siproxd::media {

void SendAddress::set(const base::SocketAddress& address) {
    sockaddr_storage storage{};
    length_ = address.toSockaddr(storage);
    static_assert(sizeof storage_ >= sizeof(sockaddr_in6));
    std::memcpy(&storage_, &storage, length_);
}

Stream::Stream(std::string label, StreamSockets sockets, std::size_t thread)
    : label_(std::move(label)), sockets_(std::move(sockets)),
      ports_((*sockets_)[Leg::A].port(), (*sockets_)[Leg::B].port()), thread_(thread) {
    auto next = endpoints_.begin();
    for (const Leg leg : {Leg::A, Leg::B}) {
        auto& side = sides_[leg];
        side.rtpFd = (*sockets_)[leg].rtp.fd();
        side.rtcpFd = (*sockets_)[leg].rtcp.fd();
        *next++ = {this, leg, Channel::Rtp, side.rtpFd};
        *next++ = {this, leg, Channel::Rtcp, side.rtcpFd};
    }
}

void Stream::announce(Leg leg, const Announced& announced, base::TimePoint now) {
    auto& side = sides_[leg];
    side.framing = announced.framing;
    const bool sameRtp = side.rtp.expect(expectedRtp(announced), now);
    const bool sameRtcp = side.rtcp.expect(expectedRtcp(announced));
    if (!sameRtp || !sameRtcp) {
        side.allowance.restart(sendingIsLimited(announced));
        side.strangerLogged = false;
    }
    side.toRtp.set(side.rtp.destination());
    side.toRtcp.set(side.rtcp.destination());
    side.counters.peer.store(side.rtp.peer());
}

void Stream::receive(const Endpoint& endpoint, std::span<std::uint8_t> buffer,
                     base::TimePoint now) {
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
    const auto verdict = judge(side, endpoint.channel, source, datagram, now);
    if (verdict.drop != Drop::None) {
        drop(verdict.drop);
        if (verdict.drop == Drop::WrongSource && !side.strangerLogged) {
            logStranger(endpoint.leg, endpoint.channel, source);
        }
        return;
    }
    side.counters.packets.add(1);
    side.counters.bytes.add(size);
    if (!verdict.lingering) {
        side.allowance.heard();
    }
    if (verdict.peerChanged) {
        peerChanged(endpoint.leg, endpoint.channel);
    }
    if (const auto reason = forward(sides_[other(endpoint.leg)], endpoint.channel, datagram);
        reason != Drop::None) {
        drop(reason);
    }
}

Verdict Stream::judge(Side& side, Channel channel, const base::SocketAddress& source,
                      std::span<const std::uint8_t> datagram, base::TimePoint now) {
    if (side.framing == Framing::Opaque) {
        return channel == Channel::Rtp && !datagram.empty() ? side.rtp.receiveOpaque(source, now)
                                                            : Verdict{Drop::Garbage};
    }
    const auto packet = classify(datagram);
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

void Stream::peerChanged(Leg leg, Channel channel) {
    auto& side = sides_[leg];
    if (channel == Channel::Rtp) {
        side.toRtp.set(side.rtp.destination());
        side.counters.peer.store(side.rtp.peer());
        log::debug(log::Class::Rtp, "call {}: port {} hears {}", label_, ports_[leg],
                   side.rtp.peer().toString());
    } else {
        side.toRtcp.set(side.rtcp.destination());
    }
}

void Stream::logStranger(Leg leg, Channel channel, const base::SocketAddress& source) {
    auto& side = sides_[leg];
    side.strangerLogged = true;
    const auto wanted =
        channel == Channel::Rtp ? side.rtp.destination() : side.rtcp.destination();
    log::infoFromPeer("call {}: {} on port {} from {} is not relayed, it is expected from {}",
                      label_, nameOf(channel), ports_[leg] + (channel == Channel::Rtp ? 0 : 1),
                      source.toString(), wanted ? wanted.toString() : "elsewhere");
}

std::string_view Stream::nameOf(Channel channel) {
    return channel == Channel::Rtp ? "RTP" : "RTCP";
}

std::size_t Stream::packets() const {
    return sides_[Leg::A].counters.packets.value() + sides_[Leg::B].counters.packets.value();
}

LegReport Stream::report(Leg leg) const {
    const auto& counters = sides_[leg].counters;
    LegReport report;
    report.peer = counters.peer.load();
    report.packets = counters.packets.value();
    report.bytes = counters.bytes.value();
    for (std::size_t i = 0; i < kDropReasons; ++i) {
        report.dropped[i] = counters.dropped[i].value();
    }
    return report;
}

}  // namespace siproxd::media
