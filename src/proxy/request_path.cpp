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
    if (arrival->request.method() == sip::Method::Register &&
        addresses_.isOurs(arrival->request.requestUri()) &&
        arrival->context.direction != plugin::Direction::Unknown) {
        answerRegister(arrival->server, arrival->request, arrival->context.flow);
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
            respond(arrival->server, 408);
        }
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
    forwards_[arrival.server] = std::move(owned);

    sip::Message request = std::move(arrival.request);
    forward.vias = request.vias();
    // A third party may register somebody else's address (RFC 3261 §10.2).
    forward.localAor = forward.incoming() || forward.method == sip::Method::Register
                           ? request.to().uri
                           : request.from().uri;
    for (auto& target : arrival.retargets) {
        forward.branches.push_back(
            {.uri = target.uri, .nextHop = target.nextHop, .rank = target.rank});
    }
    for (auto& target : arrival.targets) {
        if (arrival.retargets.empty()) {
            forward.branches.push_back({.uri = target.uri,
                                        .routes = std::move(target.routes),
                                        .local = target.local});
        }
    }
    if (forward.branches.empty()) {
        forward.branches.push_back({.uri = request.requestUri()});
    }
    for (auto& branch : forward.branches) {
        if (!branch.nextHop) {
            branch.nextHop = arrival.context.nextHop;
        }
    }
    if (!prepareCall(forward, request)) {
        return;
    }
    request.setMaxForwards(request.maxForwards().value_or(kDefaultHops + 1) - 1);
    if (forward.incoming()) {
        prepareIncoming(request);
    } else {
        prepareOutgoing(forward, request);
    }
    if (forward.method == sip::Method::Invite) {
        forward.timerC = parts_.loop.timer([this, id = forward.server] {
            if (Forward* late = find(id)) {
                log::info("no answer within timer C, call is given up");
                giveUp(*late);
            }
        });
        forward.timerC->start(options_.timerC);
    }
    forward.request = std::move(request);
    startNextRank(forward);
}

