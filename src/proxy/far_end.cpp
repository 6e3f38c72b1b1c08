// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"
#include "base/text.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// Whether a user of ours has registered this Contact by this very connection. Nobody need listen
/// where it leads, nor have a certificate.
bool isRegisteredBy(const base::Flow& from, const sip::Uri& contact,
                    const registrar::LocationTable& locations) {
    const auto* binding = from.connection == 0 ? nullptr : locations.byContact(contact);
    return binding != nullptr && !binding->provider && binding->flow.connection == from.connection;
}

}  // namespace

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
    if (side == Side::Inside || message.status() >= 300 || !sip::namesTarget(message.method())) {
        return;
    }
    auto contacts = message.contacts();
    if (contacts.empty()) {
        return;
    }
    const bool natted = nat_.isNatted(message, from, side);
    if (!natted && !isRegisteredBy(from, contacts.front().uri, parts_.locations)) {
        return;
    }
    const auto own = addresses_.sentBy(side, from.local.ip, from.protocol);
    contacts.resize(1);  // a dialog has one (RFC 3261 §8.1.1.8)
    if (auto& uri = contacts.front().uri; uri.isSip()) {
        uri = natted ? masquerade_.farContactOf(uri, from, own)
                     : masquerade_.contactOf(uri, from, own);
    }
    message.setContacts(contacts);
}

}  // namespace siproxd::proxy
