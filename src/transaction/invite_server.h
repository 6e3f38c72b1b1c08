// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>

#include "transaction/server_transaction.h"

namespace siproxd::transaction {

/// INVITE, the side that answers (RFC 3261 §17.2.1, RFC 6026 §7.1).
///
///                  INVITE: to the user
///                        |
///                        v
///    200 ms: 100   +------------+  INVITE: last 1xx again
///    user's 1xx    | Proceeding |
///                  +------------+
///          300-699 |            | 2xx
///                  v            v
///            +-----------+   +----------+  INVITE: absorbed
///   G: final | Completed |   | Accepted |  ACK, user's 2xx: passed on
///   again    +-----------+   +----------+
///    INVITE:   |       |         |
///    final     | ACK   | H       | L
///    again     v       |         |
///      +-----------+   |         |
///      | Confirmed |   |         |
///      +-----------+   |         |
///            | I       |         |
///            v         v         v
///           +---------------------+
///           |     Terminated      |
///           +---------------------+
class InviteServer final : public ServerTransaction {
public:
    enum class State : std::uint8_t { Proceeding, Completed, Confirmed, Accepted, Terminated };

    /// `otherPort`: see Transaction.
    InviteServer(Environment& environment, ServerId id, const base::Flow& peer,
                 std::uint16_t otherPort, sip::Message request);

    [[nodiscard]] const sip::Message* request() const override { return request_.get(); }
    [[nodiscard]] bool answered() const override { return state_ != State::Proceeding; }

    void onHandedOver() override;
    void onRetransmission() override;
    [[nodiscard]] bool onAck() override;
    void respond(const sip::Message& response) override;
    void sendTrying() override;
    void answerOnce() override { once_ = true; }
    void abandon() override { enter(State::Terminated); }

private:
    void onRepeat() override { retransmitResponse(); }
    void onExpiry() override;
    void enter(State state);

    State state_ = State::Proceeding;
    bool once_ = false;
    std::unique_ptr<sip::Message> request_;  // in Proceeding only
};

}  // namespace siproxd::transaction
