// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

bool makesDialog(const sip::Message& response) {
    switch (response.method()) {
        case sip::Method::Invite:
        case sip::Method::Subscribe:
        case sip::Method::Notify:
        case sip::Method::Refer:
        case sip::Method::Update: return response.status() > 100 && response.status() < 300;
        default: return false;
    }
}

bool mayCarryMedia(const sip::Message& response) {
    const auto method = response.method();
    return response.status() < 300 &&
           (method == sip::Method::Invite || method == sip::Method::Update ||
            method == sip::Method::Prack);
}

}  // namespace

void Proxy::onResponse(transaction::ClientId id, sip::Message response,
                       const transport::Flow& from) {
    ++counters_.responses;
    Forward* forward = find(id);
    Branch* branch = forward != nullptr ? forward->branchOf(id) : nullptr;
    if (branch == nullptr) {
        return;
    }
    response.popVia();
    const int status = response.status();
    if (status < 200) {
        // RFC 3261 §16.7 step 2
        if (forward->timerC != nullptr && status > 100) {
            forward->timerC->start(options_.timerC);
        }
        if (!forward->answered) {
            passOn(*forward, std::move(response), from);
        }
        return;
    }
    branch->state = Branch::State::Done;
    if (status < 300) {
        const bool first = !forward->answered;
        forward->answered = true;
        if (first || forward->method == sip::Method::Invite) {
            const auto server = forward->server;
            passOn(*forward, std::move(response), from);
            if (Forward* still = find(server); still != nullptr && first) {
                cancelBranches(*still, "");
                still->timerC.reset();
                still->request.reset();
            }
        }
        return;
    }
    finishBranch(*forward, std::move(response));
}

void Proxy::onFailure(transaction::ClientId id, transaction::ClientFailure failure) {
    Forward* forward = find(id);
    Branch* branch = forward != nullptr ? forward->branchOf(id) : nullptr;
    if (branch == nullptr) {
        return;
    }
    const bool timeout = failure == transaction::ClientFailure::Timeout;
    log::info("{}: {}", base::printable(branch->uri.toString()),
              timeout ? "nobody answers" : "request could not be sent");
    const int status = forward->cancelled ? 487 : timeout ? 408 : 503;
    branchFailed(*forward, static_cast<std::size_t>(branch - forward->branches.data()), status,
                 "");
}

void Proxy::finishBranch(Forward& forward, sip::Message response) {
    if (forward.answered) {
        return;
    }
    if (response.status() >= 600) {
        // RFC 3261 §16.7 step 5: nobody else needs to ring.
        forward.offerBest(std::move(response));
        cancelBranches(forward, "");
    } else {
        forward.offerBest(std::move(response));
    }
    if (forward.waiting()) {
        return;
    }
    const auto id = forward.server;
    if (!forward.cancelled && forward.best->status() < 600) {
        startNextRank(forward);
    }
    Forward* present = find(id);
    if (present == nullptr || present->answered || present->waiting()) {
        return;
    }
    present->answered = true;
    present->timerC.reset();
    sip::Message best = std::move(*present->best);
    present->best.reset();
    const auto from = present->from;
    passOn(*present, std::move(best), from);
    if (Forward* still = find(id)) {
        still->request.reset();
    }
}

void Proxy::passOn(Forward& forward, sip::Message response, const transport::Flow& from) {
    response.setVias(forward.vias);
    plugin::Context context;
    context.message = &response;
    context.flow = from;
    context.direction = forward.incoming() ? plugin::Direction::ResponseOutgoing
                                           : plugin::Direction::ResponseIncoming;
    if (!parts_.chain.run(plugin::Stage::PreProxy, context).goesOn()) {
        followCall(forward, response);
        dropResponse(forward, response);
        return;
    }
    followCall(forward, response);
    if (forward.incoming()) {
        toOutside(forward, response, from);
    } else {
        toInside(forward, response, from);
    }
    if (!parts_.chain.run(plugin::Stage::PostProxy, context).goesOn()) {
        dropResponse(forward, response);
        return;
    }
    layer_.respond(forward.server, response);
}

void Proxy::dropResponse(Forward& forward, const sip::Message& response) {
    // Without its final response a transaction would wait for ever.
    if (response.status() >= 200) {
        layer_.abandon(forward.server);
    }
}

void Proxy::mediaOfResponse(Forward& forward, sip::Message& response,
                            const transport::Flow& from) {
    if (media_ == nullptr || !CallMedia::hasSdp(response)) {
        return;
    }
    const Side side = forward.toSide();
    Call* call = mayCarryMedia(response) ? calls_.find(response, side) : nullptr;
    if (call == nullptr) {
        media_->hideAddresses(response, forward.fromSide());
        return;
    }
    if (call->isOfOtherDialog(response)) {
        media_->disable(response, forward.fromSide());
        return;
    }
    const auto outcome = media_->apply(*call, response, side, from.remote, onSilence(*call));
    if (outcome != MediaOutcome::Untouched && outcome != MediaOutcome::Rewritten) {
        // Too late to refuse: the caller learns that there will be no media.
        media_->disable(response, forward.fromSide());
        log::warningFromPeer("{} of {} comes without media: what its SDP says cannot be relayed "
                             "[CID: {}]", response.status(), from.remote.toString(),
                             base::printable(response.callId()));
    }
}

