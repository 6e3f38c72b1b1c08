// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/gate.h"

#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace siproxd::proxy {

namespace {

using access::Conduct;
using GuardVerdict = access::FloodGuard::Verdict;

/// What a TLS handshake counts as, in requests: it signs. All connections that one address may have
/// by default still fit into a full bucket.
constexpr float kHandshakeCost = 4;

access::Side accessSide(Side side) {
    return side == Side::Inside ? access::Side::Inside : access::Side::Outside;
}

Gate::Verdict answer(int status) {
    Gate::Verdict verdict;
    verdict.kind = Gate::Verdict::Kind::Answer;
    verdict.status = status;
    return verdict;
}

Gate::Verdict drop() {
    Gate::Verdict verdict;
    verdict.kind = Gate::Verdict::Kind::Drop;
    return verdict;
}

std::unique_ptr<access::Authenticator> authenticatorOf(const Gate::Options& options,
                                                       base::Random& random,
                                                       const base::Clock& clock) {
    return options.authentication.realm.empty()
               ? nullptr
               : std::make_unique<access::Authenticator>(options.authentication, options.users,
                                                         random, clock);
}

}  // namespace

Gate::Gate(Options options, access::Policy policy, const Addresses& addresses,
           const registrar::LocationTable& locations, base::Random& random,
           const base::Clock& clock)
    : options_(std::move(options)), policy_(std::move(policy)), addresses_(addresses),
      locations_(locations), random_(random), clock_(clock),
      guard_(options_.flood, random, clock),
      authenticator_(authenticatorOf(options_, random, clock)), limits_(options_.limits) {
    guard_.setTrusted(options_.trusted);
}

void Gate::configure(Options options) {
    const bool isSame = options.authentication == options_.authentication;
    options_ = std::move(options);
    guard_.configure(options_.flood);
    guard_.setTrusted(options_.trusted);
    limits_.setOptions(options_.limits);
    if (isSame && authenticator_) {
        authenticator_->setUsers(options_.users);  // nonces and wrong passwords stay as they are
    } else {
        authenticator_ = authenticatorOf(options_, random_, clock_);
    }
}

void Gate::setUsers(access::Users users) {
    options_.users = std::move(users);
    if (authenticator_) {
        authenticator_->setUsers(options_.users);
    }
}

std::vector<access::AddressList*> Gate::lists() {
    return {&policy_.allowReg,
            &policy_.allowSip,
            &policy_.denySip,
            &options_.trusted,
            &options_.rules.relayNetworks,
            &options_.rules.trunkNetworks};
}

bool Gate::isKnown(const base::IpAddress& ip) const {
    return isProvider(ip) || options_.rules.trunkNetworks.contains(ip) ||
           policy_.allowSip.contains(ip) || policy_.allowReg.contains(ip);
}

bool Gate::isProven(const base::Flow& from, Side side) const {
    return isFromUs(from, side) || base::isReliable(from.protocol) ||
           options_.trusted.contains(from.remote.ip) || guard_.isProven(from.remote.ip);
}

bool Gate::mayBeTold(const base::Flow& from, Side side) const {
    // A provider that no phone is registered at any more is told that nobody is here.
    return options_.rules.anonymous == access::RelayRules::Anonymous::Registered ||
           !isStranger(from, side) || guard_.isProven(from.remote.ip);
}

// --- what anybody may send

bool Gate::isExempt(const base::Flow& from, Side side) const {
    // A provider or trunk sends as much as there are calls; and were its packets counted, who forges
    // its address could shut it out.
    return isFromUs(from, side) || !options_.floodGuard ||
           isProvider(from.remote.ip) ||
           options_.rules.trunkNetworks.contains(from.remote.ip);
}

/// Not shut out by the lists.
bool Gate::isListed(const base::Flow& from) const {
    const auto rights = policy_.classify(from.remote.ip);
    if (!rights.maySip && !rights.mayRegister) {
        log::debug(log::Class::Access, "ACCESS: denied {}", from.remote.toString());
        return false;
    }
    return true;
}

bool Gate::admits(const base::Flow& from, Side side, std::string_view bytes) {
    if (addresses_.isOurs(from.remote.ip)) {
        return true;
    }
    if (!isListed(from)) {
        return false;
    }
    // Who answers our requests is not to be slowed down by how many there are.
    if (isExempt(from, side) ||
        (bytes.starts_with("SIP/2.0 ") && guard_.isProven(from.remote.ip))) {
        return true;
    }
    return guard_.admit(from.remote.ip, proofOf(from)) == GuardVerdict::Pass;
}

