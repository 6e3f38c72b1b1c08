// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/call_media.h"

#include "base/log.h"
#include "base/text.h"

namespace siproxd::proxy {

namespace {

media::Leg legOf(Side side) {
    return side == Side::Inside ? media::Leg::A : media::Leg::B;
}

}  // namespace

media::Session& CallMedia::sessionOf(Call& call, const std::function<void()>& onSilence) {
    if (call.media() == nullptr) {
        call.setMedia(relay_.open(call.state().callId, onSilence));
    }
    return *call.media();
}

bool CallMedia::isForbidden(const base::IpAddress& ip, Side from) const {
    if (ip.isUnspecified()) {
        return false;  // hold
    }
    if (ip.isLoopback() || ip.isMulticast() || ip.isBroadcast()) {
        return true;
    }
    // From outside only the announced address of ours makes sense: a call that comes back through
    // the provider to another phone of this house.
    return from == Side::Outside && ip != addresses_.announced && ip != addresses_.outbound &&
           !addresses_.single() && (ip == addresses_.inbound || addresses_.isInside(ip));
}

void CallMedia::rewriteAddresses(sdp::Session& description, Side towards) const {
    const auto& ours = addresses_.mediaTowards(towards);
    description.setOrigin(ours);
    const auto rewrite = [&ours](sdp::Section& section) {
        const auto connection = section.connection();
        const auto ip = connection ? connection->ip() : std::nullopt;
        if (connection && !(ip && ip->isUnspecified())) {
            section.replaceConnection(ours);
        }
    };
    rewrite(description.top());
    for (auto& media : description.media()) {
        rewrite(media);
    }
    description.removeIce();
}

MediaOutcome CallMedia::applyStream(media::Session& session, std::size_t index,
                                    const sdp::Session& description, sdp::Media& media, Side from,
                                    const base::SocketAddress& sipSource) {
    if (media.port() == 0) {
        session.closeStream(index);
        return MediaOutcome::Rewritten;
    }
    if (!media.isUdp()) {
        // TCP media cannot be relayed: refusing the stream beats announcing a port that is dead.
        media.setPort(0);
        session.closeStream(index);
        return MediaOutcome::Rewritten;
    }
    media::Announced announced;
    const auto connection = description.connectionOf(media);
    if (const auto ip = connection ? connection->ip() : std::nullopt) {
        if (isForbidden(*ip, from)) {
            return MediaOutcome::Refused;
        }
        announced.rtp = {*ip, media.port()};
    } else {
        // A host name: media will come from where the signalling does.
        announced.rtp = {sipSource.ip, media.port()};
        announced.natted = true;
    }
    if (const auto rtcp = media.rtcp(); rtcp && !media.rtcpMux()) {
        const auto ip = rtcp->address ? rtcp->address->ip() : std::optional(announced.rtp.ip);
        if (ip && !isForbidden(*ip, from)) {
            announced.rtcp = {*ip, rtcp->port};
        }
    }
    announced.sipSource = sipSource.ip;
    announced.trusted = from == Side::Inside || addresses_.isOurs(announced.rtp.ip);
    announced.held = description.isHeld(media);
    announced.framing = media.isRtp() ? media::Framing::Rtp : media::Framing::Opaque;

    const auto ports = session.openStream(index, addresses_.local(Side::Inside),
                                          addresses_.local(Side::Outside));
    if (!ports) {
        log::error("rtp_relay_start_fwd: no RTP port available or bind() failed ({})",
                   ports.error().message);
        return MediaOutcome::NoPorts;
    }
    if (const auto set = session.setRemote(index, legOf(from), announced); !set) {
        log::warningFromPeer("media of {} cannot be relayed: {}", announced.rtp.toString(),
                             set.error().message);
        return MediaOutcome::Refused;
    }
    const std::uint16_t port = (*ports)[legOf(other(from))];
    media.setPort(port);
    if (media.has("rtcp")) {
        media.setRtcp(static_cast<std::uint16_t>(port + 1), addresses_.mediaTowards(other(from)));
    }
    return MediaOutcome::Rewritten;
}

MediaOutcome CallMedia::apply(Call& call, sip::Message& message, Side from,
                              const base::SocketAddress& sipSource,
                              const std::function<void()>& onSilence) {
    if (!hasSdp(message)) {
        return MediaOutcome::Untouched;
    }
    auto description = sdp::Session::parse(message.body());
    if (!description) {
        log::warningFromPeer("SDP of {} cannot be read: {} [CID: {}]", sipSource.toString(),
                             description.error().message, base::printable(message.callId()));
        return MediaOutcome::Unreadable;
    }
    auto& session = sessionOf(call, onSilence);
    for (std::size_t i = 0; i < description->media().size(); ++i) {
        const auto outcome =
            applyStream(session, i, *description, description->media()[i], from, sipSource);
        if (outcome != MediaOutcome::Rewritten) {
            return outcome;
        }
    }
    rewriteAddresses(*description, other(from));
    message.setBody(description->toString());
    return MediaOutcome::Rewritten;
}

MediaOutcome CallMedia::reserve(Call& call, const std::function<void()>& onSilence) {
    auto& session = sessionOf(call, onSilence);
    if (session.streamCount() > 0 ||
        session.openStream(0, addresses_.local(Side::Inside), addresses_.local(Side::Outside))) {
        return MediaOutcome::Untouched;
    }
    log::error("rtp_relay_start_fwd: no RTP port available or bind() failed");
    return MediaOutcome::NoPorts;
}

void CallMedia::hideAddresses(sip::Message& message, Side towards) const {
    if (!hasSdp(message)) {
        return;
    }
    if (auto description = sdp::Session::parse(message.body())) {
        rewriteAddresses(*description, towards);
        message.setBody(description->toString());
    } else {
        message.setBody("", "");
    }
}

void CallMedia::disable(sip::Message& message, Side towards) const {
    auto description = sdp::Session::parse(message.body());
    if (!description) {
        message.setBody("", "");
        return;
    }
    for (auto& media : description->media()) {
        media.setPort(0);
    }
    rewriteAddresses(*description, towards);
    message.setBody(description->toString());
}

}  // namespace siproxd::proxy
