// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// Of each text that is kept of a dialog: real ones are shorter, and the memory is not a peer's to
/// fill. (Routes have a bound of their own.)
constexpr std::size_t kLongestText = 1024;

sip::NameAddr partyOf(const std::string& uri, const std::string& tag) {
    auto party = sip::NameAddr::parse("<" + uri + ">").value_or(sip::NameAddr{});
    party.params.set("tag", tag);
    return party;
}

/// A dialog with longer texts ends without our help.
void dropIfTooLong(CallState& state) {
    const auto& ends = *state.ends;
    if (std::max({ends.callerUri.size(), ends.calleeUri.size(), ends.farTarget.size()}) >
        kLongestText) {
        state.ends.reset();
    }
}

std::vector<sip::NameAddr> parsed(const std::vector<std::string>& routes) {
    std::vector<sip::NameAddr> out;
    for (const auto& route : routes) {
        if (auto address = sip::NameAddr::parse(route)) {
            out.push_back(std::move(*address));
        }
    }
    return out;
}

}  // namespace

std::vector<std::string> Proxy::routesBehindUs(const sip::Message& message) const {
    auto routes = message.recordRoutes();
    // Between two on one side ours stands among them; what is below it is nearer to the other one.
    routes.erase(std::ranges::find_if(routes, [this](const sip::NameAddr& route) {
                     return addresses_.isOwnRoute(route.uri);
                 }),
                 routes.end());
    std::vector<std::string> texts;
    for (const auto& route : routesToKeep(std::move(routes))) {
        texts.push_back(route.toString());
    }
    return texts;
}

void Proxy::noteRequest(Call& call, const sip::Message& request) const {
    auto& state = call.state();
    const bool isCaller = call.isInitiator(request);
    if (state.ends == nullptr) {
        if (!isCaller || request.method() != sip::Method::Invite) {
            return;
        }
        state.ends = std::make_unique<DialogEnds>();
        state.ends->callerUri = request.from().uri.toString();
        state.ends->calleeUri = request.to().uri.toString();
        state.ends->calleeSide = other(state.initiator);
    }
    auto& ends = *state.ends;
    auto& cseq = isCaller ? ends.callerCSeq : ends.calleeCSeq;
    cseq = std::max(cseq, request.cseq().number);
    const bool names = request.method() == sip::Method::Invite ||
                       request.method() == sip::Method::Update;
    if (names && isCaller != call.knowsCaller()) {
        if (const auto contacts = request.contacts(); !contacts.empty()) {
            ends.farTarget = contacts.front().uri.toString();
        }
        if (request.toTag().empty()) {
            ends.farRoutes = routesBehindUs(request);
        }
    }
    dropIfTooLong(state);
}

void Proxy::noteAnswer(Call& call, const Forward& forward, const Branch& branch,
                       const sip::Message& response) const {
    if (call.state().ends == nullptr) {
        return;
    }
    auto& ends = *call.state().ends;
    const bool byCaller = !call.isInitiator(response);  // From of a response is who has asked
    if (!byCaller) {
        ends.calleeSide = branch.towards;
    }
    if (byCaller == call.knowsCaller()) {
        return;
    }
    if (const auto contacts = response.contacts(); !contacts.empty()) {
        ends.farTarget = contacts.front().uri.toString();
    }
    if (forward.establishes) {
        ends.farRoutes = routesBehindUs(response);
        std::ranges::reverse(ends.farRoutes);  // who is nearest to us has put its own in first
    }
    dropIfTooLong(call.state());
}

void Proxy::hangUp(const Call& call, std::string_view reason) {
    if (call.state().answered && call.state().ends != nullptr) {
        sendBye(call, true, reason);
        sendBye(call, false, reason);
    }
}

void Proxy::sendBye(const Call& call, bool toCaller, std::string_view reason) {
    const auto& state = call.state();
    const auto& ends = *state.ends;
    const auto side = toCaller ? state.initiator : ends.calleeSide;
    const bool isFar = toCaller != call.knowsCaller();
    const auto target =
        isFar ? sip::Uri::parse(ends.farTarget)
              : std::optional(state.insideContact);
    if (!target || target->host.empty()) {
        return;
    }
    const auto caller = partyOf(ends.callerUri, state.initiatorTag);
    const auto callee = partyOf(ends.calleeUri, state.answererTag);
    auto bye = sip::Message::request("BYE", *target);
    bye.setMaxForwards(70);
    bye.setFrom(toCaller ? callee : caller);
    bye.setTo(toCaller ? caller : callee);
    bye.setCallId(state.callId);
    bye.setCSeq({(toCaller ? ends.calleeCSeq : ends.callerCSeq) + 1, "BYE"});
    bye.addHeader("Reason", reason);

    // There is no transaction of the other party's: whatever is answered leads nowhere.
    auto owned = std::make_unique<Forward>();
    Forward& forward = *owned;
    forward.server = ownRequestId();
    forward.direction = side == Side::Inside ? plugin::Direction::RequestIncoming
                                             : plugin::Direction::RequestOutgoing;
    forward.method = sip::Method::Bye;
    forward.localAor = side == Side::Inside ? bye.to().uri : bye.from().uri;
    auto routes = isFar ? parsed(ends.farRoutes) : state.insideRoutes;
    Branch branch{.uri = *target, .towards = side};
    if (side == Side::Inside || parts_.locations.byContact(*target) != nullptr) {
        branch = branchTo(directions_.targetAt(*target));
        branch.routes = std::move(routes);
        branch.towards = side;
    } else {
        bye.setRoutes(routes);
    }
    forward.branches.push_back(std::move(branch));
    forward.request = std::make_unique<sip::Message>(std::move(bye));
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
