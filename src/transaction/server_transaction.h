// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "sip/message.h"
#include "transaction/transaction.h"

namespace siproxd::transaction {

/// The side that answers (RFC 3261 §17.2).
class ServerTransaction : public Transaction {
public:
    [[nodiscard]] ServerId id() const { return id_; }

    /// See Layer::serverRequest().
    [[nodiscard]] virtual const sip::Message* request() const = 0;
    /// Whether any response has been given.
    [[nodiscard]] bool hasSent() const { return !bytes().empty() || answered(); }
    /// Whether the final response has been given.
    [[nodiscard]] virtual bool answered() const = 0;

    /// The user has been told of the request and has returned.
    virtual void onHandedOver() {}
    /// The request has come again.
    virtual void onRetransmission() = 0;
    /// An ACK for this INVITE; false: it is the user's.
    [[nodiscard]] virtual bool onAck() { return false; }

    virtual void respond(const sip::Message& response) = 0;
    using Transaction::setPeer;
    virtual void sendTrying() {}
    /// See Layer::answerOnce().
    virtual void answerOnce() {}
    virtual void abandon() = 0;

protected:
    ServerTransaction(Environment& environment, ServerId id, const base::Flow& peer,
                      std::uint16_t otherPort)
        : Transaction(environment, peer, otherPort), id_(id) {}

    /// Sends a response and keeps it. That it could not be sent is only logged: a retransmission of
    /// the request gives another chance, and a timer ends the transaction in any case.
    void transmitResponse(const sip::Message& response);
    /// Sends a response and does not keep it.
    void passOn(const sip::Message& response);
    void retransmitResponse() { logFailure(retransmit()); }

private:
    void logFailure(const base::Result<void>& result) const;

    ServerId id_;
};

}  // namespace siproxd::transaction
