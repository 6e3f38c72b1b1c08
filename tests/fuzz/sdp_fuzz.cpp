// SPDX-License-Identifier: GPL-2.0-or-later
#include "demand.h"
#include "sdp/session.h"

using namespace siproxd;
using fuzz::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto body = fuzz::text(data, size);
    if (size > 32 * 1024) {
        return 0;  // room for what edits add
    }
    auto session = sdp::Session::parse(body);
    if (!session) {
        return 0;
    }
    demand(session->toString() == body, "what nobody edits comes out as it went in");

    // What the relay does to it.
    const auto ours = *base::IpAddress::parse("192.0.2.1");
    session->setOrigin(ours);
    session->top().replaceConnection(ours);
    std::uint16_t port = 7070;
    for (auto& media : session->media()) {
        static_cast<void>(session->directionOf(media));
        static_cast<void>(session->isHeld(media));
        static_cast<void>(media.formats());
        media.replaceConnection(ours);
        if (media.port() != 0) {
            media.setPort(port);
            if (media.has("rtcp")) {
                media.setRtcp(static_cast<std::uint16_t>(port + 1), ours);
            }
        }
        port = static_cast<std::uint16_t>(port + 2);
    }
    session->removeIce();

    const auto edited = session->toString();
    const auto again = sdp::Session::parse(edited);
    demand(again.has_value(), "an edited session can be read again");
    demand(again->toString() == edited, "an edited session stays what it is");
    demand(again->media().size() == session->media().size(), "no media is lost");
    demand(!again->hasIce(), "nothing of ICE is left");
    demand(!again->origin() || again->origin()->ip() == ours, "the origin is ours");
    port = 7070;
    for (const auto& media : again->media()) {
        const auto connection = again->connectionOf(media);
        demand(!connection || connection->ip() == ours, "every address is ours");
        demand(media.port() == 0 || media.port() == port, "every port is ours");
        if (const auto rtcp = media.rtcp(); rtcp && media.port() != 0) {
            demand(rtcp->port == port + 1 && rtcp->address && rtcp->address->ip() == ours,
                   "every RTCP address is ours");
        }
        port = static_cast<std::uint16_t>(port + 2);
    }
    return 0;
}
