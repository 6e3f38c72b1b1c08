// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"
#include "base/text.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

void Proxy::onConnectionClosed(const base::Flow& flow) {
    if (flow.connection != 0) {
        parts_.locations.connectionClosed(flow.connection);
    }
}

void Proxy::sendKeepalive(std::string_view bytes, const base::Flow& flow) {
    if (const auto sent = parts_.sender.send(bytes, flow); !sent) {
        log::debug(log::Class::Net, "keepalive not sent: {}", sent.error().message);
    }
}

transaction::ClientId Proxy::sendPing(const registrar::Binding& binding) {
    const auto side = addresses_.sideOf(binding.flow);
    const auto own = addresses_.sentBy(side, binding.flow.local.ip, binding.flow.protocol);
    auto request = sip::Message::request("OPTIONS", binding.contact);
    sip::NameAddr from;
    from.uri.user = kRouteUser;
    from.uri.host = own.host;
    from.uri.port = own.port;
    from.params.set("tag", parts_.random.hex(6));
    sip::NameAddr to;
    to.uri = binding.contact;
    request.pushVia(ownVia(side, binding.flow, layer_.newBranch()));
    request.setMaxForwards(1);
    request.setFrom(from);
    request.setTo(to);
    request.setCallId(parts_.random.hex(12));
    request.setCSeq({1, "OPTIONS"});
    return layer_.send(std::move(request), binding.flow);
}

void Proxy::maskFarContacts(sip::Message& message, const base::Flow& from) {
    const auto side = addresses_.sideOf(from);
    // Who redirects names others than himself.
    if (side == Side::Inside || message.status() >= 300 || !sip::namesTarget(message.method()) ||
        !nat_.isNatted(message, from, side)) {
        return;
    }
    const auto own = addresses_.sentBy(side, from.local.ip, from.protocol);
    auto contacts = message.contacts();
    if (contacts.empty()) {
        return;
    }
    contacts.resize(1);  // a dialog has one (RFC 3261 §8.1.1.8)
    if (contacts.front().uri.isSip()) {
        contacts.front().uri = masquerade_.farContactOf(contacts.front().uri, from, own);
    }
    message.setContacts(contacts);
}

}  // namespace siproxd::proxy
