// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/invite_server.h"

#include <utility>

#include "base/log.h"

namespace siproxd::transaction {

namespace {

// RFC 3261 §17.2.1: 100 must go out unless the user answers within this time.
constexpr base::Duration kTryingDelay = std::chrono::milliseconds(200);

std::string_view nameOf(InviteServer::State state) {
    switch (state) {
        case InviteServer::State::Proceeding: return "Proceeding";
        case InviteServer::State::Completed: return "Completed";
        case InviteServer::State::Confirmed: return "Confirmed";
        case InviteServer::State::Accepted: return "Accepted";
        case InviteServer::State::Terminated: return "Terminated";
    }
    return "?";
}

}  // namespace

InviteServer::InviteServer(Environment& environment, ServerId id, const base::Flow& peer,
                           std::uint16_t otherPort, sip::Message request)
    : ServerTransaction(environment, id, peer, otherPort),
      request_(std::make_unique<sip::Message>(std::move(request))) {}

void InviteServer::onHandedOver() {
    if (state_ == State::Proceeding && bytes().empty()) {
        endAfter(kTryingDelay);
    }
}

void InviteServer::onRetransmission() {
    ++environment().counters.retransmissionsAbsorbed;
    if (state_ == State::Proceeding || state_ == State::Completed) {
        retransmitResponse();
    }
}

bool InviteServer::onAck() {
    if (state_ == State::Completed) {
        enter(State::Confirmed);
    }
    return state_ != State::Accepted;
}

void InviteServer::respond(const sip::Message& response) {
    const int status = response.status();
    const bool success = status >= 200 && status < 300;
    const bool again = state_ == State::Accepted && success;
    if (state_ != State::Proceeding && !again) {
        log::debug(log::Class::Sip, "server transaction {}: {} is too late in state {}",
                   static_cast<std::uint64_t>(id()), status, nameOf(state_));
    } else if (success) {
        // That it arrives is the business of the user agents, who repeat it until the ACK comes.
        passOn(response);
        if (!again) {
            enter(State::Accepted);
        }
    } else {
        stopTimers();
        transmitResponse(response);
        if (status >= 300) {
            enter(State::Completed);
        }
    }
}

void InviteServer::sendTrying() {
    if (state_ != State::Proceeding || !bytes().empty()) {
        return;
    }
    stopTimers();
    auto trying = sip::Message::response(*request_, 100, "", "");
    if (const auto timestamp = request_->header("Timestamp")) {
        trying.setHeader("Timestamp", *timestamp);  // RFC 3261 §8.2.6.1
    }
    transmitResponse(trying);
}

void InviteServer::onExpiry() {
    switch (state_) {
        case State::Proceeding: sendTrying(); break;
        case State::Completed:  // timer H: the ACK has never come
            ++environment().counters.timeouts;
            enter(State::Terminated);
            break;
        case State::Confirmed:
        case State::Accepted: enter(State::Terminated); break;
        case State::Terminated: break;
    }
}

void InviteServer::enter(State state) {
    log::debug(log::Class::Sip, "server transaction {} INVITE: {} -> {}",
               static_cast<std::uint64_t>(id()), nameOf(state_), nameOf(state));
    state_ = state;
    stopTimers();
    request_.reset();
    switch (state) {
        case State::Proceeding: break;
        case State::Completed:
            if (!reliable() && !once_) {
                repeatAfter(timings().t1, timings().t2);  // timer G
            }
            endAfter(giveUpTime());  // timer H
            break;
        case State::Confirmed:
            forgetBytes();
            if (reliable()) {
                enter(State::Terminated);
            } else {
                endAfter(timings().t4);  // timer I
            }
            break;
        case State::Accepted: endAfter(giveUpTime()); break;  // timer L
        case State::Terminated: environment().owner.ended(id()); break;
    }
}

}  // namespace siproxd::transaction
