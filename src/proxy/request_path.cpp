// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"
#include "transaction/return_path.h"

namespace siproxd::proxy {

namespace {

constexpr std::uint32_t kDefaultHops = 70;

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
    goesToChosen(*arrival);
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
    goesToChosen(*arrival);
    answerByVia(*arrival);
    if (arrival->context.direction == plugin::Direction::Unknown) {
        ++counters_.unknown;
        auto outcome = parts_.chain.run(Stage::ProxyUnknown, arrival->context);
        if (obey(arrival, std::move(outcome))) {
            log::debug(log::Class::Proxy, "request for nobody we know, 408 [CID: {}]",
                       base::printable(arrival->request.callId()));
            const auto& from = arrival->context.flow;
            gate_.sawUnknownCallee(from, Side::Outside);
            // Strangers get one answer whomever they ask for, and as soon.
            const int absent = !arrival->user.empty() || gate_.mayLearnUsers(from, Side::Outside)
                                   ? absentUser(arrival->request, arrival->context)
                                   : 0;
            respond(arrival->server, absent != 0 ? absent : 408);
        }
        return;
    }
    if (arrival->targets.empty() && arrival->retargets.empty()) {
        if (const int absent = absentUser(arrival->request, arrival->context); absent != 0) {
            respond(arrival->server, absent);
            return;
        }
    }
    forward(*arrival);
}

void Proxy::goesToChosen(Arrival& arrival) {
    if (arrival.retargets.empty() || arrival.context.direction != plugin::Direction::Unknown) {
        return;
    }
    arrival.context.direction = plugin::Direction::RequestIncoming;
    if (arrival.request.method() == sip::Method::Invite) {
        layer_.sendTrying(arrival.server);
    }
}

void Proxy::answerByVia(const Arrival& arrival) {
    const auto* original = parts_.chain.wants(plugin::Stage::PreProxy)
                               ? layer_.serverRequest(arrival.server)
                               : nullptr;
    if (original == nullptr || original->viaCount() != arrival.request.viaCount()) {
        return;
    }
    const auto& from = arrival.context.flow;
    const auto peer = transaction::responsePeer(arrival.request, from);
    if (peer.remote != transaction::responsePeer(*original, from).remote) {
        layer_.setServerPeer(arrival.server, peer);
    }
}

bool Proxy::obey(std::unique_ptr<Arrival>& arrival, plugin::Outcome outcome) {
    using plugin::Verdict;
    const auto id = arrival->server;
    switch (outcome.verdict) {
        case Verdict::Continue: return true;
        case Verdict::Retarget:
            arrival->retargets = std::move(outcome.targets);
            return true;
        case Verdict::Suspend: suspended_.add(outcome.token, std::move(arrival)); return false;
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

Branch Proxy::branchTo(InsideTarget target) {
    return {.uri = std::move(target.uri),
            .routes = std::move(target.routes),
            .rank = target.rank,
            .towards = target.side,
            .local = target.local,
            .fixed = target.flow,
            .natted = target.natted,
            .toPhone = target.isPhone};
}

void Proxy::forward(Arrival& arrival) {
    auto owned = std::make_unique<Forward>();
    Forward& forward = *owned;
    forward.server = arrival.server;
    forward.direction = arrival.context.direction;
    forward.method = arrival.request.method();
    forward.establishes = arrival.request.toTag().empty();
    forward.secure = arrival.request.requestUri().isSips();
    forward.from = arrival.context.flow;
    forward.size = arrival.size;
    forward.callId = std::move(arrival.callId);
    forward.loop = arrival.loop;
    loops_.enter(arrival.loop);
    forwards_[arrival.server] = std::move(owned);

    sip::Message request = std::move(arrival.request);
    // A plugin may have mended them, but who has sent them wants to see them again as they were.
    const auto* original = layer_.serverRequest(forward.server);
    forward.vias = (original != nullptr ? *original : request).headers("Via");
    // A third party may register somebody else's address (RFC 3261 §10.2).
    forward.localAor = forward.incoming() || forward.method == sip::Method::Register
                           ? request.to().uri
                           : request.from().uri;
    maskFarContacts(request, forward.from);
    if (!arrival.retargets.empty() && forward.incoming()) {
        request.setRoutes({});  // who is to be reached is not the sender's to say
    }
    for (const auto& target : arrival.retargets) {
        auto branches = branchesTo(target, request, forward.direction, arrival.retargets.size() == 1);
        std::ranges::move(branches, std::back_inserter(forward.branches));
    }
    for (auto& target : arrival.targets) {
        if (arrival.retargets.empty()) {
            forward.branches.push_back(branchTo(std::move(target)));
        }
    }
    if (forward.branches.empty()) {
        forward.branches.push_back(
            {.uri = request.requestUri(), .towards = other(forward.fromSide())});
    }
    for (auto& branch : forward.branches) {
        if (!branch.nextHop) {
            branch.nextHop = chosenHop(arrival.context.nextHop);
        }
    }
    if (forward.method == sip::Method::Invite) {
        followInvite(forward, request);
        Call* call = calls_.find(request, forward.fromSide());
        if (call != nullptr && arrival.ticket) {
            call->hold(std::move(arrival.ticket));
        }
        if (call != nullptr && forward.establishes &&
            !beginCall(forward, request.requestUriText(), arrival.user, *call)) {
            return;
        }
        forward.timerC = parts_.loop.timer([this, id = forward.server] {
            if (Forward* late = find(id)) {
                log::info("no answer within timer C, call is given up");
                giveUp(*late);
            }
        });
        forward.timerC->start(options_.timerC);
    }
    if (!forward.establishes && forward.method != sip::Method::Bye) {
        if (Call* call = calls_.find(request, forward.fromSide());
            call != nullptr && !call->isOfOtherDialog(request)) {
            noteRequest(*call, request);
        }
    }
    request.setMaxForwards(request.maxForwards().value_or(kDefaultHops + 1) - 1);
    forward.request = std::make_unique<sip::Message>(std::move(request));
    startNextRank(forward);
}

}  // namespace siproxd::proxy
