// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>

#include "transaction/server_transaction.h"

namespace siproxd::transaction {

/// Every request but INVITE and ACK, the side that answers (RFC 3261 §17.2.2).
///
///              request: to the user
///                     |
///                     v
///               +-----------+  request: absorbed
///               |  Trying   |----------------.
///               +-----------+                |
///                     | 1xx                  |
///                     v                      |
///    user's 1xx +------------+  request:     | 200-699
///               | Proceeding |  1xx again    |
///               +------------+               |
///                     | 200-699              |
///                     v                      |
///               +------------+  request:     |
///               | Completed  |<--------------'
///               +------------+  final again
///                     | J
///                     v
///               +------------+
///               | Terminated |
///               +------------+
class NonInviteServer final : public ServerTransaction {
public:
    enum class State : std::uint8_t { Trying, Proceeding, Completed, Terminated };

    /// `request` is what request() returns; null when nobody will ask. `otherPort`: see Transaction.
    NonInviteServer(Environment& environment, ServerId id, const base::Flow& peer,
                    std::uint16_t otherPort, std::unique_ptr<sip::Message> request);

    [[nodiscard]] const sip::Message* request() const override { return request_.get(); }
    [[nodiscard]] bool answered() const override { return state_ >= State::Completed; }

    void onRetransmission() override;
    void respond(const sip::Message& response) override;
    void abandon() override { enter(State::Terminated); }

private:
    void onRepeat() override {}
    void onExpiry() override { enter(State::Terminated); }
    void enter(State state);

    State state_ = State::Trying;
    std::unique_ptr<sip::Message> request_;
};

}  // namespace siproxd::transaction