bool Proxy::prepareCall(Forward& forward, sip::Message& request) {
    if (forward.method == sip::Method::Invite) {
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
    return applyMedia(forward, request);
}

bool Proxy::applyMedia(Forward& forward, sip::Message& request) {
    const Side from = forward.fromSide();
    Call* call = calls_.find(request, from);
    if (media_ == nullptr) {
        return true;
    }
    if (call == nullptr || !carriesOffers(forward.method)) {
        media_->hideAddresses(request, other(from));
        return true;
    }
    auto outcome = media_->apply(*call, request, from, forward.from.remote, onSilence(*call));
    if (outcome == MediaOutcome::Untouched && forward.method == sip::Method::Invite) {
        outcome = media_->reserve(*call, onSilence(*call));
    }
    int status = 0;
    switch (outcome) {
        case MediaOutcome::Untouched:
        case MediaOutcome::Rewritten: return true;
        case MediaOutcome::NoPorts: status = 503; break;
        case MediaOutcome::Refused: status = 488; break;
        case MediaOutcome::Unreadable: status = 400; break;
    }
    log::info("{} from {} answered {}: its media cannot be relayed [CID: {}]",
              request.methodName(), forward.from.remote.toString(), status,
              base::printable(request.callId()));
    if (!call->state().answered && forward.method == sip::Method::Invite) {
        endCall(*call, "");
    }
    respond(forward.server, status, "", status == 503 ? "Retry-After" : "", kRetryAfter);
    return false;
}

void Proxy::prepareOutgoing(Forward& forward, sip::Message& request) {
    forward.insideRoutes = masquerade_.stripRecordRoutes(request);
    // Contacts of a REGISTER have to wait until it is known where it goes.
    if (forward.method != sip::Method::Register) {
        const Call* call = request.toTag().empty() ? nullptr : calls_.find(request, Side::Inside);
        masquerade_.contactsOut(request, forward.localAor, forward.from,
                                call != nullptr ? call->state().insideRoutes
                                                : routesToKeep(forward.insideRoutes));
    }
    masquerade_.headersOut(request, forward.from);
    if (!options_.proxy.uaString.empty()) {
        request.setHeader("User-Agent", options_.proxy.uaString);
    }
    request.setVias({});
}

void Proxy::prepareIncoming(sip::Message& request) {
    if (carriesRoutes(request.method())) {
        auto routes = request.recordRoutes();
        routes.insert(routes.begin(), masquerade_.ownRecordRoute());
        request.setRecordRoutes(routes);
    }
}

void Proxy::startNextRank(Forward& forward) {
    const auto id = forward.server;
    for (const auto index : forward.nextRank()) {
        Forward* present = find(id);
        if (present == nullptr || present->answered) {
            return;
        }
        startBranch(*present, index);
    }
}

sip::Uri Proxy::hopOf(const Forward& forward, const Branch& branch) const {
    if (branch.nextHop) {
        return *branch.nextHop;
    }
    if (forward.incoming()) {
        return branch.routes.empty() ? branch.uri : branch.routes.front().uri;
    }
    if (forward.branches.size() == 1) {
        return nextHopOutside(*forward.request, options_.proxy);
    }
    auto request = forward.request->clone();
    request.setRequestUri(branch.uri);
    return nextHopOutside(request, options_.proxy);
}

void Proxy::startBranch(Forward& forward, std::size_t index) {
    if (forward.branches.size() == 1) {
        forward.request->setRequestUri(forward.branches[index].uri);
    }
    const sip::Uri hop = hopOf(forward, forward.branches[index]);
    const std::uint16_t port = hop.portOrDefault();
    const auto family = addresses_.local(forward.toSide()).family();
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

sip::Via Proxy::ownVia(Side towards, const std::string& branch) const {
    sip::Via via;
    via.host = addresses_.hostTowards(towards);
    via.port = addresses_.port;
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
    auto flow = addresses_.flowTo(forward.toSide(), peer);
    if (branch.local) {
        flow.local = branch.local;
    }
    sip::Message request = forward.request->clone();
    request.setRequestUri(branch.uri);
    if (forward.incoming()) {
        // No Route of an inside proxy is ever shown outside, so one that comes from there is a
        // stranger's try to reach other hosts than the phone.
        applyRouteSet(request, branch.routes);
    } else if (auto routes = request.routes(); !routes.empty()) {
        applyRouteSet(request, std::move(routes));
    }
    if (forward.method == sip::Method::Register && !masqueradeRegister(forward, request, peer)) {
        return;
    }
    request.pushVia(ownVia(forward.toSide(), layer_.newBranch()));
    plugin::Context context;
    context.message = &request;
    context.flow = forward.from;
    context.direction = forward.direction;
    if (!parts_.chain.run(plugin::Stage::PostProxy, context).goesOn()) {
        branchFailed(forward, index, 503, "");
        return;
    }
    branch.state = Branch::State::Sent;
    branch.client = layer_.send(std::move(request), flow);
    clients_[branch.client] = forward.server;
}

void Proxy::branchFailed(Forward& forward, std::size_t index, int status,
                         std::string_view reason) {
    forward.branches[index].state = Branch::State::Done;
    const sip::Message* request = layer_.serverRequest(forward.server);
    if (request != nullptr) {
        finishBranch(forward,
                     sip::Message::response(*request, status, reason, parts_.random.hex(6)));
    }
}

void Proxy::onAck(sip::Message ack, const transport::Flow& from) {
    if (!admit(ack, from) || !ack.requestUri().isSip() || ack.maxForwards() == 0U) {
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
    if (Call* call = calls_.find(ack, forward.fromSide()); call != nullptr && media_ != nullptr) {
        // The answer to a late offer. There is nobody to tell when it cannot be used.
        call->touch(parts_.loop.now());
        const auto outcome =
            call->isOfOtherDialog(ack)
                ? MediaOutcome::Refused
                : media_->apply(*call, ack, forward.fromSide(), from.remote, onSilence(*call));
        if (outcome != MediaOutcome::Untouched && outcome != MediaOutcome::Rewritten) {
            media_->hideAddresses(ack, forward.toSide());
        }
    }
    ack.setMaxForwards(ack.maxForwards().value_or(kDefaultHops + 1) - 1);
    WaitingAck waiting{std::move(ack), forward.toSide(), {}, 0, {}};
    sip::Uri hop;
    if (forward.incoming()) {
        std::vector<sip::NameAddr> routes;
        if (!located.targets.empty()) {
            waiting.ack.setRequestUri(located.targets.front().uri);
            waiting.local = located.targets.front().local;
            routes = std::move(located.targets.front().routes);
        }
        hop = routes.empty() ? waiting.ack.requestUri() : routes.front().uri;
        applyRouteSet(waiting.ack, routes);
    } else {
        prepareOutgoing(forward, waiting.ack);
        hop = nextHopOutside(waiting.ack, options_.proxy);
        if (auto routes = waiting.ack.routes(); !routes.empty()) {
            applyRouteSet(waiting.ack, std::move(routes));
        }
    }
    waiting.port = hop.portOrDefault();
    waiting.ack.pushVia(ownVia(waiting.towards, layer_.newBranch()));
    if (context.nextHop) {
        hop = *context.nextHop;
        waiting.port = hop.portOrDefault();
    }
    const auto family = addresses_.local(waiting.towards).family();
    if (const auto known = parts_.resolver.known(hop.host, family)) {
        if (*known) {
            sendAck(waiting, (*known)->front());
        }
        return;
    }
    waitingAcks_.push_back(std::move(waiting));
    const auto place = std::prev(waitingAcks_.end());
    place->query = parts_.resolver.resolve(hop.host, family, [this, place](const auto& answer) {
        if (answer) {
            sendAck(*place, answer->front());
        }
        waitingAcks_.erase(place);
    });
}

void Proxy::sendAck(WaitingAck& waiting, const base::IpAddress& ip) {
    auto flow = addresses_.flowTo(waiting.towards, {ip, waiting.port});
    if (waiting.local) {
        flow.local = waiting.local;
    }
    if (const auto sent = layer_.sendStateless(waiting.ack, flow); !sent) {
        log::warningFromPeer("ACK not sent: {}", sent.error().message);
    }
}

}  // namespace siproxd::proxy
