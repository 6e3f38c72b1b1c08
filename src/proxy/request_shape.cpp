// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"
#include "base/text.h"
#include "proxy/call_id.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// Requests whose body may be an offer or an answer (RFC 3261 §13.2.1, RFC 3262 §5, RFC 3311).
bool carriesOffers(sip::Method method) {
    return method == sip::Method::Invite || method == sip::Method::Update ||
           method == sip::Method::Prack || method == sip::Method::Ack;
}

}  // namespace

RelayMode Proxy::relayMode(const Forward& forward) const {
    const auto* binding = forward.incoming() && !forward.branches.empty()
                              ? parts_.locations.byContact(forward.branches.front().uri)
                              : nullptr;
    // To of what comes from outside often names our address instead of the user's domain.
    return relayModeOf(options_.proxy, binding != nullptr ? binding->aor.host
                                                          : forward.localAor.host);
}

MediaWay Proxy::mediaWay(const Forward& forward, const Branch& branch, const Call* call,
                         bool response) const {
    // What talks to us by an address that is on neither side (loopback) gets media by the usual one.
    const auto local = [this](Side side, const base::Flow& flow) {
        if (addresses_.at(side, flow.local.ip) != nullptr) {
            return flow.local.ip;
        }
        const auto* endpoint = addresses_.towards(side, flow.remote.ip);
        return endpoint != nullptr ? endpoint->ip : flow.local.ip;
    };
    const auto requester = local(forward.fromSide(), forward.from);
    const auto responder = local(branch.towards, branch.flow);
    auto way = response ? MediaWay{false, branch.towards, responder, branch.flow.remote,
                                   forward.fromSide(), requester}
                        : MediaWay{true, forward.fromSide(), requester, forward.from.remote,
                                   branch.towards, responder};
    const auto* sender =
        way.from == Side::Outside ? parts_.locations.ownBySource(way.sipSource) : nullptr;
    way.fromNatted = sender != nullptr && sender->natted;
    way.mode = call != nullptr ? call->state().relayMode : relayMode(forward);
    return way;
}

std::optional<int> Proxy::applyMedia(const Forward& forward, const Branch& branch,
                                     sip::Message& request) {
    if (media_ == nullptr) {
        return std::nullopt;
    }
    Call* call = calls_.find(request, forward.fromSide());
    auto way = mediaWay(forward, branch, call, false);
    if (call == nullptr || !carriesOffers(forward.method)) {
        media_->hideAddresses(request, way);
        return std::nullopt;
    }
    way.byInitiator = call->isInitiator(request);
    auto outcome = media_->apply(*call, request, way, onSilence(*call));
    if (outcome == MediaOutcome::Untouched && forward.method == sip::Method::Invite) {
        outcome = media_->reserve(*call, way, onSilence(*call));
    }
    int status = 0;
    switch (outcome) {
        case MediaOutcome::Untouched:
        case MediaOutcome::Rewritten: return std::nullopt;
        case MediaOutcome::NoPorts: status = 503; break;
        case MediaOutcome::Refused: status = 488; break;
        case MediaOutcome::Unreadable: status = 400; break;
    }
    log::info("{} from {} answered {}: its media cannot be relayed [CID: {}]",
              request.methodName(), forward.from.remote.toString(), status,
              base::printable(request.callId()));
    return status;
}

SentBy Proxy::shownBy(const Forward& forward, const Branch& branch) const {
    // A request that takes TCP for its length alone does not mean that the dialog has to: the
    // firewall in front of us may let in nothing but UDP.
    const auto protocol = branch.flow.protocol == base::Protocol::Tcp && isLarge(forward, branch)
                              ? base::Protocol::Udp
                              : branch.flow.protocol;
    return addresses_.sentBy(Side::Outside, branch.flow.local.ip, protocol);
}

