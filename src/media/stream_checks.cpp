// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/socket.h>

#include "media/stream.h"

namespace siproxd::media {

void Stream::expectChecks(Leg leg, const IceCredentials& ours) {
    auto& checks = sides_[leg].checks;
    if (checks == nullptr) {
        checks = std::make_unique<Checks>();
    }
    if (checks->agent.expect(ours)) {
        checks->rtp.restart();
        checks->rtcp.restart();
    }
}

void Stream::receiveStun(const Endpoint& endpoint, std::span<const std::uint8_t> datagram,
                         const base::SocketAddress& source, base::TimePoint now) {
    auto& side = sides_[endpoint.leg];
    const auto drop = [&side](Drop reason) {
        side.counters.dropped[static_cast<std::size_t>(reason)].add(1);
    };
    const auto check = side.checks->agent.receive(datagram, source);
    if (!check) {
        // Whoever does not know the password hears nothing. Indications of the party only keep NATs
        // awake.
        if (source != side.rtp.peer()) {
            drop(Drop::WrongSource);
        }
        return;
    }
    if (!side.rate.take(packetsAWindow_, now)) {
        drop(Drop::Flood);
        return;
    }
    SendAddress back;
    back.set(source);
    if (::sendto(endpoint.fd, check->answer.data(), check->answer.size(),
                 MSG_DONTWAIT | MSG_NOSIGNAL, back.get(), back.length()) < 0) {
        drop(Drop::SendFailed);
        return;
    }
    const bool silent = endpoint.channel == Channel::Rtp && side.rtp.isSilent(now);
    if (check->succeeded && side.checks->of(endpoint.channel).take(source, *check, silent) &&
        adopt(side, endpoint.channel, now)) {
        peerChanged(endpoint.leg, endpoint.channel, now);
    }
}

bool Stream::adopt(Side& side, Channel channel, base::TimePoint now) {
    if (side.checks == nullptr || !side.speaksIce || !side.checks->of(channel).source()) {
        return false;
    }
    const auto& source = side.checks->of(channel).source();
    const bool isNews =
        channel == Channel::Rtp ? side.rtp.adopt(source, now) : side.rtcp.adopt(source);
    if (isNews) {
        // Its address can be forged: a check proves who sends, not who receives.
        side.allowance.restart(!side.trusted && source.ip != side.sipSource, now);
    }
    return isNews;
}

}  // namespace siproxd::media
