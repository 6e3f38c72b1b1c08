// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"
#include "proxy/sdp_body.h"

namespace siproxd::proxy {

namespace {

constexpr std::chrono::seconds kByeTime{64};

/// Nobody may ask for refreshes that come faster (RFC 4028 §4).
constexpr std::chrono::seconds kShortestSession{90};
/// What lasts longer needs no timer: a call without signalling and media is forgotten before.
constexpr std::chrono::hours kLongestSession{24};

}  // namespace

void Proxy::followInvite(const Forward& forward, const sip::Message& request) {
    Call& call = calls_.obtain(request, forward.fromSide());
    call.touch(parts_.loop.now());
    auto& state = call.state();
    if (forward.establishes) {
        state.initiatorSource = forward.from.remote.ip;
        state.relayMode = relayMode(forward);
        state.iceLite = options_.proxy.rtpIce == "lite";
        noteRequest(call, request);
    }
    if (forward.incoming()) {
        if (const auto via = request.via();
            forward.establishes && forward.from.connection != 0 && via != nullptr) {
            state.peer = std::make_shared<const DialogPeer>(
                DialogPeer{forward.from, via->portOrDefault(), ""});
        }
        const auto& first = forward.branches.front();
        // Else nobody is reached by this call but by what answers.
        const bool isDestinationKnown = first.terms == nullptr || first.terms->dialled == nullptr;
        if (isDestinationKnown && first.towards == Side::Outside) {
            state.isRelayed = state.isRelayed || !first.toPhone;
            state.isChosen = state.isChosen || (first.isChosen && !first.toPhone);
        } else if (isDestinationKnown && state.insideContact.host.empty()) {
            state.insideContact = first.uri;
        }
    } else if (const auto contacts = request.contacts();
               !contacts.empty() && call.isInitiator(request) == call.keepsCaller()) {
        state.insideContact = contacts.front().uri;
        if (request.toTag().empty()) {
            state.insideRoutes = routesToKeep(request.recordRoutes());
        }
    }
}

void Proxy::followCall(const Forward& forward, const Branch& branch, const sip::Message& response) {
    if (forward.method != sip::Method::Invite && forward.method != sip::Method::Update &&
        forward.method != sip::Method::Bye) {
        return;
    }
    Call* call = calls_.find(response, other(forward.fromSide()));
    if (call == nullptr) {
        return;
    }
    call->touch(parts_.loop.now());
    const int status = response.status();
    if (forward.method == sip::Method::Bye) {
        // A challenged BYE comes again; everything else has ended the call.
        if (status >= 200 && status != 401 && status != 407 && !call->isOfOtherDialog(response)) {
            // From of a response is who has asked.
            endCall(*call, {},
                    {call->isInitiator(response) ? plugin::EndedBy::Caller : plugin::EndedBy::Callee});
        }
        return;
    }
    if (status >= 200 && !call->isOfOtherDialog(response)) {
        const bool isAccepted = status < 300;
        if (auto* media = call->media(mediaWay(forward, branch, call, true).crossing())) {
            if (isAccepted) {
                media->forget();
                if (forward.method == sip::Method::Invite && !call->state().answered) {
                    if (!SdpBody::mayBeIn(response)) {
                        media->chooseFork(response.toTag(), media::Leg::B);
                    }
                    media->forgetForks();
                }
            } else {
                media->restore();
            }
        }
        if (isAccepted) {
            followSessionTimer(*call, response);
            noteAnswer(*call, forward, branch, response);
        }
    }
    if (forward.method == sip::Method::Update) {
        return;
    }
    if (forward.establishes && forward.incoming() && status > 100 && status < 300 && !call->state().answered) {
        const bool isOutside = branch.towards == Side::Outside && branch.isChosen && !branch.toPhone;
        auto& state = call->state();
        // It may have been meant for a phone here in the first place.
        if (isOutside || (status >= 200 && state.isChosen)) {
            state.isRelayed = state.isChosen = isOutside;
            if (isOutside) {
                state.insideContact = {};
            }
        }
        if (isOutside && status < 200) {
            noteRinging(*call, response);
        }
    }
    const bool isFirst = status >= 200 && status < 300 && !call->state().answered;
    if (isFirst) {
        call->state().answered = true;
        call->state().answeredAt = parts_.loop.now();
        call->state().status = status;
        call->state().answererTag = response.toTag();
        call->keepMedia(mediaWay(forward, branch, call, true).crossing());
        const auto* server = branch.towards == Side::Outside ? branch.server() : nullptr;
        if (server != nullptr && (branch.servers.size() > 1 || branch.flow.connection != 0)) {
            call->state().peer = std::make_shared<const DialogPeer>(
                DialogPeer{branch.flow, server->address.port, server->host});
        }
    }
    // From of a response is who has asked.
    if (status > 100 && status < 300 && forward.incoming() &&
        branch.towards == Side::Inside && !call->isOfOtherDialog(response) &&
        call->isInitiator(response) != call->keepsCaller()) {
        if (const auto contacts = response.contacts(); !contacts.empty()) {
            call->state().insideContact = contacts.front().uri;
        }
    }
    if (status >= 300 && !call->state().answered) {
        call->state().status = status;
        endCall(*call, {}, {forward.cancelled ? plugin::EndedBy::Caller : plugin::EndedBy::Callee});
    } else if (isFirst) {
        tell(plugin::CallEvent::Answered, *call);
    }
}

void Proxy::followSessionTimer(Call& call, const sip::Message& response) {
    const auto text = response.header("Session-Expires");
    const auto number = text ? base::parseUnsigned(base::trim(text->substr(0, text->find(';'))),
                                                   UINT32_MAX)
                             : std::nullopt;
    const auto asked = std::chrono::seconds(number.value_or(0));
    if (!number || asked > kLongestSession) {
        calls_.setSessionEnd(call, std::nullopt);
        return;
    }
    // RFC 4028 §10: whoever does not get the refresh says BYE a little before, which takes time.
    calls_.setSessionEnd(call, parts_.loop.now() + std::max(asked, kShortestSession) + kByeTime);
}

}  // namespace siproxd::proxy
