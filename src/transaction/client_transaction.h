// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sip/message.h"
#include "transaction/transaction.h"

namespace siproxd::transaction {

/// The side that asks (RFC 3261 §17.1).
class ClientTransaction : public Transaction {
public:
    [[nodiscard]] ClientId id() const { return id_; }

    /// Sends the request. To be called once, when the owner knows the transaction.
    virtual void start() = 0;
    /// A response that matches; true: the user wants to see it.
    [[nodiscard]] virtual bool onResponse(const sip::Message& response) = 0;
    /// What has been sent by this flow may not have arrived (Layer::flowFailed()).
    virtual void onFlowFailed() = 0;

    /// Whether an ICMP error is about this request.
    enum class Quoted : std::uint8_t { No, Perhaps, Yes };
    /// By the first bytes of the datagram that it quotes: Yes takes enough of our branch that nobody
    /// can have guessed it.
    [[nodiscard]] Quoted isQuoted(std::string_view quoted) const;
    /// Whether a response has come, so that somebody is there.
    [[nodiscard]] virtual bool isHeard() const = 0;
    /// See Layer::cancel().
    virtual void cancel(std::string_view /*reason*/) {}

protected:
    ClientTransaction(Environment& environment, ClientId id, const base::Flow& peer,
                      std::string request)
        : Transaction(environment, peer), id_(id) {
        keep(std::move(request));
    }

    /// Tells the owner; the state machine must end behind it.
    void fail(ClientFailure failure) {
        if (failure == ClientFailure::Timeout) {
            ++environment().counters.timeouts;
        }
        environment().owner.failed(id_, failure);
    }

private:
    ClientId id_;
};

}  // namespace siproxd::transaction
