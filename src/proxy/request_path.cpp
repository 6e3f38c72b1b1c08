// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

constexpr std::uint32_t kDefaultHops = 70;
constexpr std::string_view kRetryAfter = "30";

/// Requests that make dialogs or refresh their targets: phones must learn our Record-Route from them.
bool carriesRoutes(sip::Method method) {
    switch (method) {
        case sip::Method::Invite:
        case sip::Method::Subscribe:
        case sip::Method::Notify:
        case sip::Method::Refer:
        case sip::Method::Update: return true;
        default: return false;
    }
}

/// Requests whose body may be an offer or an answer (RFC 3261 §13.2.1, RFC 3262 §5, RFC 3311).
bool carriesOffers(sip::Method method) {
    return method == sip::Method::Invite || method == sip::Method::Update ||
           method == sip::Method::Prack || method == sip::Method::Ack;
}

}  // namespace

void Proxy::goOn(std::unique_ptr<Arrival> arrival) {
    using plugin::Stage;
    if (arrival->stage == Stage::DetermineTarget) {
        arrival->stage = Stage::PreProxy;
        auto outcome = parts_.chain.run(Stage::DetermineTarget, arrival->context);
        if (!obey(arrival, std::move(outcome))) {
            return;
        }
    }
    if (isForOwnRegistrar(arrival->request)) {
        registerHere(arrival->server, arrival->request, arrival->context.flow, arrival->user);
        return;
    }
    if (arrival->stage == Stage::PreProxy) {
        arrival->stage = Stage::PostProxy;
        auto outcome = parts_.chain.run(Stage::PreProxy, arrival->context);
        if (!obey(arrival, std::move(outcome))) {
            return;
        }
    }
    if (arrival->context.direction == plugin::Direction::Unknown) {
        ++counters_.unknown;
        auto outcome = parts_.chain.run(Stage::ProxyUnknown, arrival->context);
        if (obey(arrival, std::move(outcome))) {
            log::debug(log::Class::Proxy, "request for nobody we know, 408 [CID: {}]",
                       base::printable(arrival->request.callId()));
            gate_.sawUnknownCallee(arrival->context.flow, Side::Outside);
            const int absent = absentUser(*arrival);
            respond(arrival->server, absent != 0 ? absent : 408);
        }
        return;
    }
    if (const int absent = absentUser(*arrival); absent != 0) {
        respond(arrival->server, absent);
        return;
    }
    forward(*arrival);
}

bool Proxy::obey(std::unique_ptr<Arrival>& arrival, plugin::Outcome outcome) {
    using plugin::Verdict;
    const auto id = arrival->server;
    switch (outcome.verdict) {
        case Verdict::Continue: return true;
        case Verdict::Retarget:
            arrival->retargets = std::move(outcome.targets);
            return true;
        case Verdict::Suspend: {
            const auto token = outcome.token;
            suspended_.emplace(token, std::move(arrival));
            return false;
        }
        case Verdict::Answered:
            if (outcome.reply) {
                layer_.respond(id, *outcome.reply);
                return false;
            }
            break;
        case Verdict::Drop: break;
        case Verdict::Reject: respond(id, outcome.status, outcome.reason); return false;
        case Verdict::Redirect:
            if (const auto* request = layer_.serverRequest(id)) {
                auto response = sip::Message::response(*request, outcome.status, outcome.reason,
                                                       parts_.random.hex(6));
                response.setContacts(outcome.contacts);
                layer_.respond(id, response);
            }
            return false;
    }
    layer_.abandon(id);
    return false;
}

