// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/call_id.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// Of each text that is kept of a dialog: real ones are shorter, and the memory is not a peer's to
/// fill. (Routes have a bound of their own.)
constexpr std::size_t kLongestText = 1024;

sip::NameAddr partyOf(const std::string& uri, const std::string& tag) {
    auto party = sip::NameAddr::parse("<" + uri + ">").value_or(sip::NameAddr{});
    if (!tag.empty()) {  // an RFC 2543 party has none (RFC 3261 §12.1.1)
        party.params.set("tag", tag);
    }
    return party;
}

/// Of the dialogs that a call may be about to become; further ones are not followed.
constexpr std::ptrdiff_t kMostEarly = 16;

bool isTooLong(const DialogEnds::End& end) {
    return std::max(end.uri.size(), end.target.size()) > kLongestText;
}

/// A dialog with longer texts ends without our help.
void dropIfTooLong(CallState& state) {
    if (isTooLong(state.ends->caller) || isTooLong(state.ends->callee)) {
        state.ends.reset();
    }
}

const DialogEnds::Early* findEarly(const DialogEnds& ends, std::string_view tag) {
    const auto found = std::ranges::find(ends.early, tag, &DialogEnds::Early::tag);
    return found == ends.early.end() ? nullptr : &*found;
}

/// The end that a request of one of a call's dialogs goes to; null: not known.
const DialogEnds::End* otherEnd(const Call& call, const sip::Message& request) {
    const auto* ends = call.state().ends.get();
    if (ends == nullptr) {
        return nullptr;
    }
    if (!call.isInitiator(request)) {
        return &ends->caller;
    }
    if (call.state().answered) {
        return &ends->callee;
    }
    const auto* early = findEarly(*ends, request.toTag());
    return early == nullptr ? nullptr : &early->end;
}

