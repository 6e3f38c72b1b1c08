// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/invite_client.h"

#include <utility>

#include "base/log.h"
#include "transaction/hop_by_hop.h"

namespace siproxd::transaction {

namespace {

std::string_view nameOf(InviteClient::State state) {
    switch (state) {
        case InviteClient::State::Calling: return "Calling";
        case InviteClient::State::Proceeding: return "Proceeding";
        case InviteClient::State::Accepted: return "Accepted";
        case InviteClient::State::Completed: return "Completed";
        case InviteClient::State::Terminated: return "Terminated";
    }
    return "?";
}

}  // namespace

InviteClient::InviteClient(Environment& environment, ClientId id, const base::Flow& peer,
                           std::string request)
    : ClientTransaction(environment, id, peer, std::move(request)) {}

void InviteClient::start() {
    if (!transmit()) {
        end(ClientFailure::Transport);
        return;
    }
    if (!reliable()) {
        repeatAfter(timings().t1, giveUpTime());  // timer A
    }
    endAfter(giveUpTime());  // timer B
}

bool InviteClient::onResponse(const sip::Message& response) {
    const int status = response.status();
    switch (state_) {
        case State::Calling:
        case State::Proceeding: return onEarlyResponse(response);
        case State::Accepted:
            if (status >= 200 && status < 300) {
                return true;
            }
            break;
        case State::Completed:
            if (status >= 300 && !retransmit()) {
                log::debug(log::Class::Sip, "client transaction {}: ACK not sent again",
                           static_cast<std::uint64_t>(id()));
            }
            break;
        case State::Terminated: return false;
    }
    ++environment().counters.retransmissionsAbsorbed;
    return false;
}

bool InviteClient::onEarlyResponse(const sip::Message& response) {
    if (response.status() < 200) {
        return onProvisional(response);
    }
    if (response.status() < 300) {
        enter(State::Accepted);
    } else {
        acknowledge(response);
        enter(State::Completed);
    }
    return true;
}

bool InviteClient::onProvisional(const sip::Message& response) {
    if (state_ == State::Calling) {
        enter(State::Proceeding);
        if (cancel_ == Cancel::Wanted) {
            sendCancel();
        }
    }
    return response.status() != 100;
}

void InviteClient::onFlowFailed() {
    // Later on somebody has the request, and answers by another connection if need be.
    if (state_ == State::Calling) {
        end(ClientFailure::Transport);
    }
}

void InviteClient::cancel(std::string_view reason) {
    if (cancel_ != Cancel::No || (state_ != State::Calling && state_ != State::Proceeding)) {
        return;
    }
    cancel_ = Cancel::Wanted;
    cancelReason_ = reason;
    if (state_ == State::Proceeding) {
        sendCancel();
    }
}

void InviteClient::sendCancel() {
    cancel_ = Cancel::Sent;
    // A callee who never answers the cancelled INVITE must not keep it for ever (§9.1).
    endAfter(giveUpTime());
    const auto invite = sip::Message::parse(bytes());
    if (!invite) {
        log::error("client transaction {}: cannot CANCEL, our own INVITE does not parse: {}",
                   static_cast<std::uint64_t>(id()), invite.error().why);
        return;
    }
    const auto via = invite->via();
    environment().owner.sendCancel(via ? via->branch() : std::string_view(),
                                   cancelFor(*invite, cancelReason_), peer());
    std::string().swap(cancelReason_);
}

void InviteClient::acknowledge(const sip::Message& response) {
    const auto invite = sip::Message::parse(bytes());
    if (!invite) {
        log::error("client transaction {}: cannot ACK, our own INVITE does not parse: {}",
                   static_cast<std::uint64_t>(id()), invite.error().why);
        forgetBytes();
        return;
    }
    keep(ackFor(*invite, response));
    if (const auto sent = transmit(); !sent) {
        // The user has its final response; the peer's retransmission gives another chance.
        log::debug(log::Class::Sip, "client transaction {}: ACK not sent: {}",
                   static_cast<std::uint64_t>(id()), sent.error().message);
    }
}

void InviteClient::onRepeat() {
    if (!retransmit()) {
        end(ClientFailure::Transport);
    }
}

void InviteClient::onExpiry() {
    switch (state_) {
        case State::Calling:     // timer B
        case State::Proceeding:  // cancelled, and no final response has come
            end(ClientFailure::Timeout);
            break;
        case State::Accepted:
        case State::Completed: enter(State::Terminated); break;
        case State::Terminated: break;
    }
}

void InviteClient::end(ClientFailure failure) {
    fail(failure);
    enter(State::Terminated);
}

void InviteClient::enter(State state) {
    log::debug(log::Class::Sip, "client transaction {} INVITE: {} -> {}",
               static_cast<std::uint64_t>(id()), nameOf(state_), nameOf(state));
    state_ = state;
    stopTimers();
    switch (state) {
        case State::Calling:
        case State::Proceeding: break;
        case State::Accepted:
            forgetBytes();
            endAfter(giveUpTime());  // timer M
            break;
        case State::Completed:
            if (reliable()) {
                enter(State::Terminated);
            } else {
                endAfter(timings().timerD);
            }
            break;
        case State::Terminated: environment().owner.ended(id()); break;
    }
}

}  // namespace siproxd::transaction
