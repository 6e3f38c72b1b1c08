// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/non_invite_client.h"

#include <utility>

#include "base/log.h"

namespace siproxd::transaction {

namespace {

std::string_view nameOf(NonInviteClient::State state) {
    switch (state) {
        case NonInviteClient::State::Trying: return "Trying";
        case NonInviteClient::State::Proceeding: return "Proceeding";
        case NonInviteClient::State::Completed: return "Completed";
        case NonInviteClient::State::Terminated: return "Terminated";
    }
    return "?";
}

}  // namespace

NonInviteClient::NonInviteClient(Environment& environment, ClientId id,
                                 const base::Flow& peer, std::string request)
    : ClientTransaction(environment, id, peer, std::move(request)) {}

void NonInviteClient::start() {
    if (!transmit()) {
        end(ClientFailure::Transport);
        return;
    }
    if (!reliable()) {
        repeatAfter(timings().t1, timings().t2);  // timer E
    }
    endAfter(giveUpTime());  // timer F
}

bool NonInviteClient::onResponse(const sip::Message& response) {
    if (state_ == State::Completed || state_ == State::Terminated) {
        ++environment().counters.retransmissionsAbsorbed;
        return false;
    }
    if (response.status() >= 200) {
        enter(State::Completed);
        return true;
    }
    if (state_ == State::Trying) {
        enter(State::Proceeding);
    }
    return response.status() != 100;
}

void NonInviteClient::onFlowFailed() {
    if (state_ == State::Trying) {
        end(ClientFailure::Transport);
    }
}

void NonInviteClient::onRepeat() {
    if (!retransmit()) {
        end(ClientFailure::Transport);
    }
}

void NonInviteClient::onExpiry() {
    if (state_ == State::Completed) {
        enter(State::Terminated);
    } else {
        end(ClientFailure::Timeout);  // timer F
    }
}

void NonInviteClient::end(ClientFailure failure) {
    fail(failure);
    enter(State::Terminated);
}

void NonInviteClient::enter(State state) {
    log::debug(log::Class::Sip, "client transaction {}: {} -> {}",
               static_cast<std::uint64_t>(id()), nameOf(state_), nameOf(state));
    state_ = state;
    switch (state) {
        case State::Trying: break;
        case State::Proceeding: repeatEvery(timings().t2); break;
        case State::Completed:
            stopTimers();
            forgetBytes();
            if (reliable()) {
                enter(State::Terminated);
            } else {
                endAfter(timings().t4);  // timer K
            }
            break;
        case State::Terminated:
            stopTimers();
            environment().owner.ended(id());
            break;
    }
}

}  // namespace siproxd::transaction