void Proxy::forward(Arrival& arrival) {
    auto owned = std::make_unique<Forward>();
    Forward& forward = *owned;
    forward.server = arrival.server;
    forward.direction = arrival.context.direction;
    forward.method = arrival.request.method();
    forward.establishes = arrival.request.toTag().empty();
    forward.from = arrival.context.flow;
    forward.loop = arrival.loop;
    loops_.enter(arrival.loop);
    forwards_[arrival.server] = std::move(owned);

    sip::Message request = std::move(arrival.request);
    forward.vias = request.vias();
    // A third party may register somebody else's address (RFC 3261 §10.2).
    forward.localAor = forward.incoming() || forward.method == sip::Method::Register
                           ? request.to().uri
                           : request.from().uri;
    const Side away = other(forward.fromSide());
    maskFarContacts(request, forward.from);
    for (auto& target : arrival.retargets) {
        forward.branches.push_back({.uri = target.uri,
                                    .nextHop = target.nextHop,
                                    .rank = target.rank,
                                    .towards = away});
    }
    for (auto& target : arrival.targets) {
        if (arrival.retargets.empty()) {
            forward.branches.push_back({.uri = target.uri,
                                        .routes = std::move(target.routes),
                                        .rank = target.rank,
                                        .towards = target.side,
                                        .local = target.local});
        }
    }
    if (forward.branches.empty()) {
        forward.branches.push_back({.uri = request.requestUri(), .towards = away});
    }
    for (auto& branch : forward.branches) {
        if (!branch.nextHop) {
            branch.nextHop = arrival.context.nextHop;
        }
    }
    if (forward.method == sip::Method::Invite) {
        followInvite(forward, request);
        if (Call* call = calls_.find(request, forward.fromSide()); call && arrival.ticket) {
            call->hold(std::move(arrival.ticket));
        }
        forward.timerC = parts_.loop.timer([this, id = forward.server] {
            if (Forward* late = find(id)) {
                log::info("no answer within timer C, call is given up");
                giveUp(*late);
            }
        });
        forward.timerC->start(options_.timerC);
    }
    request.setMaxForwards(request.maxForwards().value_or(kDefaultHops + 1) - 1);
    forward.request = std::move(request);
    startNextRank(forward);
}

void Proxy::followInvite(const Forward& forward, const sip::Message& request) {
    Call& call = calls_.obtain(request, forward.fromSide());
    call.touch(parts_.loop.now());
    auto& state = call.state();
    if (forward.incoming()) {
        if (state.insideContact.host.empty()) {
            state.insideContact = forward.branches.front().uri;
        }
    } else if (const auto contacts = request.contacts(); !contacts.empty()) {
        state.insideContact = contacts.front().uri;
        if (request.toTag().empty()) {
            state.insideRoutes = routesToKeep(request.recordRoutes());
        }
    }
}

MediaWay Proxy::mediaWay(const Forward& forward, const Branch& branch, bool response) const {
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
    return response ? MediaWay{false, branch.towards, responder, branch.flow.remote,
                               forward.fromSide(), requester}
                    : MediaWay{true, forward.fromSide(), requester, forward.from.remote,
                               branch.towards, responder};
}