/// Whether CallState::insideContact is that of the caller, or of the callee.
bool isKeptInside(const Call& call, bool caller) {
    return caller == call.keepsCaller() &&
           (caller || call.state().ends->calleeSide == Side::Inside);
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

Located Proxy::inRelayedCall(sip::Message& request) {
    const Call* call = calls_.find(request, Side::Outside);
    if (call != nullptr && call->state().isChosen) {
        // The caller knows the tags of both: he could speak for the other one as well.
        const auto* end = otherEnd(*call, request);
        auto target = end == nullptr ? std::nullopt : sip::Uri::parse(end->target);
        if (!target) {
            return {};
        }
        request.setRequestUri(std::move(*target));
        request.setRoutes(parsed(end->routes));
    }
    return DirectionFinder::relayed(request);
}

void Proxy::noteRequest(Call& call, const sip::Message& request) const {
    auto& state = call.state();
    const bool isCaller = call.isInitiator(request);
    if (state.ends == nullptr) {
        if (!isCaller || request.method() != sip::Method::Invite) {
            return;
        }
        state.ends = std::make_unique<DialogEnds>();
        state.ends->caller.uri = request.from().uri.toString();
        state.ends->callee.uri = request.to().uri.toString();
        state.ends->calleeSide = other(state.initiator);
    }
    auto& end = isCaller ? state.ends->caller : state.ends->callee;
    end.cseq = std::max(end.cseq, request.cseq().number);
    const bool names = request.method() == sip::Method::Invite ||
                       request.method() == sip::Method::Update;
    if (names && !isKeptInside(call, isCaller)) {
        if (const auto contacts = request.contacts(); !contacts.empty()) {
            end.target = contacts.front().uri.toString();
        }
        if (request.toTag().empty()) {
            end.routes = routesBehindUs(request);
        }
    }
    dropIfTooLong(state);
}

void Proxy::noteWay(DialogEnds::End& end, bool establishes, const sip::Message& response) const {
    if (const auto contacts = response.contacts(); !contacts.empty()) {
        end.target = contacts.front().uri.toString();
    }
    if (establishes) {
        end.routes = routesBehindUs(response);
        std::ranges::reverse(end.routes);  // who is nearest to us has put its own in first
    }
}

void Proxy::noteRinging(Call& call, const sip::Message& response) const {
    auto* ends = call.state().ends.get();
    const auto tag = response.toTag();
    if (ends == nullptr || tag.size() > kLongestText) {
        return;
    }
    const auto* known = findEarly(*ends, tag);
    if (known == nullptr && std::ranges::distance(ends->early) >= kMostEarly) {
        return;
    }
    auto end = known == nullptr ? DialogEnds::End{} : known->end;
    noteWay(end, true, response);
    if (isTooLong(end)) {
        return;
    }
    std::erase_if(ends->early, [&](const DialogEnds::Early& early) { return early.tag == tag; });
    ends->early.push_front({std::string(tag), std::move(end)});
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
    if (forward.establishes) {
        ends.early = {};
    }
    if (isKeptInside(call, byCaller)) {
        return;
    }
    noteWay(byCaller ? ends.caller : ends.callee, forward.establishes, response);
    dropIfTooLong(call.state());
}

void Proxy::hangUp(const Call& call, std::string_view reason) {
    if (call.state().answered && call.state().ends != nullptr) {
        sendBye(call, true, reason);
        sendBye(call, false, reason);
    }
}

Branch Proxy::branchToEnd(const sip::Uri& target, Side side,
                          std::vector<sip::NameAddr> routes) {
    if (auto shown = directions_.byToken(target, true)) {
        return branchTo(std::move(*shown));  // behind a NAT, to where it has been told to be
    }
    if (side == Side::Inside || parts_.locations.byContact(target) != nullptr) {
        auto branch = branchTo(directions_.targetAt(target));
        branch.towards = side;
        branch.routes = std::move(routes);
        return branch;
    }
    Branch branch{.uri = target, .towards = side};
    branch.isForeign = true;
    return branch;
}

void Proxy::sendBye(const Call& call, bool toCaller, std::string_view reason) {
    const auto& state = call.state();
    const auto& ends = *state.ends;
    const auto& end = toCaller ? ends.caller : ends.callee;
    const bool isInside = isKeptInside(call, toCaller);
    const auto target = isInside ? std::optional(state.insideContact) : sip::Uri::parse(end.target);
    if (!target || target->host.empty()) {
        return;
    }
    const auto caller = partyOf(ends.caller.uri, state.initiatorTag);
    const auto callee = partyOf(ends.callee.uri, state.answererTag);
    auto bye = sip::Message::request("BYE", *target);
    bye.setMaxForwards(70);
    bye.setFrom(toCaller ? callee : caller);
    bye.setTo(toCaller ? caller : callee);
    bye.setCallId(state.callId);
    bye.setCSeq({(toCaller ? ends.callee : ends.caller).cseq + 1, "BYE"});
    bye.addHeader("Reason", reason);

    // There is no transaction of the other party's: whatever is answered leads nowhere.
    auto owned = std::make_unique<Forward>();
    Forward& forward = *owned;
    auto routes = isInside ? state.insideRoutes : parsed(end.routes);
    auto branch = branchToEnd(*target, toCaller ? state.initiator : ends.calleeSide, routes);
    const bool inwards = branch.towards == Side::Inside;
    if (options_.proxy.obscureLoops && !inwards && state.initiator == Side::Inside) {
        // The call is forgotten before the way to a name is known, so that nothing tells then.
        bye.setCallId(obscuredCallId(state.callId, state.initiatorTag));
    }
    forward.server = ownRequestId();
    forward.direction = inwards ? plugin::Direction::RequestIncoming
                                : plugin::Direction::RequestOutgoing;
    forward.method = sip::Method::Bye;
    forward.localAor = inwards ? bye.to().uri : bye.from().uri;
    if (!branch.toPhone) {
        bye.setRoutes(routes);
    }
    if (state.appearance && state.appearance->isCallers != toCaller) {
        branch.appearance = std::make_unique<Appearance>(*state.appearance);
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
