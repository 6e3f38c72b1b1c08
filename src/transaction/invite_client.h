// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "transaction/client_transaction.h"

namespace siproxd::transaction {

/// INVITE, the side that asks (RFC 3261 §17.1.1, RFC 6026 §7.2), with its CANCEL (§9.1).
///
///                        INVITE sent
///                             |
///                             v
///      A: INVITE again  +-----------+  B, transport error
///                       |  Calling  |-----------------------.
///                       +-----------+                       |
///                  2xx  |  | 1xx  | 300-699: ACK            |
///            .----------'  v      '---------.               |
///            |       +------------+         |               |
///            |<------| Proceeding |-------->|               |
///            |  2xx  +------------+ 300-699 |               |
///            |             | 64*T1 behind   |               |
///            v             | the CANCEL     v               |
///      +----------+        |          +-----------+ 300-699:|
///      | Accepted | 2xx:   |          | Completed | ACK     |
///      +----------+ to the |          +-----------+ again   |
///            | M    user   |                | D             |
///            v             v                v               v
///      +--------------------------------------------------------+
///      |                       Terminated                       |
///      +--------------------------------------------------------+
///
/// cancel() in Calling waits for the first 1xx; in Proceeding it sends the CANCEL at once.
class InviteClient final : public ClientTransaction {
public:
    enum class State : std::uint8_t { Calling, Proceeding, Accepted, Completed, Terminated };

    /// `request` is the serialized INVITE.
    InviteClient(Environment& environment, ClientId id, const base::Flow& peer,
                 std::string request);

    void start() override;
    [[nodiscard]] bool onResponse(const sip::Message& response) override;
    void onFlowFailed() override;
    [[nodiscard]] bool isHeard() const override { return state_ != State::Calling; }
    void cancel(std::string_view reason) override;

private:
    enum class Cancel : std::uint8_t { No, Wanted, Sent };

    void onRepeat() override;
    void onExpiry() override;
    [[nodiscard]] bool onEarlyResponse(const sip::Message& response);
    [[nodiscard]] bool onProvisional(const sip::Message& response);
    void acknowledge(const sip::Message& response);
    void sendCancel();
    void end(ClientFailure failure);
    void enter(State state);

    State state_ = State::Calling;
    Cancel cancel_ = Cancel::No;
    std::string cancelReason_;
};

}  // namespace siproxd::transaction
