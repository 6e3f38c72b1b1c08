// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/verdict.h"

#include <algorithm>
#include <utility>

namespace siproxd::plugin {

namespace {

Reading senseless(std::string complaint) {
    return {{}, std::move(complaint)};
}

bool isRequest(const Context& context) {
    return context.message != nullptr && context.message->isRequest();
}

bool isAck(const Context& context) {
    return isRequest(context) && context.message->method() == sip::Method::Ack;
}

/// Verdicts that mean an answer to the request.
bool answers(int verdict) {
    return verdict == SIPROXD_ANSWERED || verdict == SIPROXD_REJECT || verdict == SIPROXD_REDIRECT;
}

Reading readReject(Draft& draft) {
    const int status = draft.status == 0 ? 403 : draft.status;
    std::string reason = std::move(draft.reason);
    if (reason.empty()) {
        reason = sip::reasonPhrase(status);
    }
    return {{.verdict = Verdict::Reject, .status = status, .reason = std::move(reason)}, {}};
}

Reading readRedirect(Draft& draft) {
    if (draft.contacts.empty()) {
        return senseless("redirects to nowhere");
    }
    return {{.verdict = Verdict::Redirect,
             .status = 302,
             .reason = std::string(sip::reasonPhrase(302)),
             .contacts = std::move(draft.contacts)},
            {}};
}

Reading readRetarget(Draft& draft) {
    if (draft.targets.empty()) {
        return senseless("changes the target to nothing");
    }
    std::stable_sort(draft.targets.begin(), draft.targets.end(),
                     [](const Target& a, const Target& b) { return a.rank < b.rank; });
    return {{.verdict = Verdict::Retarget, .targets = std::move(draft.targets)}, {}};
}

Reading readAnswered(Draft& draft) {
    Outcome outcome{.verdict = Verdict::Answered};
    if (draft.reply != nullptr) {
        outcome.reply = std::move(draft.reply->message);
    }
    return {std::move(outcome), {}};
}

Reading readSuspend(const Draft& draft) {
    if (draft.token == Token::None) {
        return senseless("suspends a message that cannot wait");
    }
    return {{.verdict = Verdict::Suspend, .token = draft.token}, {}};
}

}  // namespace

Reading readVerdict(int verdict, const Context& context, Draft& draft) {
    if (answers(verdict) && isAck(context)) {
        return {{.verdict = Verdict::Drop}, {}};  // an ACK is never answered (RFC 3261 §17.1.1.3)
    }
    if ((answers(verdict) || verdict == SIPROXD_RETARGET) && !isRequest(context)) {
        return senseless("answers or redirects what is no request");
    }
    switch (verdict) {
        case SIPROXD_CONTINUE:
        case SIPROXD_FAILED: return {};
        case SIPROXD_ANSWERED: return readAnswered(draft);
        case SIPROXD_DROP: return {{.verdict = Verdict::Drop}, {}};
        case SIPROXD_REJECT: return readReject(draft);
        case SIPROXD_REDIRECT: return readRedirect(draft);
        case SIPROXD_RETARGET: return readRetarget(draft);
        case SIPROXD_SUSPEND: return readSuspend(draft);
        default: return senseless("verdict " + std::to_string(verdict) + " is unknown");
    }
}

bool maySuspend(Stage stage, const Context& context) {
    return isRequest(context) && !isAck(context) &&
           context.message->method() != sip::Method::Cancel &&
           (stage == Stage::DetermineTarget || stage == Stage::PreProxy);
}

}  // namespace siproxd::plugin
