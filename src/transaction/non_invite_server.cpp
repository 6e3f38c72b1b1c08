// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/non_invite_server.h"

#include <utility>

#include "base/log.h"

namespace siproxd::transaction {

namespace {

std::string_view nameOf(NonInviteServer::State state) {
    switch (state) {
        case NonInviteServer::State::Trying: return "Trying";
        case NonInviteServer::State::Proceeding: return "Proceeding";
        case NonInviteServer::State::Completed: return "Completed";
        case NonInviteServer::State::Terminated: return "Terminated";
    }
    return "?";
}

}  // namespace

NonInviteServer::NonInviteServer(Environment& environment, ServerId id,
                                 const base::Flow& peer, std::uint16_t otherPort,
                                 std::unique_ptr<sip::Message> request)
    : ServerTransaction(environment, id, peer, otherPort), request_(std::move(request)) {}

void NonInviteServer::onRetransmission() {
    ++environment().counters.retransmissionsAbsorbed;
    retransmitResponse();
}

void NonInviteServer::respond(const sip::Message& response) {
    if (answered()) {
        log::debug(log::Class::Sip, "server transaction {}: {} is too late in state {}",
                   static_cast<std::uint64_t>(id()), response.status(), nameOf(state_));
        return;
    }
    transmitResponse(response);
    if (response.status() >= 200) {
        request_.reset();
        enter(State::Completed);
    } else if (state_ == State::Trying) {
        enter(State::Proceeding);
    }
}

void NonInviteServer::enter(State state) {
    log::debug(log::Class::Sip, "server transaction {}: {} -> {}",
               static_cast<std::uint64_t>(id()), nameOf(state_), nameOf(state));
    state_ = state;
    switch (state) {
        case State::Trying:
        case State::Proceeding: break;
        case State::Completed:
            if (reliable()) {
                enter(State::Terminated);
            } else {
                endAfter(giveUpTime());  // timer J
            }
            break;
        case State::Terminated:
            stopTimers();
            environment().owner.ended(id());
            break;
    }
}

}  // namespace siproxd::transaction