std::optional<int> Proxy::applyMedia(const Forward& forward, const Branch& branch,
                                     sip::Message& request) {
    if (media_ == nullptr) {
        return std::nullopt;
    }
    Call* call = calls_.find(request, forward.fromSide());
    auto way = mediaWay(forward, branch, false);
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

void Proxy::masqueradeRequest(Forward& forward, const Branch& branch, sip::Message& request) {
    const auto own =
        addresses_.sentBy(Side::Outside, branch.flow.local.ip, branch.flow.protocol);
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
}

void Proxy::addRecordRoute(const Forward& forward, const Branch& branch,
                           sip::Message& request) const {
    if (!carriesRoutes(request.method())) {
        return;
    }
    auto routes = request.recordRoutes();
    const auto callee =
        addresses_.sentBy(branch.towards, branch.flow.local.ip, branch.flow.protocol);
    if (forward.fromSide() == Side::Inside) {
        // Between two phones: each gets the address that it can reach (RFC 5658).
        const auto caller =
            addresses_.sentBy(Side::Inside, forward.from.local.ip, forward.from.protocol);
        if (caller != callee) {
            routes.insert(routes.begin(), Masquerade::ownRecordRoute(caller));
        }
    }
    routes.insert(routes.begin(), Masquerade::ownRecordRoute(callee));
    request.setRecordRoutes(routes);
}

void Proxy::startNextRank(Forward& forward) {
    const auto id = forward.server;
    const auto started = forward.nextRank();
    const auto breadth = breadthOf(*forward.request);
    for (const auto index : started) {
        Forward* present = find(id);
        if (present == nullptr || present->answered) {
            return;
        }
        if (started.size() > breadth) {
            branchFailed(*present, index, 440, "Max-Breadth Exceeded");
            continue;
        }
        present->branches[index].breadth = breadth / static_cast<std::uint32_t>(started.size());
        startBranch(*present, index);
    }
}

sip::Uri Proxy::hopOf(const Forward& forward, const Branch& branch) const {
    if (branch.nextHop) {
        return *branch.nextHop;
    }
    if (branch.towards == Side::Inside) {
        return branch.routes.empty() ? branch.uri : branch.routes.front().uri;
    }
    if (forward.branches.size() == 1) {
        return nextHopOutside(*forward.request, options_.proxy);
    }
    auto request = forward.request->clone();
    request.setRequestUri(branch.uri);
    return nextHopOutside(request, options_.proxy);
}

base::Family Proxy::familyTowards(Side side) const {
    const bool v4 = addresses_.has(side, base::Family::V4);
    const bool v6 = addresses_.has(side, base::Family::V6);
    return v4 && v6 ? base::Family::None : v6 ? base::Family::V6 : base::Family::V4;
}

void Proxy::startBranch(Forward& forward, std::size_t index) {
    if (forward.branches.size() == 1) {
        forward.request->setRequestUri(forward.branches[index].uri);
    }
    const sip::Uri hop = hopOf(forward, forward.branches[index]);
    const std::uint16_t port = hop.portOrDefault();
    const auto family = familyTowards(forward.branches[index].towards);
    const auto id = forward.server;
    const auto arrived = [this, id, index, port, host = hop.host](const dns::Answer& answer) {
        Forward* waiting = find(id);
        if (waiting == nullptr || waiting->branches[index].state != Branch::State::Resolving) {
            return;
        }
        if (!answer) {
            log::warningFromPeer("cannot resolve {}: {}", base::printable(host),
                                 answer.error().message);
            branchFailed(*waiting, index, 503, "Cannot Resolve Next Hop");
            return;
        }
        sendBranch(*waiting, index, {answer->front(), port});
    };
    if (const auto known = parts_.resolver.known(hop.host, family)) {
        arrived(*known);
        return;
    }
    auto query = parts_.resolver.resolve(hop.host, family, arrived);
    if (Forward* waiting = find(id)) {
        waiting->branches[index].query = std::move(query);
    }
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
    if ((options_.proxy.useRport & bit) != 0) {
        via.params.set("rport", std::nullopt);
    }
    return via;
}

void Proxy::sendBranch(Forward& forward, std::size_t index, const base::SocketAddress& peer) {
    Branch& branch = forward.branches[index];
    if (forward.method == sip::Method::Register && addresses_.isOurs(peer.ip) &&
        peer.port == addresses_.port) {
        // Its registrar is a name of ours.
        branch.state = Branch::State::Done;
        forward.answered = true;
        answerRegister(forward.server, *forward.request, forward.from);
        return;
    }
    const auto flow = addresses_.flowTo(branch.towards, peer);
    if (!flow) {
        log::warning("{} cannot be reached: we have no address there now", peer.toString());
        branchFailed(forward, index, 503, "No Route");
        return;
    }
    branch.flow = *flow;
    if (branch.local) {
        branch.flow.local = branch.local;
    }
    sip::Message request = forward.request->clone();
    request.setRequestUri(branch.uri);
    if (const auto status = applyMedia(forward, branch, request)) {
        branchFailed(forward, index, *status, "", *status == 503 ? "Retry-After" : "", kRetryAfter);
        return;
    }
    if (branch.towards == Side::Inside) {
        addRecordRoute(forward, branch, request);
        // No Route of an inside proxy is ever shown outside, so one that comes from there is a
        // stranger's try to reach other hosts than the phone.
        applyRouteSet(request, branch.routes);
    } else {
        masqueradeRequest(forward, branch, request);
        request.setVias({});
        if (auto routes = request.routes(); !routes.empty()) {
            applyRouteSet(request, std::move(routes));
        }
    }
    if (forward.method == sip::Method::Register &&
        !masqueradeRegister(forward, branch, request)) {
        return;
    }
    request.setHeader("Max-Breadth", std::to_string(branch.breadth));
    request.pushVia(ownVia(branch.towards, branch.flow, layer_.newBranch()));
    plugin::Context context;
    context.message = &request;
    context.flow = forward.from;
    context.direction = forward.direction;
    if (!parts_.chain.run(plugin::Stage::PostProxy, context).goesOn()) {
        branchFailed(forward, index, 503, "");
        return;
    }
    branch.state = Branch::State::Sent;
    branch.client = layer_.send(std::move(request), branch.flow);
    clients_[branch.client] = forward.server;
}

void Proxy::branchFailed(Forward& forward, std::size_t index, int status,
                         std::string_view reason, std::string_view header,
                         std::string_view value) {
    forward.branches[index].state = Branch::State::Done;
    const sip::Message* request = layer_.serverRequest(forward.server);
    if (request == nullptr) {
        return;
    }
    auto response = sip::Message::response(*request, status, reason, parts_.random.hex(6));
    if (!header.empty()) {
        response.addHeader(header, value);
    }
    finishBranch(forward, forward.branches[index], std::move(response));
}

void Proxy::onAck(sip::Message ack, const base::Flow& from) {
    if (!admit(ack, from) || ack.maxForwards() == 0U) {
        return;
    }
    removeOwnRoutes(ack, addresses_);
    auto located = directions_.find(ack, from, arrivalInterface_);
    plugin::Context context;
    context.message = &ack;
    context.flow = from;
    context.direction = located.direction;
    if (!parts_.chain.run(plugin::Stage::PreProxy, context).goesOn() ||
        context.direction == plugin::Direction::Unknown) {
        return;
    }
    Forward forward;  // an ACK has no transaction: this one lives for the next lines only
    forward.direction = context.direction;
    forward.method = sip::Method::Ack;
    forward.from = from;
    forward.localAor = forward.incoming() ? ack.to().uri : ack.from().uri;
    if (Call* call = calls_.find(ack, forward.fromSide())) {
        call->touch(parts_.loop.now());
    }
    Branch branch{.uri = ack.requestUri(), .towards = other(forward.fromSide())};
    if (!located.targets.empty()) {
        auto& target = located.targets.front();
        branch = {.uri = target.uri,
                  .routes = std::move(target.routes),
                  .towards = target.side,
                  .local = target.local};
    }
    branch.nextHop = context.nextHop;
    ack.setMaxForwards(ack.maxForwards().value_or(kDefaultHops + 1) - 1);
    ack.setRequestUri(branch.uri);
    forward.request = std::move(ack);
    forward.branches.push_back(std::move(branch));
    const auto hop = hopOf(forward, forward.branches.front());
    const auto family = familyTowards(forward.branches.front().towards);
    if (const auto known = parts_.resolver.known(hop.host, family)) {
        if (*known) {
            sendAck(forward, {(*known)->front(), hop.portOrDefault()});
        }
        return;
    }
    waitingAcks_.push_back(std::move(forward));
    const auto place = std::prev(waitingAcks_.end());
    place->branches.front().query = parts_.resolver.resolve(
        hop.host, family, [this, place, port = hop.portOrDefault()](const auto& answer) {
            if (answer) {
                sendAck(*place, {answer->front(), port});
            }
            waitingAcks_.erase(place);
        });
}

void Proxy::mediaOfAck(const Forward& forward, const Branch& branch, sip::Message& ack) {
    Call* call = calls_.find(ack, forward.fromSide());
    if (call == nullptr || media_ == nullptr) {
        return;
    }
    // The answer to a late offer. There is nobody to tell when it cannot be used.
    auto way = mediaWay(forward, branch, false);
    way.byInitiator = call->isInitiator(ack);
    const auto outcome = call->isOfOtherDialog(ack)
                             ? MediaOutcome::Refused
                             : media_->apply(*call, ack, way, onSilence(*call));
    if (outcome != MediaOutcome::Untouched && outcome != MediaOutcome::Rewritten) {
        media_->hideAddresses(ack, way);
    }
}

void Proxy::sendAck(Forward& forward, const base::SocketAddress& peer) {
    Branch& branch = forward.branches.front();
    const auto flow = addresses_.flowTo(branch.towards, peer);
    if (!flow) {
        return;
    }
    branch.flow = *flow;
    if (branch.local) {
        branch.flow.local = branch.local;
    }
    sip::Message& ack = *forward.request;
    mediaOfAck(forward, branch, ack);
    if (branch.towards == Side::Inside) {
        applyRouteSet(ack, branch.routes);
    } else {
        masqueradeRequest(forward, branch, ack);
        ack.setVias({});
        if (auto routes = ack.routes(); !routes.empty()) {
            applyRouteSet(ack, std::move(routes));
        }
    }
    ack.pushVia(ownVia(branch.towards, branch.flow, layer_.newBranch()));
    if (const auto sent = layer_.sendStateless(ack, branch.flow); !sent) {
        log::warningFromPeer("ACK not sent: {}", sent.error().message);
    }
}

}  // namespace siproxd::proxy