void Proxy::obscureCallId(Forward& forward, sip::Message& request) {
    const Call* call = options_.proxy.obscureLoops ? calls_.find(request, Side::Inside) : nullptr;
    if (call != nullptr && call->state().initiator == Side::Inside && call->isInitiator(request)) {
        forward.callId = std::string(request.callId());
        request.setCallId(obscuredCallId(forward.callId, request.fromTag()));
    }
}

void Proxy::masqueradeRequest(Forward& forward, const Branch& branch, sip::Message& request) {
    const auto own = shownBy(forward, branch);
    forward.insideRoutes = masquerade_.stripRecordRoutes(request);
    // Contacts of a REGISTER are made where its bindings are prepared.
    if (forward.method != sip::Method::Register) {
        const Call* call = request.toTag().empty() ? nullptr : calls_.find(request, Side::Inside);
        masquerade_.contactsOut(request, forward.localAor, forward.from, own,
                                call != nullptr ? call->state().insideRoutes
                                                : routesToKeep(forward.insideRoutes));
    }
    masquerade_.headersOut(request, forward.from, own);
    if (!options_.proxy.uaString.empty()) {
        request.setHeader("User-Agent", options_.proxy.uaString);
    }
    obscureCallId(forward, request);
}

void Proxy::addRecordRoute(const Forward& forward, const Branch& branch,
                           sip::Message& request) const {
    // Phones must learn our Record-Route from them.
    if (!sip::namesTarget(request.method())) {
        return;
    }
    auto routes = request.recordRoutes();
    const bool secure = request.requestUri().isSips();
    const auto callee =
        addresses_.sentBy(branch.towards, branch.flow.local.ip, branch.flow.protocol);
    if (!forward.crosses(branch)) {
        // Between two on one side: each gets the address that it can reach (RFC 5658).
        const auto caller =
            addresses_.sentBy(branch.towards, forward.from.local.ip, forward.from.protocol);
        if (caller != callee) {
            routes.insert(routes.begin(), Masquerade::ownRecordRoute(caller, secure));
        }
    }
    routes.insert(routes.begin(), Masquerade::ownRecordRoute(callee, secure));
    request.setRecordRoutes(routes);
}

void Proxy::shapeRequest(Forward& forward, const Branch& branch, sip::Message& request) {
    if (forward.own) {
        shapeOwn(forward, branch, request);
        shapeParties(forward, branch, request);
        return;
    }
    const bool crosses = forward.crosses(branch);
    if (crosses && branch.towards == Side::Outside) {
        masqueradeRequest(forward, branch, request);
        request.setVias({});
    } else {
        addRecordRoute(forward, branch, request);
    }
    if (crosses && branch.towards == Side::Inside) {
        masquerade_.partiesIn(request);
    }
    // No Route of an inside proxy is ever shown outside, so one that comes from there is a stranger's
    // try to reach other hosts than the phone.
    if (branch.toPhone || (crosses && branch.towards == Side::Inside)) {
        applyRouteSet(request, branch.routes);
    } else if (auto routes = request.routes(); !routes.empty()) {
        applyRouteSet(request, std::move(routes));
    }
    shapeParties(forward, branch, request);
}

sip::Via Proxy::ownVia(Side towards, const base::Flow& flow, const std::string& branch) const {
    const auto own = addresses_.sentBy(towards, flow.local.ip, flow.protocol);
    sip::Via via;
    via.transport = base::viaName(flow.protocol);
    via.host = own.host;
    via.port = own.port;
    const unsigned bit = towards == Side::Inside ? config::ProxySettings::kRportInside
                                                 : config::ProxySettings::kRportOutside;
    via.params.set("branch", branch);
    if (flow.protocol == base::Protocol::Tls && towards == Side::Outside) {
        // Requests of the provider may come by this connection (RFC 5923 §5).
        via.params.set("alias", std::nullopt);
    }
    if ((options_.proxy.useRport & bit) != 0) {
        via.params.set("rport", std::nullopt);
    }
    return via;
}

}  // namespace siproxd::proxy
