// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

sip::NameAddr partyOf(const std::string& uri, const std::string& tag) {
    auto party = sip::NameAddr::parse("<" + uri + ">").value_or(sip::NameAddr{});
    party.params.set("tag", tag);
    return party;
}

}  // namespace

void Proxy::noteRequest(Call& call, Side from, const sip::Message& request) {
    auto& state = call.state();
    if (state.ends == nullptr) {
        state.ends = std::make_unique<DialogEnds>(
            DialogEnds{request.from().uri.toString(), request.to().uri.toString(), {}, {}, {}});
    }
    auto& ends = *state.ends;
    auto& cseq = ends.cseq[static_cast<std::size_t>(from)];
    cseq = std::max(cseq, request.cseq().number);
    if (from == Side::Inside || !(request.method() == sip::Method::Invite ||
                                  request.method() == sip::Method::Update)) {
        return;
    }
    if (const auto contacts = request.contacts(); !contacts.empty()) {
        ends.outsideTarget = contacts.front().uri.toString();
    }
    if (request.toTag().empty()) {
        ends.outsideRoutes.clear();
        for (const auto& route : routesToKeep(request.recordRoutes())) {
            ends.outsideRoutes.push_back(route.toString());
        }
    }
}

void Proxy::noteAnswer(Call& call, bool establishes, const sip::Message& response) {
    if (call.state().ends == nullptr) {
        return;
    }
    auto& ends = *call.state().ends;
    if (const auto contacts = response.contacts(); !contacts.empty()) {
        ends.outsideTarget = contacts.front().uri.toString();
    }
    if (establishes) {
        ends.outsideRoutes.clear();
        for (const auto& route : routesToKeep(response.recordRoutes())) {
            ends.outsideRoutes.insert(ends.outsideRoutes.begin(), route.toString());
        }
    }
}

void Proxy::hangUp(const Call& call) {
    const auto& state = call.state();
    if (!state.answered || state.ends == nullptr) {
        return;
    }
    for (const Side to : {Side::Inside, Side::Outside}) {
        sendBye(state, to);
    }
}

void Proxy::sendBye(const CallState& state, Side to) {
    const auto& ends = *state.ends;
    const auto target = to == Side::Inside ? std::optional(state.insideContact)
                                           : sip::Uri::parse(ends.outsideTarget);
    if (!target || target->host.empty()) {
        return;
    }
    const auto caller = partyOf(ends.callerUri, state.initiatorTag);
    const auto callee = partyOf(ends.calleeUri, state.answererTag);
    const bool toCaller = to == state.initiator;
    auto bye = sip::Message::request("BYE", *target);
    bye.setMaxForwards(70);
    bye.setFrom(toCaller ? callee : caller);
    bye.setTo(toCaller ? caller : callee);
    bye.setCallId(state.callId);
    bye.setCSeq({ends.cseq[static_cast<std::size_t>(other(to))] + 1, "BYE"});
    bye.addHeader("Reason", "SIP;cause=503;text=\"Address Gone\"");

    // There is no transaction of the other party's: whatever is answered leads nowhere.
    auto owned = std::make_unique<Forward>();
    Forward& forward = *owned;
    forward.server = ownRequestId();
    forward.direction = to == Side::Inside ? plugin::Direction::RequestIncoming
                                           : plugin::Direction::RequestOutgoing;
    forward.method = sip::Method::Bye;
    forward.localAor = to == Side::Inside ? bye.to().uri : bye.from().uri;
    Branch branch{.uri = *target, .towards = to};
    if (to == Side::Inside) {
        branch = branchTo(directions_.targetAt(*target));
        branch.routes = state.insideRoutes;
    } else {
        std::vector<sip::NameAddr> routes;
        for (const auto& route : ends.outsideRoutes) {
            if (auto parsed = sip::NameAddr::parse(route)) {
                routes.push_back(std::move(*parsed));
            }
        }
        bye.setRoutes(routes);
    }
    forward.branches.push_back(std::move(branch));
    forward.request = std::move(bye);
    const auto id = forward.server;
    forwards_[id] = std::move(owned);
    orphans_.insert(id);
    startNextRank(forward);
}

void Proxy::dropOrphans() {
    std::erase_if(orphans_, [this](transaction::ServerId id) {
        const Forward* forward = find(id);
        if (forward != nullptr && forward->waiting()) {
            return false;
        }
        onServerEnded(id);
        return true;
    });
}

}  // namespace siproxd::proxy