transport::Standing Gate::admitConnection(const base::Flow& from, Side side) {
    using transport::Standing;
    const auto& ip = from.remote.ip;
    if (addresses_.isOurs(ip)) {
        return Standing::Ourselves;
    }
    const float cost = from.protocol == base::Protocol::Tls ? kHandshakeCost : 1;
    if (!isListed(from) || (!isExempt(from, side) && guard_.admit(ip, access::Proof::Shown, cost) !=
                                                         GuardVerdict::Pass)) {
        return Standing::Refused;
    }
    return isStranger(from, side) && !options_.trusted.contains(ip) ? Standing::Stranger
                                                                    : Standing::Known;
}

void Gate::sawMalformed(const base::Flow& from, Side side) {
    if (options_.floodGuard && isStranger(from, side)) {
        static_cast<void>(guard_.report(Conduct::Malformed, from.remote.ip, proofOf(from)));
    }
}

void Gate::sawUnknownCallee(const base::Flow& from, Side side) {
    if (options_.floodGuard && isStranger(from, side)) {
        static_cast<void>(guard_.report(Conduct::UnknownCallee, from.remote.ip, proofOf(from)));
    }
}

bool Gate::isScanner(const Question& question) {
    if (!isStranger(question.from, question.side)) {
        return false;
    }
    const auto& request = question.request;
    const auto userAgent = request.header("User-Agent").value_or("");
    const auto found = options_.scanners.match({.userAgent = userAgent,
                                                .fromDisplay = request.from().display,
                                                .fromUser = request.from().uri.user,
                                                .fromHost = request.from().uri.host,
                                                .toUser = request.to().uri.user});
    if (found.empty()) {
        return false;
    }
    log::infoFromPeer("{} from {} dropped: scanner ({})", request.methodName(),
                      question.from.remote.toString(), found);
    if (options_.floodGuard) {
        static_cast<void>(
            guard_.report(Conduct::Scanner, question.from.remote.ip, proofOf(question.from)));
    }
    return true;
}

// --- who may do what

Gate::Verdict Gate::authenticate(const Question& question, const Credentials& how) {
    if (authenticator_ == nullptr) {
        return answer(403);
    }
    const auto& source = question.from.remote.ip;
    const auto fields = question.request.headers(how.header);
    const auto checked = authenticator_->check({.method = question.request.methodName(),
                                                .uri = question.request.requestUriText(),
                                                .source = source,
                                                .credentials = fields});
    if (checked.proven) {
        guard_.prove(source);
    }
    if (checked.failed && options_.floodGuard && !isFromUs(question.from, question.side) &&
        guard_.report(Conduct::FailedAuth, source, access::Proof::Shown) != GuardVerdict::Pass) {
        return drop();
    }
    switch (checked.outcome) {
        case access::Authenticator::Outcome::Accept: {
            Verdict verdict;
            verdict.user = checked.user;
            return verdict;
        }
        case access::Authenticator::Outcome::Refuse: return answer(403);
        case access::Authenticator::Outcome::Challenge: break;
    }
    auto verdict = answer(how.status);
    for (auto& challenge : authenticator_->challenges(source, checked.stale)) {
        verdict.headers.emplace_back(how.challengeHeader, std::move(challenge));
    }
    return verdict;
}

Gate::Verdict Gate::ignore(const Question& question) {
    if (mayBeTold(question.from, question.side)) {
        return {};
    }
    sawUnknownCallee(question.from, question.side);
    log::infoFromPeer("{} {} from {} ignored: who calls from outside is not known "
                      "(anonymous_calls, trunk_networks)",
                      question.request.methodName(),
                      base::printable(question.request.requestUriText()),
                      question.from.remote.toString());
    return drop();
}

Gate::Verdict Gate::judgeRegister(const Question& question) {
    const bool inside = isFromUs(question.from, question.side);
    if (!inside && !options_.rules.usersOutside) {
        auto verdict = ignore(question);
        return verdict.kind == Verdict::Kind::Drop ? std::move(verdict) : answer(403);
    }
    if (inside && authenticator_ == nullptr) {
        return {};
    }
    return authenticate(question, {"Authorization", "WWW-Authenticate", 401});
}

