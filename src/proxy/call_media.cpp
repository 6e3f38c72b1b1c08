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

/// Whether the streams that this message is without are over. An offer to end them may still be
/// refused, and a provisional response may be of a fork that is not the one that answers.
bool settlesStreams(const sip::Message& message) {
    return message.isRequest() ? !mayBeRefused(message) : message.status() >= 200;
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

bool CallMedia::speaksIce(const Passage& passage) {
    for (const auto& media : passage.description.media()) {
        if (iceOf(passage, media)) {
            return true;
        }
    }
    return false;
}

void CallMedia::rewriteAddresses(sdp::Session& description, const MediaWay& way,
                                 const base::IpAddress& connection, bool nowhereToo) const {
    description.setOrigin(announcedTo(way));
    const auto rewrite = [&](sdp::Section& section) {
        for (auto& line : section.lines()) {
            if (line.type() != 'c') {
                continue;
            }
            const auto address = sdp::parseNetAddress(line.value());
            const auto ip = address ? address->ip() : std::nullopt;
            if (address && (nowhereToo || !(ip && ip->isUnspecified()))) {
                line.setValue(sdp::withNetAddress(line.value(), connection));
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

base::IpAddress CallMedia::addressOf(const Shows& shows, const base::IpAddress& ours) {
    const base::IpAddress* common = nullptr;
    for (const auto& shown : shows) {
        if (shown && common != nullptr && *common != shown->rtp.ip) {
            return ours;
        }
        common = shown ? &shown->rtp.ip : common;
    }
    return common != nullptr ? *common : ours;
}

void CallMedia::show(sdp::Session& description, const Passage& passage, const Shows& shows) const {
    // Where it can be said for the session it is: not everybody reads what a stream says of its own.
    const auto address = addressOf(shows, announcedTo(passage.way));
    rewriteAddresses(description, passage.way, address, speaksIce(passage));
    for (std::size_t i = 0; i < shows.size(); ++i) {
        auto& media = description.media()[i];
        if (!shows[i]) {
            media.setPort(0);
            continue;
        }
        const auto& shown = *shows[i];
        if (const auto rtcp = media.rtcp(); rtcp || media.has("rtcp")) {
            const auto& told = rtcp && rtcp->port == media.port() ? shown.rtp : shown.rtcp;
            media.setRtcp(told.port, told.ip);
        }
        media.setPort(shown.rtp.port);
        const auto connection = description.connectionOf(media);
        const auto ip = connection ? connection->ip() : std::nullopt;
        if (shown.rtp.ip != address && !(ip && ip->isUnspecified())) {
            media.setConnection(shown.rtp.ip);
        }
        if (shown.ice) {
            showIce(media, shown);
        }
    }
    if (std::ranges::any_of(shows, [](const auto& shown) { return shown && shown->ice; })) {
        description.top().add("ice-lite", "");
    }
}

void CallMedia::showIce(sdp::Media& media, const Shown& shown) {
    media.add("ice-ufrag", shown.ice->fragment);
    media.add("ice-pwd", shown.ice->password);
    const auto candidate = [&media](unsigned component, const base::SocketAddress& address) {
        media.add("candidate", "1 " + std::to_string(component) + " UDP " +
                                   std::to_string(media::icePriority(component)) + " " +
                                   address.ip.toString() + " " + std::to_string(address.port) +
                                   " typ host");
    };
    candidate(1, shown.rtp);
    if (media.isRtp() && !media.rtcpMux()) {
        candidate(2, shown.rtcp);
    }
}

MediaOutcome CallMedia::applySession(Call& call, const sip::Message& message,
                                     sdp::Session& description, const MediaWay& way,
                                     const std::function<void()>& onSilence) {
    const Passage passage{call, sessionOf(call, way, onSilence), description,
                          description.carriers(), way};
    if (mayBeRefused(message) && call.state().answered) {
        passage.session.remember();
    }
    const auto count = description.media().size();
    Shows shows(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto& media = description.media()[i];
        if (media.port() != 0 && !media.isUdp()) {
            // Refusing the stream beats announcing a port that is dead.
            log::warningFromPeer("m={} over {} of {} is refused: only UDP is relayed [CID: {}]",
                                 base::printable(media.type()),
                                 base::printable(media.protocol()), way.sipSource.toString(),
                                 base::printable(call.state().callId));
        }
        if (media.port() == 0 || !media.isUdp() || passage.carriers[i] != i) {
            continue;
        }
        const auto shown = relayStream(passage, i);
        if (!shown) {
            passage.session.restore();
            return shown.error();
        }
        shows[i] = *shown;
    }
    if (!call.state().answered && !way.byInitiator) {
        std::vector<std::size_t> taken;
        for (std::size_t i = 0; i < count; ++i) {
            if (shows[i]) {
                taken.push_back(i);
            }
        }
        passage.session.keepFork(message.isRequest() ? message.fromTag() : message.toTag(),
                                 way.senderLeg(), taken);
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (!shows[i] && settlesStreams(message)) {
            passage.session.closeStream(i);
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (description.media()[i].port() != 0 && description.media()[i].isUdp()) {
            shows[i] = shows[passage.carriers[i]];
        }
    }
    show(description, passage, shows);
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
        rewriteAddresses(*description, way, announcedTo(way));
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
    rewriteAddresses(description, way, announcedTo(way));
}

}  // namespace siproxd::proxy
