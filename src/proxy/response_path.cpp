// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"
#include "proxy/sdp_body.h"

namespace siproxd::proxy {

namespace {

bool makesDialog(const sip::Message& response) {
    return sip::namesTarget(response.method()) && response.status() > 100 && response.status() < 300;
}

constexpr std::size_t kMostEarlyDialogs = 8;

/// RFC 3326: the phones that stop ringing have not missed a call.
constexpr std::string_view kCompletedElsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// Whether an option tag stands in Supported.
bool supports(const sip::Message& request, std::string_view option) {
    for (const auto& field : request.headers("Supported")) {
        for (const auto part : base::split(field, ',')) {
            if (base::equalsIgnoreCase(base::trim(part), option)) {
                return true;
            }
        }
    }
    return false;
}

bool mayCarryMedia(const sip::Message& response) {
    const auto method = response.method();
    return response.status() < 300 &&
           (method == sip::Method::Invite || method == sip::Method::Update ||
            method == sip::Method::Prack);
}

}  // namespace

void Proxy::onResponse(transaction::ClientId id, sip::Message response,
                       const base::Flow& from) {
    ++counters_.responses;
    if (nat_.pingEnded(id, true)) {
        return;
    }
    Forward* forward = find(id);
    Branch* branch = forward != nullptr ? forward->branchOf(id) : nullptr;
    // Whoever has had one request of ours could answer it with any source.
    if (branch != nullptr && branch->flow.remote.ip == from.remote.ip) {
        gate_.sawAnswer(from);
    }
    if (branch == nullptr || (branch->client != id && !adoptFormer(*forward, *branch, id, response,
                                                                   from))) {
        return;
    }
    response.popVia();
    if (!forward->callId.empty() && !forward->incoming()) {
        response.setCallId(forward->callId);
    }
    if (forward->parties) {
        forward->parties->restore(response);
    }
    learnAccount(*branch, from);
    const int status = response.status();
    if (const auto* server = branch->server(); server != nullptr && status != 503) {
        parts_.dead.markAlive(server->protocol, server->address);
    }
    if (status < 200) {
        branch->hasRung = branch->hasRung || status > 100;
        // RFC 3261 §16.7 step 2
        if (forward->timerC != nullptr && status > 100) {
            forward->timerC->start(options_.timerC);
        }
        if (!forward->answered) {
            rememberEarlyDialog(*branch, response);
            passOn(*forward, *branch, std::move(response), from);
        }
        return;
    }
    const auto index = static_cast<std::size_t>(branch - forward->branches.data());
    if ((status == 401 || status == 407) && branch->appearance != nullptr &&
        branch->appearance->identity->hasCredentials()) {
        if (answerChallenge(*forward, index, response, from)) {
            return;
        }
        withholdChallenge(*branch, response);
    }
    if (status == 503 && serverRefuses(*forward, index, response)) {
        return;
    }
    branch->state = Branch::State::Done;
    branch->patience.reset();
    if (status < 300) {
        const bool first = !forward->answered;
        forward->answered = true;
        if (first || forward->method == sip::Method::Invite) {
            const auto server = forward->server;
            passOn(*forward, *branch, std::move(response), from);
            if (Forward* still = find(server); still != nullptr && first) {
                cancelBranches(*still, kCompletedElsewhere);
                still->timerC.reset();
                still->request.reset();
            }
        }
        return;
    }
    if (status < 400 && followRedirect(*forward, index, response)) {
        return;
    }
    if (!addresses_.isOurs(from.remote.ip)) {
        gate_.removeChallenges(response, from);
    }
    finishBranch(*forward, *branch, std::move(response));
}

bool Proxy::adoptFormer(Forward& forward, Branch& branch, transaction::ClientId id,
                        const sip::Message& response, const base::Flow& from) {
    const int status = response.status();
    // An INVITE has been cancelled there: only a 2xx that was faster than the CANCEL counts.
    const bool isInvite = forward.method == sip::Method::Invite;
    if (status < 200 || (isInvite && status >= 300) || (forward.answered && !isInvite)) {
        return false;
    }
    if (!forward.answered) {
        // It has the request after all; the one that was tried instead is given up.
        layer_.cancel(branch.client, kCompletedElsewhere);
        std::ranges::replace(branch.former, id, branch.client);
        branch.client = id;
        branch.flow = from;
    }
    return true;
}

bool Proxy::serverRefuses(Forward& forward, std::size_t index, sip::Message& response) {
    // RFC 3263 §4.3. Retry-After is seconds, then perhaps parameters or a comment.
    const auto text = response.header("Retry-After");
    const auto seconds =
        text ? base::parseUnsigned(text->substr(0, text->find_first_not_of("0123456789")),
                                   UINT32_MAX)
             : std::nullopt;
    markDead(forward.branches[index],
             seconds && *seconds > 0 ? std::optional<base::Duration>(std::chrono::seconds(*seconds))
                                     : std::nullopt);
    if (failsOver(forward, index, "answers 503")) {
        return true;
    }
    // Upstream it would mean that we can serve nobody at all (RFC 3261 §16.7 step 6).
    response.setStatus(500, response.reason());
    response.removeHeader("Retry-After");
    return false;
}

void Proxy::onFailure(transaction::ClientId id, transaction::ClientFailure failure) {
    if (nat_.pingEnded(id, false)) {
        return;
    }
    Forward* forward = find(id);
    Branch* branch = forward != nullptr ? forward->branchOf(id) : nullptr;
    if (branch == nullptr || branch->client != id) {
        return;
    }
    const bool timeout = failure == transaction::ClientFailure::Timeout;
    const auto index = static_cast<std::size_t>(branch - forward->branches.data());
    if (forward->mayTryMore()) {
        if (failsOver(*forward, index, timeout ? "does not answer" : "cannot be reached")) {
            return;
        }
        markDead(*branch);
    }
    log::info("{}: {}", base::printable(branch->uri.toString()),
              timeout ? "nobody answers" : "request could not be sent");
    branch->isUnreachable = !timeout;
    const int status = forward->cancelled ? 487 : timeout ? 408 : unreachable(*forward);
    branchFailed(*forward, index, status, "");
}

void Proxy::rememberEarlyDialog(Branch& branch, const sip::Message& response) {
    const auto tag = response.toTag();
    if (response.method() == sip::Method::Invite && response.status() > 100 && !tag.empty() &&
        branch.earlyTags.size() < kMostEarlyDialogs &&
        std::ranges::find(branch.earlyTags, tag) == branch.earlyTags.end()) {
        branch.earlyTags.emplace_back(tag);
    }
}

void Proxy::endEarlyDialogs(Forward& forward, const Branch& branch, int status) {
    const sip::Message* request = layer_.serverRequest(forward.server);
    if (request == nullptr || branch.earlyTags.empty() || !supports(*request, "199")) {
        return;
    }
    // RFC 6228 §6: the caller learns at once that this phone has stopped ringing.
    for (const auto& tag : branch.earlyTags) {
        auto response = sip::Message::response(*request, 199, "", tag);
        response.addHeader("Reason", "SIP;cause=" + std::to_string(status));
        layer_.respond(forward.server, response);
    }
}

void Proxy::finishBranch(Forward& forward, const Branch& branch, sip::Message response) {
    if (forward.answered) {
        return;
    }
    const int status = response.status();
    const bool isGlobal = status >= 600;
    const auto outcome = outcomeOf(branch, status);
    forward.outcomes |= outcome;
    hasLeft(forward, branch);
    forward.offerBest(branch, std::move(response));
    if (isGlobal) {
        // RFC 3261 §16.7 step 5: nobody else needs to ring, but whom a plugin has named for this very case.
        if (forward.hasSubstituteAfter(outcome)) {
            endRankFor(forward, outcome, status);
        } else {
            cancelBranches(forward, "SIP;cause=" + std::to_string(status));
        }
    }
    if (forward.waiting()) {
        endEarlyDialogs(forward, branch, status);
        return;
    }
    const auto id = forward.server;
    if (forward.mayTryMore()) {
        startNextRank(forward);
    }
    Forward* present = find(id);
    if (present == nullptr || present->answered || present->waiting()) {
        return;
    }
    present->answered = true;
    present->timerC.reset();
    auto best = present->takeBest();
    const auto& answering = present->branches[best.branch];
    const auto from = answering.flow.remote ? answering.flow : present->from;
    passOn(*present, answering, std::move(best.response), from);
    if (Forward* still = find(id)) {
        still->request.reset();
    }
}

void Proxy::passOn(Forward& forward, const Branch& branch, sip::Message response,
                   const base::Flow& from) {
    if (forward.own) {
        deliver(forward, response, from);
        return;
    }
    response.setVias(forward.vias);
    if (response.status() >= 200) {
        leaveLoopGuard(forward);
    }
    plugin::Context context;
    context.message = &response;
    context.flow = from;
    context.direction = forward.incoming() ? plugin::Direction::ResponseOutgoing
                                           : plugin::Direction::ResponseIncoming;
    const bool passes = parts_.chain.run(plugin::Stage::PreProxy, context).goesOn();
    followAppearance(forward, branch, response);
    followCall(forward, branch, response);
    if (!passes) {
        dropResponse(forward, response);
        return;
    }
    mediaOfResponse(forward, branch, response);
    maskFarContacts(response, from);
    if (forward.crosses(branch)) {
        if (forward.fromSide() == Side::Outside) {
            toOutside(forward, response, from);
        } else {
            toInside(forward, response, from);
        }
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

void Proxy::mediaOfResponse(const Forward& forward, const Branch& branch,
                            sip::Message& response) {
    if (media_ == nullptr || !SdpBody::mayBeIn(response)) {
        return;
    }
    Call* call = mayCarryMedia(response) ? calls_.find(response, other(forward.fromSide())) : nullptr;
    auto way = mediaWay(forward, branch, call, true);
    if (call == nullptr) {
        media_->hideAddresses(response, way);
        return;
    }
    way.byInitiator = !call->isInitiator(response);  // From of a response is who has asked
    if (call->isOfOtherDialog(response)) {
        media_->disable(response, way);
        return;
    }
    const auto outcome = media_->apply(*call, response, way, onSilence(*call));
    if (outcome != MediaOutcome::Untouched && outcome != MediaOutcome::Rewritten) {
        // Too late to refuse: the caller learns that there will be no media.
        media_->disable(response, way);
        log::warningFromPeer("{} of {} comes without media: what its SDP says cannot be relayed "
                             "[CID: {}]", response.status(), way.sipSource.toString(),
                             base::printable(response.callId()));
    }
}

void Proxy::toInside(Forward& forward, sip::Message& response, const base::Flow& from) {
    masquerade_.partiesIn(response);
    if (forward.method == sip::Method::Register) {
        registered(forward, response, from);
        return;
    }
    if (makesDialog(response)) {
        // Our Record-Route goes to the end: the phone's first hop (it reads them backwards). What we
        // have kept of inside proxies comes behind it, nearer to the phone.
        auto routes = response.recordRoutes();
        routes.push_back(Masquerade::ownRecordRoute(addresses_.sentBy(
            Side::Inside, forward.from.local.ip, forward.from.protocol), forward.secure));
        routes.insert(routes.end(), forward.insideRoutes.begin(), forward.insideRoutes.end());
        response.setRecordRoutes(routes);
    }
}

void Proxy::toOutside(Forward& forward, sip::Message& response, const base::Flow& from) {
    const auto own =
        addresses_.sentBy(Side::Outside, forward.from.local.ip, forward.from.protocol);
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
        masquerade_.redirectOut(response, from, own);
    } else {
        masquerade_.contactsOut(response, forward.localAor, from, own, inside);
    }
    masquerade_.headersOut(response, from, own);
    if (!forward.callId.empty()) {
        response.setCallId(forward.callId);
    }
    if (!options_.proxy.uaString.empty() && response.header("User-Agent")) {
        response.setHeader("User-Agent", options_.proxy.uaString);
    }
    if (!options_.proxy.uaString.empty() && response.header("Server")) {
        response.setHeader("Server", options_.proxy.uaString);
    }
}

void Proxy::onStrayResponse(sip::Message response, const base::Flow& from) {
    ++counters_.responses;
    log::debug(log::Class::Proxy, "response {} from {} belongs to no transaction [CID: {}]",
               response.status(), from.remote.toString(), base::printable(response.callId()));
}

}  // namespace siproxd::proxy
