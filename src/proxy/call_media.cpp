// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/call_media.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/sdp_body.h"

namespace siproxd::proxy {

namespace {

/// Whether the SDP of this message is an offer that its response accepts or refuses (RFC 3261
/// §13.2.1, RFC 3311).
bool mayBeRefused(const sip::Message& message) {
    return message.isRequest() && (message.method() == sip::Method::Invite ||
                                   message.method() == sip::Method::Update);
}

}  // namespace

media::Session& CallMedia::sessionOf(Call& call, const MediaWay& way,
                                     const std::function<void()>& onSilence) {
    if (auto* session = call.media(way.crossing())) {
        return *session;
    }
    return call.addMedia(way.crossing(), relay_.open(call.state().callId, onSilence));
}

base::IpAddress CallMedia::announcedTo(const MediaWay& way) const {
    const auto* endpoint = addresses_.at(way.to, way.toLocal);
    return endpoint != nullptr ? endpoint->announced : way.toLocal;
}

std::optional<base::SocketAddress> CallMedia::allowed(const Call& call,
                                                      base::SocketAddress announced,
                                                      const MediaWay& way) {
    const auto& ip = announced.ip;
    if (ip.isUnspecified()) {
        return announced;  // hold
    }
    if (ip.isMulticast() || ip.isBroadcast()) {
        return std::nullopt;
    }
    if (way.from == Side::Inside) {
        return announced;
    }
    for (const auto& endpoint : addresses_.endpoints()) {
        if (endpoint.side != Side::Outside || (ip != endpoint.announced && ip != endpoint.ip)) {
            continue;
        }
        // A call that has come back through the provider to another phone of this house. The other
        // call's relay is reached without a detour over a NAT router in front of us.
        if (!calls_.isPortOfAnother(announced.port, call)) {
            return std::nullopt;
        }
        announced.ip = endpoint.ip;
        return announced;
    }
    if (addresses_.isOurs(ip) || addresses_.isInside(ip)) {
        return std::nullopt;
    }
    return announced;
}

void CallMedia::rewriteAddresses(sdp::Session& description, const MediaWay& way) const {
    const auto ours = announcedTo(way);
    description.setOrigin(ours);
    const auto rewrite = [&](sdp::Section& section) {
        for (auto& line : section.lines()) {
            if (line.type() != 'c') {
                continue;
            }
            const auto address = sdp::parseNetAddress(line.value());
            const auto ip = address ? address->ip() : std::nullopt;
            if (address && !(ip && ip->isUnspecified())) {
                line.setValue(sdp::withNetAddress(line.value(), ours));
            }
        }
        if (way.to == Side::Outside) {
            section.removeIf([this](std::string_view name, std::string_view value) {
                return name != "rtcp" && namesInside(value);
            });
        }
    };
    rewrite(description.top());
    for (auto& media : description.media()) {
        rewrite(media);
    }
    description.removeIce();
}

bool CallMedia::namesInside(std::string_view value) const {
    // source-filter, alt and others of no use behind a relay: addresses stand there as words.
    while (!value.empty()) {
        const auto end = std::min(value.find(' '), value.size());
        const auto ip = base::IpAddress::parse(value.substr(0, end));
        if (ip && addresses_.isHidden(*ip)) {
            return true;
        }
        value.remove_prefix(std::min(end + 1, value.size()));
    }
    return false;
}

MediaOutcome CallMedia::applyStream(Call& call, media::Session& session, std::size_t index,
                                    const sdp::Session& description, sdp::Media& media,
                                    const MediaWay& way, bool refusable) {
    if (media.port() == 0) {
        // An offer to end the stream may still be refused.
        if (!refusable) {
            session.closeStream(index);
        }
        return MediaOutcome::Rewritten;
    }
    if (!media.isUdp()) {
        // TCP media cannot be relayed: refusing the stream beats announcing a port that is dead.
        media.setPort(0);
        if (!refusable) {
            session.closeStream(index);
        }
        return MediaOutcome::Rewritten;
    }
    media::Announced announced;
    const auto connection = description.connectionOf(media);
    if (const auto ip = connection ? connection->ip() : std::nullopt;
        ip && !(way.fromNatted && addresses_.isInside(*ip))) {
        const auto target = allowed(call, {*ip, media.port()}, way);
        if (!target) {
            return MediaOutcome::Refused;
        }
        announced.rtp = *target;
    } else {
        // A host name, or behind a NAT: media will come from where the signalling does.
        announced.rtp = {way.sipSource.ip, media.port()};
        announced.natted = true;
    }
    if (const auto rtcp = media.rtcp(); rtcp && !media.rtcpMux()) {
        const auto ip = rtcp->address ? rtcp->address->ip() : std::optional(announced.rtp.ip);
        if (ip && *ip == announced.rtp.ip) {
            announced.rtcp = {*ip, rtcp->port};
        }
    }
    announced.sipSource = way.sipSource.ip;
    announced.trusted = way.from == Side::Inside || addresses_.isOurs(announced.rtp.ip);
    announced.held = description.isHeld(media);
    announced.framing = media.isRtp() ? media::Framing::Rtp : media::Framing::Opaque;

    const auto crossing = way.crossing();
    const auto ports = session.openStream(index, crossing.initiator, crossing.answerer);
    if (!ports) {
        log::error("rtp_relay_start_fwd: no RTP port available or bind() failed ({})",
                   ports.error().message);
        return MediaOutcome::NoPorts;
    }
    const auto sender = way.senderLeg();
    const auto receiver = sender == media::Leg::A ? media::Leg::B : media::Leg::A;
    if (const auto set = session.setRemote(index, sender, announced); !set) {
        log::warningFromPeer("media of {} cannot be relayed: {}", announced.rtp.toString(),
                             set.error().message);
        return MediaOutcome::Refused;
    }
    if (way.from == Side::Outside) {
        calls_.ownsPort((*ports)[sender], call);
    }
    if (way.to == Side::Outside) {
        calls_.ownsPort((*ports)[receiver], call);
    }
    const std::uint16_t port = (*ports)[receiver];
    media.setPort(port);
    if (media.has("rtcp")) {
        media.setRtcp(static_cast<std::uint16_t>(port + 1), announcedTo(way));
    }
    return MediaOutcome::Rewritten;
}

MediaOutcome CallMedia::applySession(Call& call, sip::Message& message,
                                     sdp::Session& description, const MediaWay& way,
                                     const std::function<void()>& onSilence) {
    auto& session = sessionOf(call, way, onSilence);
    const bool refusable = mayBeRefused(message);
    if (refusable && call.state().answered) {
        session.remember();
    }
    for (std::size_t i = 0; i < description.media().size(); ++i) {
        const auto outcome =
            applyStream(call, session, i, description, description.media()[i], way, refusable);
        if (outcome != MediaOutcome::Rewritten) {
            session.restore();
            return outcome;
        }
    }
    rewriteAddresses(description, way);
    return MediaOutcome::Rewritten;
}

MediaOutcome CallMedia::apply(Call& call, sip::Message& message, const MediaWay& way,
                              const std::function<void()>& onSilence) {
    if (!SdpBody::mayBeIn(message) || way.isDirect()) {
        return MediaOutcome::Untouched;
    }
    auto body = SdpBody::read(message);
    if (!body) {
        log::warningFromPeer("SDP of {} cannot be read: {} [CID: {}]", way.sipSource.toString(),
                             body.error().message, base::printable(message.callId()));
        return MediaOutcome::Unreadable;
    }
    if (body->empty()) {
        return MediaOutcome::Untouched;
    }
    if (!announcedTo(way)) {
        log::warningFromPeer("our address outside is not known yet: no media can be announced");
        return MediaOutcome::NoPorts;
    }
    auto outcome = MediaOutcome::Untouched;
    if (auto* description = body->session()) {
        outcome = applySession(call, message, *description, way, onSilence);
        if (outcome != MediaOutcome::Rewritten) {
            return outcome;
        }
    }
    for (auto* description : body->others()) {
        refuseStreams(*description, way);
    }
    body->writeTo(message);
    return outcome;
}

MediaOutcome CallMedia::reserve(Call& call, const MediaWay& way,
                                const std::function<void()>& onSilence) {
    if (way.isDirect()) {
        return MediaOutcome::Untouched;
    }
    auto& session = sessionOf(call, way, onSilence);
    const auto crossing = way.crossing();
    if (session.streamCount() > 0 ||
        session.openStream(0, crossing.initiator, crossing.answerer)) {
        return MediaOutcome::Untouched;
    }
    log::error("rtp_relay_start_fwd: no RTP port available or bind() failed");
    return MediaOutcome::NoPorts;
}

void CallMedia::hideAddresses(sip::Message& message, const MediaWay& way) const {
    if (!SdpBody::mayBeIn(message) || way.isDirect()) {
        return;
    }
    auto body = SdpBody::read(message);
    if (!body) {
        message.setBody("", "");
        return;
    }
    if (auto* description = body->session()) {
        rewriteAddresses(*description, way);
    }
    for (auto* description : body->others()) {
        refuseStreams(*description, way);
    }
    body->writeTo(message);
}

void CallMedia::disable(sip::Message& message, const MediaWay& way) const {
    auto body = SdpBody::read(message);
    if (!body) {
        message.setBody("", "");
        return;
    }
    if (auto* description = body->session()) {
        refuseStreams(*description, way);
    }
    for (auto* description : body->others()) {
        refuseStreams(*description, way);
    }
    body->writeTo(message);
}

void CallMedia::refuseStreams(sdp::Session& description, const MediaWay& way) const {
    for (auto& media : description.media()) {
        media.setPort(0);
    }
    rewriteAddresses(description, way);
}

}  // namespace siproxd::proxy
