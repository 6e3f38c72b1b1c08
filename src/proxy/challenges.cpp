// SPDX-License-Identifier: GPL-2.0-or-later
// Requests that go outside under another name, and with a password of ours (plugins' identities).
#include <fmt/format.h>

#include <algorithm>

#include "access/challenge.h"
#include "base/log.h"
#include "base/text.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// A nonce may be stale when the request comes.
constexpr unsigned kMostChallenges = 2;

}  // namespace

const Account* Proxy::accountOf(const sip::Message& request, const base::Flow& from) {
    if (addresses_.isOurs(from.remote.ip) ||
        directions_.sideOf(from, arrivalInterface_) != Side::Outside) {
        return nullptr;
    }
    if (const auto* told = accounts_.byContact(request.requestUri())) {
        return told;
    }
    // A phone may be registered with the same provider as we are.
    return directions_.byToken(request.requestUri(), !request.toTag().empty())
               ? nullptr
               : accounts_.byAddress(from.remote.ip);
}

void Proxy::adoptAppearance(const Forward& forward, Branch& branch) {
    if (branch.appearance || forward.establishes || forward.own) {
        return;
    }
    const Call* call = calls_.find(*forward.request, forward.fromSide());
    if (call != nullptr && call->state().appearance &&
        call->state().appearance->isCallers == call->isInitiator(*forward.request)) {
        branch.appearance = std::make_unique<Appearance>(*call->state().appearance);
    }
}

void Proxy::shapeParties(Forward& forward, const Branch& branch, sip::Message& request) {
    const bool isShown =
        branch.appearance && (!forward.establishes || branch.appearance->isCallers);
    const Call* call = forward.establishes || isShown ? nullptr
                                                      : calls_.find(request, forward.fromSide());
    const bool isHidden = call != nullptr && call->state().appearance && call->state().ends &&
                          call->state().appearance->isCallers != call->isInitiator(request);
    if ((isShown || isHidden) && forward.parties == nullptr) {
        forward.parties = std::make_unique<Parties>(Parties::of(*forward.request));
    }
    if (isShown) {
        auto& appearance = *branch.appearance;
        if (request.method() == sip::Method::Invite) {
            appearance.inviteGiven = request.cseq().number;
            appearance.inviteSent = appearance.inviteGiven + appearance.shift;
        }
        appearance.show(request);
        if (branch.authorization) {
            request.addHeader(branch.authorization->header, branch.authorization->value);
        }
    } else if (isHidden) {
        const auto& ends = *call->state().ends;
        const auto caller = sip::Uri::parse(ends.caller.uri);
        const auto callee = sip::Uri::parse(ends.callee.uri);
        if (caller && callee) {
            const auto& appearance = *call->state().appearance;
            appearance.hide(request, appearance.isCallers ? *caller : *callee,
                            appearance.isCallers ? *callee : *caller);
        }
    }
}

void Proxy::learnAccount(const Branch& branch, const base::Flow& from) {
    // Whoever has had one request of ours could answer it with any source.
    if (branch.isAccount && branch.appearance && branch.flow.remote.ip == from.remote.ip) {
        accounts_.learn(accounts_.obtain(branch.appearance->identity->label), from.remote.ip);
    }
}

bool Proxy::answerChallenge(Forward& forward, std::size_t index, const sip::Message& response,
                            const base::Flow& from) {
    Branch& branch = forward.branches[index];
    const auto& identity = *branch.appearance->identity;
    const auto label = base::printable(identity.label);
    const auto* account = accounts_.find(identity.label);
    const bool isThere = account != nullptr && branch.flow.remote.ip == from.remote.ip &&
                         std::ranges::find(account->addresses, from.remote.ip) !=
                             account->addresses.end();
    if (!isThere) {
        log::warningFromPeer("{} is asked for its password by {}, which is not it", label,
                             from.remote.toString());
        return false;
    }
    const bool isProxy = response.status() == 407;
    const auto fields = response.headers(isProxy ? "Proxy-Authenticate" : "WWW-Authenticate");
    const auto& realm = identity.realm.empty() ? account->realm : identity.realm;
    const auto challenge = access::firstSupported(
        fields, realm.empty() ? std::nullopt : std::optional<std::string_view>(realm));
    if (!challenge) {
        log::warningFromPeer("{} asks for a password in a way or a realm that is not known{}{}: {}",
                             label, realm.empty() ? "" : ", which is ", base::printable(realm),
                             fields.empty() ? "nothing" : base::printable(fields.front()));
        return false;
    }
    const unsigned before = branch.authorization ? branch.authorization->count : 0;
    if (before >= kMostChallenges || (before > 0 && !challenge->stale) || !forward.mayTryMore()) {
        if (forward.mayTryMore()) {
            log::warningFromPeer("{} does not take the password of {}", label,
                                 base::printable(identity.user));
        }
        return false;
    }
    const auto answer = access::answer(*challenge, {.user = identity.user,
                                                    .password = identity.password,
                                                    .method = forward.request->methodName(),
                                                    .uri = branch.uri.toString(),
                                                    .cnonce = parts_.random.hex(8)});
    branch.authorization = std::make_unique<Branch::Authorization>(
        Branch::Authorization{isProxy ? "Proxy-Authorization" : "Authorization", answer.toString(),
                              challenge->realm, before + 1});
    ++branch.appearance->shift;
    if (Call* call = forward.establishes || forward.own
                         ? nullptr
                         : calls_.find(*forward.request, forward.fromSide());
        call != nullptr && call->state().appearance) {
        call->state().appearance->shift = branch.appearance->shift;
    }
    sendBranch(forward, index);
    return true;
}

void Proxy::withholdChallenge(Branch& branch, sip::Message& response) {
    branch.isUnreachable = true;
    response.setStatus(500, "Not Accepted There");
    response.removeHeader("WWW-Authenticate");
    response.removeHeader("Proxy-Authenticate");
}

void Proxy::rememberRealm(const Branch& branch) {
    if (branch.authorization) {
        accounts_.obtain(branch.appearance->identity->label).realm = branch.authorization->realm;
    }
}

void Proxy::followAppearance(const Forward& forward, const Branch& branch,
                             const sip::Message& response) {
    const int status = response.status();
    if (status > 100 && status < 300) {
        rememberRealm(branch);
    }
    if (forward.method != sip::Method::Invite || status <= 100) {
        return;
    }
    Call* call = calls_.find(response, other(forward.fromSide()));
    if (call == nullptr || call->isOfOtherDialog(response)) {
        return;
    }
    auto& state = call->state();
    if (forward.establishes && status < 300) {
        // Another one may have rung before who is addressed in another way.
        state.appearance = branch.appearance ? std::make_unique<Appearance>(*branch.appearance) : nullptr;
    } else if (!forward.establishes && branch.appearance && state.appearance) {
        state.appearance->inviteGiven = branch.appearance->inviteGiven;
        state.appearance->inviteSent = branch.appearance->inviteSent;
    }
}

}  // namespace siproxd::proxy