void Gate::removeChallenges(sip::Message& response, const base::Flow& from) const {
    if (authenticator_ == nullptr || (response.status() != 401 && response.status() != 407)) {
        return;
    }
    for (const auto* header : {"WWW-Authenticate", "Proxy-Authenticate"}) {
        const auto fields = response.headers(header);
        for (auto index = fields.size(); index-- > 0;) {
            if (authenticator_->isForUs(fields[index])) {
                response.removeHeader(header, index);
                log::warningFromPeer("{} of {} asks for a password of our own realm: not passed on "
                                     "(proxy_auth_realm must be nobody else's)",
                                     response.status(), from.remote.toString());
            }
        }
    }
}

void Gate::removeCredentials(sip::Message& request) const {
    if (authenticator_ == nullptr) {
        return;
    }
    for (const std::string_view header : {"Proxy-Authorization", "Authorization"}) {
        if (!request.header(header)) {
            continue;
        }
        const auto own = authenticator_->oursAmong(request.headers(header));
        for (auto index = own.rbegin(); index != own.rend(); ++index) {
            request.removeHeader(header, *index);
        }
    }
}

Gate::Verdict Gate::judge(const Question& question) {
    const auto& request = question.request;
    const bool isRegister = request.method() == sip::Method::Register;
    if (isScanner(question)) {
        return drop();
    }
    if (isRegister && options_.floodGuard && isStranger(question.from, question.side) &&
        guard_.report(Conduct::Register, question.from.remote.ip, proofOf(question.from)) !=
            GuardVerdict::Pass) {
        return drop();
    }
    if (isRegister && question.target == access::Target::Ourselves) {
        return judgeRegister(question);
    }
    access::RelayQuestion relay{
        .from = isFromUs(question.from, question.side) ? access::Side::Inside
                                                       : accessSide(question.side),
        .source = question.from.remote.ip,
        .user = {},
        .target = question.target,
        .isCall = request.method() == sip::Method::Invite,
        .isKnown = question.knowsToken || isKnown(question.from.remote.ip)};
    // What comes back from ourselves has been asked when it came the first time.
    const bool settled = question.inDialog || addresses_.isOurs(question.from.remote.ip);
    auto decision = settled ? access::RelayAnswer::Allow : options_.rules.decide(relay);
    Verdict verdict;
    if (decision == access::RelayAnswer::Authenticate) {
        verdict = authenticate(question, {"Proxy-Authorization", "Proxy-Authenticate", 407});
        if (verdict.kind != Verdict::Kind::Pass) {
            return verdict;
        }
        relay.user = verdict.user;
        decision = options_.rules.decide(relay);
    }
    switch (decision) {
        case access::RelayAnswer::Allow: break;
        case access::RelayAnswer::Ignore: return ignore(question);
        case access::RelayAnswer::Authenticate:
        case access::RelayAnswer::Refuse: return answer(403);
    }
    verdict.relays = question.target == access::Target::Elsewhere &&
                     relay.from == access::Side::Outside &&
                     (question.isRelayed || !verdict.user.empty() ||
                      options_.rules.relayNetworks.contains(relay.source));
    return verdict;
}

bool Gate::admitsAck(const Question& question) const {
    return question.inDialog || question.knowsToken || mayBeTold(question.from, question.side);
}

std::expected<access::CallLimits::Ticket, int> Gate::tryCall(const Question& question,
                                                             std::string_view user) {
    const bool inside = question.side == Side::Inside;
    std::string caller(user);
    if (caller.empty() && inside) {
        caller = question.request.from().uri.userAtHost();
    }
    // A provider's address stands for everybody who calls through it.
    const bool counts = !isKnown(question.from.remote.ip) && !addresses_.isOurs(question.from.remote.ip);
    auto ticket =
        limits_.tryAdd(caller, counts ? question.from.remote.ip : base::IpAddress{});
    if (ticket) {
        return std::move(*ticket);
    }
    log::infoFromPeer("call from {} refused: {} [CID: {}]", question.from.remote.toString(),
                      access::limitName(ticket.error()),
                      base::printable(question.request.callId()));
    return std::unexpected(ticket.error() == access::CallLimits::Limit::User ? 486 : 503);
}

}  // namespace siproxd::proxy
