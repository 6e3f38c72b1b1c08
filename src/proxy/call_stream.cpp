// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"
#include "base/text.h"
#include "proxy/call_id.h"
#include "proxy/call_media.h"

namespace siproxd::proxy {

namespace {

base::SocketAddress portAfter(const base::SocketAddress& rtp) {
    return {rtp.ip, static_cast<std::uint16_t>(rtp.port + 1)};
}

/// What the lines say beyond RFC 3551. Names are foreign: what is long or odd stays out of the log.
void addCodecs(const sdp::Media& media, std::vector<media::Codec>& codecs) {
    constexpr std::size_t kLongestName = 20;
    for (const auto& map : media.rtpMaps()) {
        media::Codec codec{map.type, map.clock, base::printable(map.name, kLongestName)};
        if (codecs.size() < media::PayloadClocks::kMost &&
            codec != media::codecOf(map.type, {})) {
            codecs.push_back(std::move(codec));
        }
    }
}

/// Whether two calls are one dialog that passes us twice, out and back in. Nobody outside but those
/// who carry the call know its Call-ID, its tag and its port.
bool areOneDialog(const CallState& one, const CallState& other) {
    return one.initiator != other.initiator && one.initiatorTag == other.initiatorTag &&
           !one.initiatorTag.empty() &&
           (one.callId == other.callId ||
            one.callId == obscuredCallId(other.callId, other.initiatorTag) ||
            other.callId == obscuredCallId(one.callId, one.initiatorTag));
}

}  // namespace

std::optional<base::SocketAddress> CallMedia::allowed(const Call& call,
                                                      base::SocketAddress announced,
                                                      const MediaWay& way) const {
    const auto& ip = announced.ip;
    if (ip.isUnspecified()) {
        return announced;  // hold
    }
    if (addresses_.isForMany(ip)) {
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
        const auto* owner = calls_.ownerOf(announced.port);
        if (owner == nullptr || owner == &call) {
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

std::optional<media::Announced> CallMedia::neighbourBehind(const base::SocketAddress& relay,
                                                           const Passage& passage) const {
    const auto& way = passage.way;
    if (way.from != Side::Outside || way.to != Side::Inside ||
        addresses_.at(Side::Outside, relay.ip) == nullptr) {
        return std::nullopt;
    }
    const auto* owner = calls_.ownerOf(relay.port);
    if (owner == nullptr || way.mode == RelayMode::All ||
        owner->state().relayMode == RelayMode::All ||
        !areOneDialog(owner->state(), passage.call.state())) {
        return std::nullopt;
    }
    const auto opposite = owner->opposite(relay);
    const auto* network = addresses_.at(Side::Inside, way.toLocal);
    const bool isNeighbour = opposite && network != nullptr && opposite->local == way.toLocal &&
                             !opposite->announced.natted && opposite->announced.rtp.port != 0 &&
                             network->subnet.contains(opposite->announced.rtp.ip);
    return isNeighbour ? std::optional(opposite->announced) : std::nullopt;
}

base::Rare<media::IceCredentials> CallMedia::iceOf(const Passage& passage,
                                                  const sdp::Media& media) {
    constexpr std::size_t kLongest = 256;  // RFC 8839 §5.4
    const auto fragment = passage.description.iceValue(media, "ice-ufrag");
    const auto password = passage.description.iceValue(media, "ice-pwd");
    if (!passage.call.state().iceLite || !fragment || !password || fragment->size() > kLongest ||
        password->size() > kLongest) {
        return {};
    }
    return media::IceCredentials{std::string(base::trim(*fragment)),
                                 std::string(base::trim(*password))};
}

bool CallMedia::showsIce(const Passage& passage, std::size_t index) {
    const auto* known = passage.session.announced(index, media::other(passage.way.senderLeg()));
    return known != nullptr ? known->ice.has_value()
                            : iceOf(passage, passage.description.media()[index]).has_value();
}

std::optional<media::Announced> CallMedia::announcedBy(const Passage& passage,
                                                       std::size_t index) const {
    const auto& [call, session, description, carriers, way] = passage;
    const auto& media = description.media()[index];
    media::Announced announced;
    announced.ice = iceOf(passage, media);
    const auto connection = description.connectionOf(media);
    const auto ip = connection ? connection->ip() : std::nullopt;
    // An agent of ICE that does not know yet where it is says 0.0.0.0 (RFC 8840 §4.1.1), and is not on hold.
    const bool isGathering = announced.ice && ip && ip->isUnspecified();
    if (ip && !isGathering && !(way.fromNatted && addresses_.isInside(*ip))) {
        const auto target = allowed(call, {*ip, media.port()}, way);
        if (!target) {
            return std::nullopt;
        }
        announced.rtp = *target;
    } else {
        // A host name, not known yet, or behind a NAT: media will come from where the signalling does.
        announced.rtp = {way.sipSource.ip, media.port()};
        announced.natted = true;
    }
    if (const auto rtcp = media.rtcp(); rtcp && !media.rtcpMux()) {
        const auto host = rtcp->address ? rtcp->address->ip() : std::optional(announced.rtp.ip);
        if (host && *host == announced.rtp.ip) {
            announced.rtcp = {*host, rtcp->port};
        }
    }
    announced.sipSource = way.sipSource.ip;
    announced.trusted = way.from == Side::Inside || addresses_.isOurs(announced.rtp.ip);
    announced.held = true;
    announced.framing = media::Framing::Opaque;
    for (std::size_t i = 0; i < carriers.size(); ++i) {
        const auto& carried = description.media()[i];
        if (carriers[i] == index) {
            const bool isHeld =
                isGathering ? description.directionOf(carried) != sdp::Direction::SendRecv
                            : description.isHeld(carried);
            announced.held = announced.held && isHeld;
            announced.framing = carried.isRtp() ? media::Framing::Rtp : announced.framing;
            addCodecs(carried, announced.codecs);
        }
    }
    return announced;
}

std::expected<CallMedia::Shown, MediaOutcome> CallMedia::relayStream(const Passage& passage,
                                                                     std::size_t index) {
    const auto& way = passage.way;
    auto announced = announcedBy(passage, index);
    if (!announced) {
        return std::unexpected(MediaOutcome::Refused);
    }
    const auto neighbour = neighbourBehind(announced->rtp, passage);
    announced->direct = neighbour.has_value();

    const auto crossing = way.crossing();
    const auto sender = way.senderLeg();
    const auto receiver = media::other(sender);
    media::PerLeg<bool> outside;
    outside[sender] = way.from == Side::Outside;
    outside[receiver] = way.to == Side::Outside;
    const auto ports =
        passage.session.openStream(index, crossing.initiator, crossing.answerer, outside);
    if (!ports) {
        log::error("rtp_relay_start_fwd: no RTP port available or bind() failed ({})",
                   ports.error().message);
        return std::unexpected(MediaOutcome::NoPorts);
    }
    if (const auto set = passage.session.setRemote(index, sender, *announced); !set) {
        log::warningFromPeer("media of {} cannot be relayed: {}", announced->rtp.toString(),
                             set.error().message);
        return std::unexpected(MediaOutcome::Refused);
    }
    if (way.from == Side::Outside) {
        calls_.ownsPort((*ports)[sender], passage.call);
    }
    if (way.to == Side::Outside) {
        calls_.ownsPort((*ports)[receiver], passage.call);
    }
    if (neighbour) {
        log::debug(log::Class::Rtp, "call {}: media goes directly to {}",
                   base::printable(passage.call.state().callId), neighbour->rtp.toString());
        return Shown{neighbour->rtp,
                     neighbour->rtcp.ip ? neighbour->rtcp : portAfter(neighbour->rtp)};
    }
    const base::SocketAddress relay{announcedTo(way), (*ports)[receiver]};
    Shown shown{relay, portAfter(relay)};
    if (showsIce(passage, index)) {
        shown.ice = passage.session.checksOf(index, receiver);
    }
    return shown;
}

}  // namespace siproxd::proxy
