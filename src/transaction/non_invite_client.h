// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "transaction/client_transaction.h"

namespace siproxd::transaction {

/// Every request but INVITE and ACK, the side that asks (RFC 3261 §17.1.2).
///
///                      request sent
///                           |
///                           v
///    E: request again +------------+  F, transport error
///                     |   Trying   |------------------.
///                     +------------+                  |
///             200-699 |     | 1xx                     |
///           .---------'     v                         |
///           |  E (T2) +------------+                  |
///           |   again | Proceeding |----------------->|
///           |         +------------+                  |
///           |               | 200-699                 |
///           |               v                         |
///           |         +------------+  response:       |
///           '-------->| Completed  |  absorbed        |
///                     +------------+                  |
///                           | K                       |
///                           v                         |
///                     +------------+                  |
///                     | Terminated |<-----------------'
///                     +------------+
class NonInviteClient final : public ClientTransaction {
public:
    enum class State : std::uint8_t { Trying, Proceeding, Completed, Terminated };

    /// `request` is the serialized request.
    NonInviteClient(Environment& environment, ClientId id, const base::Flow& peer,
                    std::string request);

    void start() override;
    [[nodiscard]] bool onResponse(const sip::Message& response) override;
    void onFlowFailed() override;
    [[nodiscard]] bool isHeard() const override { return state_ != State::Trying; }

private:
    void onRepeat() override;
    void onExpiry() override;
    void end(ClientFailure failure);
    void enter(State state);

    State state_ = State::Trying;
};

}  // namespace siproxd::transaction
