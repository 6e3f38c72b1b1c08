// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"
#include "base/text.h"
#include "proxy/call_id.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"
#include "transaction/return_path.h"

namespace siproxd::proxy {

namespace {

constexpr std::size_t kShortestMessage = 16;
constexpr std::string_view kAllowed =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, MESSAGE, SUBSCRIBE, NOTIFY, "
    "REFER, PUBLISH";

/// Numbers and emergency services have no host, but somebody else knows where they are (RFC 3966,
/// RFC 5031): who the sender's domain or outbound proxy is.
bool isRoutable(const sip::Uri& uri) {
    return uri.isSip() || uri.scheme == "tel" || uri.scheme == "urn";
}

/// How long names of new lists may take to be resolved before those whom they stand for are closed.
constexpr std::chrono::seconds kNamePatience{30};

/// More of our own Vias than a call from phone to provider to phone explains.
constexpr int kMostOwnVias = 2;

}  // namespace

/// A phone that we connect to, perhaps behind a router inside, answers from where we have looked for
/// it.
unsigned Proxy::interfaceOf(const transport::Received& received) const {
    return received.openedByUs ? addresses_.interfaceOf(received.flow.local.ip)
                               : received.interfaceIndex;
}

void Proxy::onReceived(const transport::Received& received) {
    const auto& flow = received.flow;
    std::string_view bytes = received.bytes;
    if (parts_.chain.seesTraffic()) {
        parts_.chain.showTraffic(false, flow, bytes);
    }
    if (datagrams_.take(flow, bytes)) {
        return;
    }
    arrivalInterface_ = interfaceOf(received);
    const auto side = directions_.sideOf(flow, arrivalInterface_);
    if (!gate_.admits(flow, side, bytes)) {
        ++counters_.denied;
        return;
    }
    nat_.heard(flow);
    std::string edited;
    plugin::Context context;
    context.flow = flow;
    if (parts_.chain.wants(plugin::Stage::Raw)) {
        edited = std::string(bytes);
        context.raw = &edited;
        if (!parts_.chain.run(plugin::Stage::Raw, context).goesOn()) {
            return;
        }
        context.raw = nullptr;
        bytes = edited;
    }
    if (bytes.size() < kShortestMessage) {
        ++counters_.malformed;
        return;
    }
    auto message = sip::Message::parse(bytes);
    if (!message) {
        handleMalformed(message.error(), bytes, flow);
        return;
    }
    context.message = &*message;
    if (auto outcome = parts_.chain.run(plugin::Stage::Validate, context); !outcome.goesOn()) {
        // There is no transaction yet: an answer goes out once and is forgotten.
        if (outcome.verdict == plugin::Verdict::Reject && message->isRequest() &&
            message->method() != sip::Method::Ack) {
            outcome.reply = sip::Message::response(*message, outcome.status, outcome.reason,
                                                   parts_.random.hex(6));
        }
        if (outcome.reply) {
            [[maybe_unused]] const auto sent = layer_.sendStateless(
                *outcome.reply, transaction::responsePeer(*message, flow));
        }
        return;
    }
    if (message->isRequest() && isForged(*message, flow)) {
        ++counters_.denied;
        log::infoFromPeer("{} with our own address {} as its source dropped: it is not from us",
                          message->methodName(), flow.remote.toString());
        return;
    }
    arrivalSize_ = bytes.size();
    layer_.receive(std::move(*message), flow);
}

void Proxy::onMalformed(const transport::Received& received, int status,
                        std::string_view reason) {
    ++counters_.malformed;
    if (parts_.chain.seesTraffic()) {
        parts_.chain.showTraffic(false, received.flow, received.bytes);
    }
    const auto side = directions_.sideOf(received.flow, interfaceOf(received));
    gate_.sawMalformed(received.flow, side);
    if (!gate_.admits(received.flow, side, received.bytes) ||
        !gate_.mayBeTold(received.flow, side)) {
        ++counters_.denied;
        return;
    }
    if (const auto answer = sip::answerUnparsed(received.bytes, status, reason)) {
        [[maybe_unused]] const auto sent = parts_.sender.send(*answer, received.flow);
    }
}

void Proxy::onFlowFailed(const base::Flow& flow, const base::Error& error) {
    log::infoFromPeer("{}", error.message);
    layer_.flowFailed(flow);
}

void Proxy::onUnreachable(const base::Flow& flow, std::string_view quoted,
                          const base::Error& error) {
    log::infoFromPeer("{}", error.message);
    nat_.unreachable(flow);
    layer_.unreachable(flow, quoted);
}

transport::Standing Proxy::admitConnection(const base::Flow& flow, unsigned interfaceIndex) {
    const auto standing = gate_.admitConnection(flow, directions_.sideOf(flow, interfaceIndex));
    counters_.denied += standing == transport::Standing::Refused ? 1 : 0;
    return standing;
}

void Proxy::onBanned(const access::Ban& ban) {
    // Who forges datagrams of somebody does not end his connections.
    if (!ban.proven || parts_.connections == nullptr) {
        return;
    }
    parts_.connections->drop([&](const base::Flow& flow, unsigned interfaceIndex) {
        return access::sourceOf(flow.remote.ip) == ban.source &&
               !gate_.isExempt(flow, directions_.sideOf(flow, interfaceIndex));
    });
}

void Proxy::setPolicy(access::Policy policy) {
    gate_.setPolicy(std::move(policy));
    listsChanged_ = parts_.loop.now();
    closeUnlisted();
}

void Proxy::listsResolved() {
    gate_.trustedChanged();
    listsChanged_ = listsChanged_.value_or(parts_.loop.now());
    closeUnlisted();
}

void Proxy::closeUnlisted() {
    if (!listsChanged_ || parts_.connections == nullptr ||
        (gate_.policy().pending() && parts_.loop.now() - *listsChanged_ < kNamePatience)) {
        return;
    }
    listsChanged_.reset();
    parts_.connections->drop(
        [this](const base::Flow& flow, unsigned) { return !gate_.mayConnect(flow); });
}

void Proxy::handleMalformed(const sip::ParseFailure& failure, std::string_view bytes,
                            const base::Flow& from) {
    ++counters_.malformed;
    log::warningFromPeer("malformed SIP message from {}: {}", from.remote.toString(), failure.why);
    const auto side = directions_.sideOf(from, arrivalInterface_);
    gate_.sawMalformed(from, side);
    if (!gate_.mayBeTold(from, side)) {
        return;
    }
    // The answer is hardly longer than the question and goes out once: it amplifies nothing for a
    // spoofed source.
    const auto answer = sip::answerUnparsed(bytes, failure.status, failure.reason);
    if (answer && answer->size() <= bytes.size() + 64) {
        [[maybe_unused]] const auto sent = parts_.sender.send(*answer, from);
    }
}

bool Proxy::isForged(const sip::Message& request, const base::Flow& from) {
    if (!addresses_.isOurs(from.remote.ip) || addresses_.isFromThisMachine(from)) {
        return false;
    }
    if (request.method() == sip::Method::Ack) {
        return !directions_.isByToken(request, from.remote) &&
               calls_.find(request, Side::Outside) == nullptr;
    }
    // A call from phone to phone by the Contact that the outside knows.
    const auto via = request.via();
    const auto peer = layer_.clientPeer(via->branch(), request.methodName());
    return !peer || !addresses_.isOurs(peer->remote.ip);
}

bool Proxy::admit(const sip::Message& request, const base::Flow& from) {
    if (request.method() == sip::Method::Ack && !admitAck(request, from)) {
        return false;
    }
    if (addresses_.isOurs(from.remote.ip)) {
        return true;
    }
    const auto rights = gate_.policy().classify(from.remote.ip);
    if (request.method() == sip::Method::Register) {
        if (!rights.mayRegister) {
            log::warningFromPeer("non-authorized registration attempt from {}",
                                 from.remote.ip.toString());
            gate_.sawUnknownCallee(from, directions_.sideOf(from, arrivalInterface_));
        }
        return rights.mayRegister;
    }
    if (!rights.maySip) {
        log::infoFromPeer("non-authorized request received from {}", from.remote.ip.toString());
    }
    return rights.maySip;
}

bool Proxy::admitAck(const sip::Message& ack, const base::Flow& from) {
    if (ack.toTag() == ownTag(ack)) {
        return false;  // for a refusal of ours that nothing has been kept of
    }
    const auto question = questionOf(ack, from, {});
    const Call* call = calls_.find(ack, question.side);
    if (call != nullptr && call->state().answered && ack.toTag() == call->state().answererTag &&
        call->state().initiatorSource == from.remote.ip) {
        gate_.sawAnswer(from);  // only who has received the 200 knows its tag
    }
    return gate_.admitsAck(question);
}

Gate::Question Proxy::questionOf(const sip::Message& request, const base::Flow& from,
                                 const Located& located) {
    const auto side = directions_.sideOf(from, arrivalInterface_);
    const auto& uri = request.requestUri();
    auto target = access::Target::Elsewhere;
    if (isForOwnRegistrar(request) || isForUs(request)) {
        target = access::Target::Ourselves;
    } else if (!located.targets.empty() || (side == Side::Inside && registrar_.isLocal(uri))) {
        target = access::Target::Registered;
    }
    // Only strangers have to know a token.
    const bool byToken = side == Side::Outside && directions_.isByToken(request, from.remote);
    const auto* account = accountOf(request, from);
    const bool isWithin = !request.toTag().empty() && request.method() != sip::Method::Register;
    const Call* call = isWithin ? calls_.find(request, side) : nullptr;
    const bool isRelayed = call != nullptr && call->state().isRelayed;
    if (account != nullptr && target == access::Target::Elsewhere && !isRelayed) {
        target = access::Target::Registered;  // a plugin knows for whom
    }
    Gate::Question question{request, from, side, target};
    question.knowsToken = byToken || (account != nullptr && accounts_.byContact(uri) == account);
    question.inDialog = isWithin && (byToken || call != nullptr);
    question.isRelayed = isRelayed;
    return question;
}

bool Proxy::passes(transaction::ServerId id, const Gate::Verdict& verdict) {
    switch (verdict.kind) {
        case Gate::Verdict::Kind::Pass: return true;
        case Gate::Verdict::Kind::Drop: layer_.abandon(id); return false;
        case Gate::Verdict::Kind::Answer: break;
    }
    if (const auto* request = layer_.serverRequest(id)) {
        auto response = sip::Message::response(*request, verdict.status, "", ownTag(*request));
        for (const auto& [name, value] : verdict.headers) {
            response.addHeader(name, value);
        }
        give(id, response);
    }
    return false;
}

bool Proxy::admitUnproven(transaction::ServerId id) {
    layer_.answerOnce(id);
    const bool room = unproven_.add(id, arrivalSize_);
    if (!room) {
        log::warningFromPeer("{} requests of unproven sources at once: 503", unproven_.count());
        respond(id, 503, "", "Retry-After", "30");
    }
    return room;
}

bool Proxy::takesPlace(Arrival& arrival, const Gate::Question& question) {
    const auto& request = arrival.request;
    if (request.method() != sip::Method::Invite) {
        return true;
    }
    // Anybody can make a To tag up, and a call of ours is begun for it as for any other.
    const Side from = arrival.context.direction == plugin::Direction::RequestIncoming
                          ? Side::Outside
                          : Side::Inside;
    if (!request.toTag().empty() && calls_.find(request, from) != nullptr) {
        return true;
    }
    auto place = gate_.tryCall(question, arrival.user);
    if (!place) {
        const bool later = place.error() == 503;
        respond(arrival.server, place.error(), "", later ? "Retry-After" : "", "30");
        return false;
    }
    arrival.ticket = std::move(*place);
    return true;
}

bool Proxy::isForUs(const sip::Message& request) const {
    const auto& uri = request.requestUri();
    return request.method() == sip::Method::Options && addresses_.isOurs(uri) && uri.user.empty() &&
           request.routes().empty();
}

bool Proxy::answerOptions(transaction::ServerId id, const sip::Message& request) {
    if (request.method() != sip::Method::Options ||
        (request.maxForwards().value_or(70) > 0 && !isForUs(request))) {
        return false;
    }
    const sip::Message* original = layer_.serverRequest(id);
    if (original != nullptr) {
        auto response = sip::Message::response(*original, 200, "", ownTag(*original));
        response.addHeader("Allow", kAllowed);
        response.addHeader("Accept", "application/sdp");
        layer_.answerStateless(id, response);
    }
    return true;
}

bool Proxy::refuseEarly(transaction::ServerId id, const sip::Message& request) {
    if (!isRoutable(request.requestUri())) {
        respond(id, 416);
        return true;
    }
    if (request.maxForwards() == 0U) {
        respond(id, 483);
        return true;
    }
    if (const auto required = request.header("Proxy-Require")) {
        respond(id, 420, "", "Unsupported", *required);
        return true;
    }
    int own = 0;
    for (const auto& via : request.vias()) {
        own += addresses_.isOurVia(via) ? 1 : 0;
    }
    if (own > kMostOwnVias) {
        log::infoFromPeer("loop detected, {} of our own Vias [CID: {}]", own,
                          base::printable(request.callId()));
        respond(id, 482);
        return true;
    }
    return false;
}

void Proxy::traceDirection(const Arrival& arrival) {
    if (!log::wants(log::Level::Debug, log::Class::Proxy)) {
        return;
    }
    const auto direction = arrival.context.direction;
    log::debug(log::Class::Proxy, "{} {} from {}: {}", arrival.request.methodName(),
               base::printable(arrival.request.requestUriText()),
               arrival.context.flow.remote.toString(),
               direction == plugin::Direction::RequestIncoming   ? "incoming"
               : direction == plugin::Direction::RequestOutgoing ? "outgoing"
                                                                 : "direction unknown");
}

void Proxy::noteAlias(const sip::Message& request, const base::Flow& from) {
    const auto via = from.connection != 0 ? request.via() : nullptr;
    if (via == nullptr || parts_.connections == nullptr || !via->params.has("alias")) {
        return;
    }
    // On TCP nothing proves that the port is the sender's.
    if (from.protocol == base::Protocol::Tls ||
        directions_.sideOf(from, arrivalInterface_) == Side::Inside) {
        parts_.connections->alias(from.connection, via->portOrDefault());
    }
}

void Proxy::onRequest(transaction::ServerId id, sip::Message request, const base::Flow& from) {
    ++counters_.requests;
    if (!admit(request, from)) {
        layer_.abandon(id);
        return;
    }
    const auto side = directions_.sideOf(from, arrivalInterface_);
    const auto loop = LoopGuard::keyOf(request, side);
    auto arrival = std::make_unique<Arrival>(
        Arrival{id, std::move(request), {}, {}, {}, plugin::Stage::DetermineTarget, loop,
                arrivalSize_});
    removeOwnRoutes(arrival->request, addresses_);
    if (options_.proxy.obscureLoops && side == Side::Outside) {
        if (const auto plain =
                plainCallId(arrival->request.callId(), arrival->request.toTag())) {
            arrival->callId = std::string(arrival->request.callId());
            arrival->request.setCallId(*plain);
        }
    }
    auto located = directions_.find(arrival->request, from, arrivalInterface_);
    const auto question = questionOf(arrival->request, from, located);
    const auto verdict = gate_.judge(question);
    if (verdict.kind != Gate::Verdict::Kind::Drop && !gate_.isProven(from, side) &&
        !admitUnproven(id)) {
        return;
    }
    if (!passes(id, verdict)) {
        return;
    }
    noteAlias(arrival->request, from);
    gate_.removeCredentials(arrival->request);
    arrival->user = verdict.user;
    if (answerOptions(id, arrival->request) || refuseEarly(id, arrival->request)) {
        return;
    }
    if (loops_.isLoop(arrival->loop)) {
        log::infoFromPeer("loop detected: {} {} is under way already [CID: {}]",
                          arrival->request.methodName(),
                          base::printable(arrival->request.requestUriText()),
                          base::printable(arrival->request.callId()));
        respond(id, 482);
        return;
    }
    if (located.direction == plugin::Direction::Unknown && verdict.relays) {
        located = inRelayedCall(arrival->request);
    }
    arrival->targets = std::move(located.targets);
    arrival->context.message = &arrival->request;
    arrival->context.flow = from;
    arrival->context.direction = located.direction;
    arrival->context.user = arrival->user;
    if (const auto* account = accountOf(arrival->request, from)) {
        arrival->context.label = account->label;
    }
    traceDirection(*arrival);
    if (!takesPlace(*arrival, question)) {
        return;
    }
    if (arrival->request.method() == sip::Method::Invite &&
        located.direction != plugin::Direction::Unknown) {
        layer_.sendTrying(id);
    }
    goOn(std::move(arrival));
}

int Proxy::absentUser(const sip::Message& request, const plugin::Context& context) const {
    const auto& uri = request.requestUri();
    if (context.nextHop || !request.routes().empty()) {
        return 0;
    }
    if (const auto user = LocalRegistrar::userOfNumber(uri); !user.empty()) {
        // The caller's home is here, and nobody else is to be asked.
        const bool isHome = context.direction == plugin::Direction::RequestOutgoing &&
                            registrar_.isLocal(nextHopOutside(request, uri, options_.proxy).uri);
        return !isHome ? 0 : gate_.hasUser(user) ? 480 : 404;
    }
    if (uri.user.empty() || !registrar::tokenOf(uri).empty() || !registrar_.isLocal(uri) ||
        !registrar_.bindingsOf(uri).empty()) {
        return 0;
    }
    // An own address may also stand for a phone that is registered at a provider.
    const bool isName = registrar_.isLocalDomain(uri.host);
    if (!isName && (context.direction != plugin::Direction::RequestOutgoing ||
                    !gate_.authenticates() ||
                    !parts_.locations.candidates(uri, request.to().uri, context.flow.remote)
                         .empty())) {
        return gate_.hasUser(uri.user) ? 480 : 0;
    }
    return gate_.hasUser(uri.user) ? 480 : 404;
}

}  // namespace siproxd::proxy
