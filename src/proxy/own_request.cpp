// SPDX-License-Identifier: GPL-2.0-or-later
// Requests of siproxd's own that plugins ask for: registrations at gateways, and looks at whether they are
// there. And datagrams that are no SIP.
#include <utility>

#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

transaction::ServerId Proxy::sendOwn(sip::Message request, const std::optional<sip::Uri>& nextHop,
                                     std::shared_ptr<const plugin::Identity> identity,
                                     OwnRequest own) {
    auto owned = std::make_unique<Forward>();
    Forward& forward = *owned;
    const auto id = ownRequestId();
    forward.server = id;
    forward.direction = plugin::Direction::RequestOutgoing;
    forward.method = request.method();
    forward.establishes = true;
    forward.secure = request.requestUri().isSips();
    forward.localAor = request.from().uri;
    forward.own = std::make_unique<OwnRequest>(std::move(own));
    forward.branches.push_back({.uri = request.requestUri(),
                                .nextHop = chosenHop(nextHop.value_or(request.requestUri())),
                                .towards = Side::Outside});
    forward.branches.back().appearance =
        std::make_unique<Appearance>(Appearance{.identity = std::move(identity)});
    forward.branches.back().isAccount = true;
    forward.request = std::make_unique<sip::Message>(std::move(request));
    forwards_[id] = std::move(owned);
    orphans_.insert(id);
    parts_.loop.post([this, id] {
        if (Forward* waiting = find(id)) {
            startNextRank(*waiting);
        }
    });
    return id;
}

std::uint64_t Proxy::sendDatagram(const base::SocketAddress& to, std::string_view bytes,
                                  base::Duration patience, plugin::DatagramCallback done) {
    const auto flow = addresses_.flowTo(Side::Outside, to, base::Protocol::Udp);
    if (!flow || !parts_.sender.send(bytes, *flow)) {
        return 0;
    }
    return done ? datagrams_.wait(to, patience, std::move(done)) : 0;
}

void Proxy::forgetOwn(transaction::ServerId id) {
    if (Forward* forward = find(id); forward != nullptr && forward->own) {
        forward->own->done = nullptr;
    }
}

void Proxy::shapeOwn(const Forward& forward, const Branch& branch, sip::Message& request) {
    request.setVias({});
    if (!forward.own->contactUser) {
        return;
    }
    const auto own = shownBy(forward, branch);
    const auto& account = accounts_.obtain(branch.appearance->identity->label);
    sip::NameAddr contact;
    contact.uri = registrar::masqueradedContact(
        *forward.own->contactUser,
        {.host = own.host, .port = own.port, .tlsPort = own.tlsPort, .protocol = own.protocol},
        account.token, forward.secure);
    request.setContacts(std::span(&contact, 1));
}

void Proxy::deliver(Forward& forward, sip::Message& response, const base::Flow& from) {
    if (response.status() < 200) {
        return;
    }
    if (response.status() < 300) {
        rememberRealm(forward.branches.front());
        if (forward.method == sip::Method::Register) {
            keepConnection(from);
        }
    }
    if (const auto done = std::exchange(forward.own->done, nullptr)) {
        done(response, from);
    }
}

}  // namespace siproxd::proxy
