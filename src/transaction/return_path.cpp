// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/return_path.h"

#include <string>

#include "base/address.h"

namespace siproxd::transaction {

void stampSource(sip::Message& request, sip::Via topVia, const base::Flow& from) {
    const bool wantsPort = topVia.params.has("rport");
    const bool elsewhere = base::IpAddress::parse(topVia.host) != from.remote.ip;
    if (!wantsPort && !elsewhere && !topVia.params.has("received")) {
        return;
    }
    topVia.params.set("received", from.remote.ip.toString());
    if (wantsPort) {
        topVia.params.set("rport", std::to_string(from.remote.port));
    }
    request.setVia(0, topVia);
}

base::Flow responsePeer(const sip::Via& topVia, const base::Flow& from) {
    base::Flow peer = from;
    const bool bySource = base::isReliable(from.protocol) || topVia.params.has("rport") ||
                          !base::IpAddress::parse(topVia.host);
    if (!bySource) {
        peer.remote.port = topVia.portOrDefault();
    }
    return peer;
}

base::Flow responsePeer(const sip::Message& request, const base::Flow& from) {
    const auto topVia = request.via();
    return topVia ? responsePeer(*topVia, from) : from;
}

}  // namespace siproxd::transaction
