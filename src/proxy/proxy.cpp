// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/proxy.h"

#include <fmt/format.h>

#include <utility>

#include "base/keyed_hash.h"
#include "base/log.h"
#include "base/text.h"
#include "proxy/call_verdict.h"

namespace siproxd::proxy {

namespace {

/// A call without any signalling and without media that could tell: long enough for the longest
/// conference on hold.
constexpr std::chrono::hours kIdleCall{24};

/// A log that lists thousands hides what it is asked for.
constexpr std::size_t kMostCallsLogged = 100;

/// The layer counts from 1 and will never come here.
constexpr std::uint64_t kFirstOwnId = std::uint64_t{1} << 63U;

}  // namespace

Proxy::Proxy(const Parts& parts, Options options, Addresses addresses, access::Policy policy)
    : parts_(parts), options_(std::move(options)), addresses_(std::move(addresses)),
      registrar_(options_.registrar, parts.locations, addresses_, parts.loop, parts.random),
      accounts_(parts.random),
      gate_(options_.gate, std::move(policy), addresses_, parts.locations, parts.random, parts.loop),
      masquerade_(parts.locations, parts.aliases, addresses_),
      directions_(parts.locations, parts.aliases, calls_, addresses_, registrar_),
      media_(parts.relay != nullptr ? std::make_unique<CallMedia>(*parts.relay, calls_, addresses_)
                                    : nullptr),
      tagSecret_(parts.random.hex(8)),
      layer_(parts.loop, parts.random, parts.sender, *this, options_.timings),
      nat_(options_.nat, parts.loop, parts.locations, *this), datagrams_(parts.loop) {
    renewalTimer_ = parts_.loop.timer([this] { renewSome(); });
    masquerade_.setMaskedHosts(options_.maskedHosts);
    directions_.setUsersOutside(options_.gate.rules.usersOutside);
    gate_.setAccounts(accounts_);
    parts_.locations.addListener(*this);
    gate_.guard().banList().addListener(*this);
    parts_.chain.onReady([this](plugin::Token token) {
        auto arrival = suspended_.take(token);
        if (arrival == nullptr) {
            auto dialled = suspendedDialled_.extract(token);
            if (dialled.empty() || !isWanted(*dialled.mapped())) {
                parts_.chain.forget(token);
                return;
            }
            auto outcome = parts_.chain.proceed(token, dialled.mapped()->context);
            settleDialled(std::move(dialled.mapped()), std::move(outcome));
            return;
        }
        auto outcome = parts_.chain.proceed(token, arrival->context);
        if (obey(arrival, std::move(outcome))) {
            goOn(std::move(arrival));
        }
    });
}

Proxy::~Proxy() {
    parts_.locations.removeListener(*this);
    parts_.chain.onReady(nullptr);
}

void Proxy::setOptions(Options options) {
    options_ = std::move(options);
    masquerade_.setMaskedHosts(options_.maskedHosts);
    directions_.setUsersOutside(options_.gate.rules.usersOutside);
    registrar_.setOptions(options_.registrar);
    gate_.configure(options_.gate);
    nat_.setOptions(options_.nat);
}

std::vector<access::AddressList*> Proxy::lists() {
    auto all = gate_.lists();
    all.push_back(&nat_.networks());
    for (auto* list : parts_.chain.lists()) {
        all.push_back(list);
    }
    return all;
}

void Proxy::tick() {
    gate_.tick();
    closeUnlisted();
    parts_.locations.expire();
    parts_.chain.tick();
    endStrandedCalls();
    endRenewals();
    dropOrphans();
    while (Call* call = calls_.takeExpired(parts_.loop.now())) {
        hangUp(*call, "SIP;cause=408;text=\"Session Not Refreshed\"");
        endCall(*call, "call is over: its session was not refreshed (Session-Expires)",
                {plugin::EndedBy::Proxy, "its session was not refreshed"});
    }
    for (Call* call : calls_.idle(parts_.loop.now() - kIdleCall)) {
        endCall(*call, "call is over: no signalling and no media for a day",
                {plugin::EndedBy::Proxy, "no signalling and no media for a day"});
    }
}

Forward* Proxy::find(transaction::ServerId id) {
    const auto it = forwards_.find(id);
    return it == forwards_.end() ? nullptr : it->second.get();
}

Forward* Proxy::find(transaction::ClientId id) {
    const auto it = clients_.find(id);
    return it == clients_.end() ? nullptr : find(it->second);
}

std::function<void()> Proxy::onSilence(Call& call) {
    // The session that calls back is the call's own, so the call is there.
    return [this, &call] {
        if (!call.state().answered) {
            return;  // early media may well be silent; timer C ends what is never answered
        }
        if (options_.proxy.rtpTimeoutBye) {
            hangUp(call, "SIP;cause=408;text=\"No Media\"");
        }
        const auto packets = call.packets();
        endCall(call, "RTP stream has expired: no media for rtp_timeout seconds; before, " +
                          std::to_string(packets[media::Leg::A]) + " packets of the caller and " +
                          std::to_string(packets[media::Leg::B]) + " of the called one",
                {plugin::EndedBy::Proxy, "no media for rtp_timeout seconds"});
    };
}

void Proxy::endCall(Call& call, std::string_view why, const CallEnd& end) {
    if (!why.empty()) {
        log::info("{} [CID: {}]", why, base::printable(call.state().callId));
    }
    logVerdict(call, "ended after");
    call.state().endedBy = end.by;
    tell(plugin::CallEvent::Ended, call, {}, end.reason);
    calls_.remove(call);
}

void Proxy::logVerdict(const Call& call, std::string_view event) const {
    const auto& state = call.state();
    if (!state.answered) {
        return;
    }
    const auto lasted = parts_.loop.now() - state.answeredAt;
    const auto parties = partiesOf(state);
    log::info("call{}{} {} {} s: {} [CID: {}]", parties.empty() ? "" : " of ", parties, event,
              std::chrono::duration_cast<std::chrono::seconds>(lasted).count(),
              mediaVerdict(state, call.mediaReports()), base::printable(state.callId));
}

void Proxy::logCalls(std::string_view event) const {
    for (const auto* call : calls_.some(kMostCallsLogged)) {
        logVerdict(*call, event);
    }
    if (calls_.size() > kMostCallsLogged) {
        log::info("and {} calls more", calls_.size() - kMostCallsLogged);
    }
}

void Proxy::respond(transaction::ServerId id, int status, std::string_view reason,
                    std::string_view header, std::string_view value) {
    const sip::Message* request = layer_.serverRequest(id);
    if (request == nullptr) {
        return;
    }
    auto response = sip::Message::response(*request, status, reason, ownTag(*request));
    if (!header.empty()) {
        response.addHeader(header, value);
    }
    give(id, response);
}

void Proxy::give(transaction::ServerId id, const sip::Message& response) {
    const auto peer = layer_.serverPeer(id);
    if (peer && response.status() >= 300 && find(id) == nullptr &&
        (unproven_.contains(id) || addresses_.sideOf(*peer) == Side::Outside)) {
        layer_.answerStateless(id, response);
    } else {
        layer_.respond(id, response);
    }
}

std::string Proxy::ownTag(const sip::Message& request) const {
    std::string text = tagSecret_;
    text += request.callId();
    text += '\n';
    text += request.fromTag();
    text += std::to_string(request.cseq().number);
    return fmt::format("{:016x}", base::keyedHash(text));
}

bool Proxy::mayBeTold(const base::Flow& from) {
    return gate_.mayBeTold(from, directions_.sideOf(from, arrivalInterface_));
}

void Proxy::onServerAnswered(transaction::ServerId id, int status) {
    Forward* forward = find(id);
    if (forward == nullptr) {
        return;
    }
    if (forward->method != sip::Method::Invite || status >= 300) {
        release(id);
        return;
    }
    // Further 2xx may come (RFC 3261 §16.7 step 5), for half a minute.
    forward->best.reset();
    for (auto& branch : forward->branches) {
        branch.forgetServers();
    }
}

void Proxy::onServerEnded(transaction::ServerId id) {
    unproven_.forget(id);
    release(id);
}

void Proxy::release(transaction::ServerId id) {
    const auto it = forwards_.find(id);
    if (it == forwards_.end()) {
        return;
    }
    // Out of the table first: what its members cancel must not find it again.
    const auto ended = std::move(it->second);
    forwards_.erase(it);
    leaveLoopGuard(*ended);
    for (const auto& branch : ended->branches) {
        clients_.erase(branch.client);
    }
}

transaction::ServerId Proxy::ownRequestId() {
    return transaction::ServerId{kFirstOwnId + ++lastOwnId_};
}

void Proxy::leaveLoopGuard(Forward& forward) {
    if (const auto key = std::exchange(forward.loop, std::nullopt)) {
        loops_.leave(*key);
    }
}

void Proxy::onClientEnded(transaction::ClientId id) {
    clients_.erase(id);
}

}  // namespace siproxd::proxy