void Proxy::followCall(Forward& forward, const sip::Message& response) {
    if (forward.method != sip::Method::Invite && forward.method != sip::Method::Update &&
        forward.method != sip::Method::Bye) {
        return;
    }
    Call* call = calls_.find(response, forward.toSide());
    if (call == nullptr) {
        return;
    }
    call->touch(parts_.loop.now());
    const int status = response.status();
    if (forward.method == sip::Method::Bye) {
        // A challenged BYE comes again; everything else has ended the call.
        if (status >= 200 && status != 401 && status != 407 && !call->isOfOtherDialog(response)) {
            endCall(*call, "");
        }
        return;
    }
    if (call->media() != nullptr && status >= 200 && !call->isOfOtherDialog(response)) {
        if (status < 300) {
            call->media()->forget();
        } else {
            call->media()->restore();
        }
    }
    if (forward.method == sip::Method::Update) {
        return;
    }
    if (status >= 200 && status < 300 && !call->state().answered) {
        call->state().answered = true;
        call->state().answererTag = response.toTag();
    }
    if (status > 100 && status < 300 && forward.incoming() && !call->isOfOtherDialog(response)) {
        if (const auto contacts = response.contacts(); !contacts.empty()) {
            call->state().insideContact = contacts.front().uri;
        }
    }
    if (status >= 300 && !call->state().answered) {
        endCall(*call, "");
    }
}

void Proxy::toInside(Forward& forward, sip::Message& response, const transport::Flow& from) {
    mediaOfResponse(forward, response, from);
    if (forward.method == sip::Method::Register) {
        registered(forward, response);
        return;
    }
    if (makesDialog(response)) {
        // Our Record-Route goes to the end: the phone's first hop (it reads them backwards). What we
        // have kept of inside proxies comes behind it, nearer to the phone.
        auto routes = response.recordRoutes();
        routes.push_back(masquerade_.ownRecordRoute());
        routes.insert(routes.end(), forward.insideRoutes.begin(), forward.insideRoutes.end());
        response.setRecordRoutes(routes);
    }
}

void Proxy::toOutside(Forward& forward, sip::Message& response, const transport::Flow& from) {
    mediaOfResponse(forward, response, from);
    auto inside = routesToKeep(masquerade_.stripRecordRoutes(response));
    std::ranges::reverse(inside);  // the one that is nearest to us has put its own in first
    if (Call* call = makesDialog(response) ? calls_.find(response, Side::Inside) : nullptr;
        call != nullptr && !call->isOfOtherDialog(response)) {
        if (forward.establishes) {
            call->state().insideRoutes = inside;
        } else {
            // The route set of a dialog stays as it was when the dialog began (RFC 3261 §12.2).
            inside = call->state().insideRoutes;
        }
    }
    if (response.status() >= 300 && response.status() < 400) {
        masquerade_.redirectOut(response, from);
    } else {
        masquerade_.contactsOut(response, forward.localAor, from, inside);
    }
    masquerade_.headersOut(response, from);
    if (!options_.proxy.uaString.empty() && response.header("User-Agent")) {
        response.setHeader("User-Agent", options_.proxy.uaString);
    }
    if (!options_.proxy.uaString.empty() && response.header("Server")) {
        response.setHeader("Server", options_.proxy.uaString);
    }
}

void Proxy::cancelBranches(Forward& forward, std::string_view reason) {
    std::vector<transaction::ClientId> sent;
    for (auto& branch : forward.branches) {
        switch (branch.state) {
            case Branch::State::Waiting:
            case Branch::State::Resolving:
                branch.state = Branch::State::Done;
                branch.query.cancel();
                break;
            case Branch::State::Sent: sent.push_back(branch.client); break;
            case Branch::State::Done: break;
        }
    }
    for (const auto client : sent) {
        layer_.cancel(client, reason);
    }
}

void Proxy::giveUp(Forward& forward) {
    cancelBranches(forward, "");
    const sip::Message* request = layer_.serverRequest(forward.server);
    if (request != nullptr && !forward.waiting()) {
        // Nothing has been sent that could still be answered: name servers have kept us waiting.
        finishBranch(forward, sip::Message::response(*request, 408, "", parts_.random.hex(6)));
    }
}

void Proxy::onCancel(transaction::ServerId invite, const sip::Message& cancel) {
    for (auto it = suspended_.begin(); it != suspended_.end(); ++it) {
        if (it->second->server == invite) {
            parts_.chain.forget(it->first);
            suspended_.erase(it);
            respond(invite, 487);
            return;
        }
    }
    Forward* forward = find(invite);
    if (forward == nullptr || forward->answered) {
        return;
    }
    forward->cancelled = true;
    const auto reason = cancel.header("Reason");
    plugin::Context context;
    auto copy = cancel.clone();
    context.message = &copy;
    context.flow = forward->from;
    context.direction = forward->direction;
    [[maybe_unused]] const auto outcome = parts_.chain.run(plugin::Stage::PreProxy, context);
    cancelBranches(*forward, reason.value_or(""));
    if (!forward->waiting()) {
        forward->answered = true;
        if (Call* call = calls_.find(cancel, forward->fromSide());
            call != nullptr && !call->state().answered) {
            endCall(*call, "");
        } else if (call != nullptr && call->media() != nullptr) {
            call->media()->restore();
        }
        respond(invite, 487);
    }
}

void Proxy::onStrayResponse(sip::Message response, const transport::Flow& from) {
    ++counters_.responses;
    log::debug(log::Class::Proxy, "response {} from {} belongs to no transaction [CID: {}]",
               response.status(), from.remote.toString(), base::printable(response.callId()));
}

}  // namespace siproxd::proxy
