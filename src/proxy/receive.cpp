// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

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

/// More of our own Vias than a call from phone to provider to phone explains.
constexpr int kMostOwnVias = 2;

}  // namespace

void Proxy::onReceived(const transport::Received& received) {
    const auto& flow = received.flow;
    std::string_view bytes = received.bytes;
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
    const auto rights = policy_.classify(flow.remote.ip);
    if (!rights.maySip && !rights.mayRegister && !addresses_.isOurs(flow.remote.ip)) {
        ++counters_.denied;
        log::debug(log::Class::Access, "ACCESS: denied {}", flow.remote.toString());
        return;
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
    arrivalInterface_ = received.interfaceIndex;
    arrivalSize_ = bytes.size();
    layer_.receive(std::move(*message), flow);
}

void Proxy::onMalformed(const transport::Received& received, int status,
                        std::string_view reason) {
    ++counters_.malformed;
    const auto rights = policy_.classify(received.flow.remote.ip);
    if (!rights.maySip && !rights.mayRegister && !addresses_.isOurs(received.flow.remote.ip)) {
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

void Proxy::onConnectionClosed(const base::Flow& /*flow*/) {}

void Proxy::handleMalformed(const sip::ParseFailure& failure, std::string_view bytes,
                            const base::Flow& from) {
    ++counters_.malformed;
    log::warningFromPeer("malformed SIP message from {}: {}", from.remote.toString(), failure.why);
    // The answer is hardly longer than the question and goes out once: it amplifies nothing for a
    // spoofed source.
    const auto answer = sip::answerUnparsed(bytes, failure.status, failure.reason);
    if (answer && answer->size() <= bytes.size() + 64) {
        [[maybe_unused]] const auto sent = parts_.sender.send(*answer, from);
    }
}

bool Proxy::admit(const sip::Message& request, const base::Flow& from) const {
    if (addresses_.isOurs(from.remote.ip)) {
        return true;
    }
    const auto rights = policy_.classify(from.remote.ip);
    if (request.method() == sip::Method::Register) {
        if (!rights.mayRegister) {
            log::warningFromPeer("non-authorized registration attempt from {}",
                                 from.remote.ip.toString());
        }
        return rights.mayRegister;
    }
    if (!rights.maySip) {
        log::infoFromPeer("non-authorized request received from {}", from.remote.ip.toString());
    }
    return rights.maySip;
}

bool Proxy::answerOptions(transaction::ServerId id, const sip::Message& request) {
    const auto uri = request.requestUri();
    if (request.method() != sip::Method::Options ||
        (request.maxForwards().value_or(70) > 0 &&
         !(addresses_.isOurs(uri) && uri.user.empty() && request.routes().empty()))) {
        return false;
    }
    const sip::Message* original = layer_.serverRequest(id);
    if (original != nullptr) {
        auto response = sip::Message::response(*original, 200, "", parts_.random.hex(6));
        response.addHeader("Allow", kAllowed);
        response.addHeader("Accept", "application/sdp");
        layer_.respond(id, response);
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
    noteAlias(request, from);
    if (request.method() == sip::Method::Invite) {
        layer_.sendTrying(id);
    }
    if (answerOptions(id, request) || refuseEarly(id, request)) {
        return;
    }
    const auto loop = LoopGuard::keyOf(request, directions_.sideOf(from, arrivalInterface_));
    if (loops_.isLoop(loop)) {
        log::infoFromPeer("loop detected: {} {} is under way already [CID: {}]",
                          request.methodName(), base::printable(request.requestUriText()),
                          base::printable(request.callId()));
        respond(id, 482);
        return;
    }
    auto arrival = std::make_unique<Arrival>(
        Arrival{id, std::move(request), {}, {}, {}, plugin::Stage::DetermineTarget, loop,
                arrivalSize_});
    removeOwnRoutes(arrival->request, addresses_);
    auto located = directions_.find(arrival->request, from, arrivalInterface_);
    arrival->targets = std::move(located.targets);
    arrival->context.message = &arrival->request;
    arrival->context.flow = from;
    arrival->context.direction = located.direction;
    traceDirection(*arrival);
    goOn(std::move(arrival));
}

}  // namespace siproxd::proxy
