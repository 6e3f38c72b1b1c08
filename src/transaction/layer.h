// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/random.h"
#include "base/result.h"
#include "event/loop.h"
#include "sip/message.h"
#include "base/flow.h"

namespace siproxd::transaction {

/// Names a transaction while it lives; never reused. 0 is none.
enum class ServerId : std::uint64_t { None = 0 };
enum class ClientId : std::uint64_t { None = 0 };

/// RFC 3261 §17.1.1.1 base values; everything else follows from them.
struct Timings {
    base::Duration t1 = std::chrono::milliseconds(500);
    base::Duration t2 = std::chrono::seconds(4);
    base::Duration t4 = std::chrono::seconds(5);
    base::Duration timerD = std::chrono::seconds(32);
};

/// Why a client transaction ended without a final response.
enum class ClientFailure : std::uint8_t {
    Timeout,    ///< timer B or F: nobody answered; counts as 408 (RFC 3261 §16.8)
    Transport,  ///< the request could not be sent; counts as 503
};

/// The one who decides: gets everything that retransmission rules do not settle.
/// Calls come from Layer::receive() and from the loop, never from inside a call that the user makes
/// into the Layer. The user may call the Layer from inside them, but must not destroy it there.
class User {
public:
    virtual ~User() = default;

    /// A new request (never ACK or CANCEL). The user answers through respond(), in time or later,
    /// or calls abandon(): no timer ends a transaction that has no answer. `id` stays valid until
    /// onServerEnded().
    virtual void onRequest(ServerId id, sip::Message request, const base::Flow& from) = 0;

    /// An ACK that no server transaction absorbed: the one for a 2xx (RFC 3261 §13.2.2.4). It has
    /// no transaction and is never answered.
    virtual void onAck(sip::Message ack, const base::Flow& from) = 0;

    /// The INVITE `invite` is to be cancelled. The CANCEL itself has been answered with 200 already
    /// (RFC 3261 §16.10). Not called when the INVITE has had its final response.
    virtual void onCancel(ServerId invite, const sip::Message& cancel) = 0;

    /// A response for `id`: every provisional but 100, every final; more than one 2xx of an INVITE
    /// is passed on (retransmissions and forks, RFC 6026 §8.4). Its top Via is still ours.
    virtual void onResponse(ClientId id, sip::Message response, const base::Flow& from) = 0;

    /// `id` ends without a final response.
    virtual void onFailure(ClientId id, ClientFailure failure) = 0;

    /// The peer of `id` may not be reachable, or somebody wants us to think so. Nothing has ended, and
    /// no response has come yet.
    virtual void onDoubt(ClientId /*id*/) {}

    /// Whether a stranger may be told that nothing is known of his CANCEL (481), or that there is no
    /// room for his request (503). Neither has a transaction.
    [[nodiscard]] virtual bool mayBeTold(const base::Flow& /*from*/) { return true; }

    /// A response that belongs to no transaction. Usually dropped.
    virtual void onStrayResponse(sip::Message response, const base::Flow& from) = 0;

    /// The final response to `id` has been given (the first one, if there are several 2xx). What was
    /// kept to make it is no longer needed, but for an INVITE further 2xx may follow a 2xx. Not
    /// called when the transaction ends with that response.
    virtual void onServerAnswered(ServerId /*id*/, int /*status*/) {}

    /// The transaction is gone, its id means nothing from now on.
    virtual void onServerEnded(ServerId id) = 0;
    virtual void onClientEnded(ClientId id) = 0;
};

/// What transactions send through. Implemented by the transport's owner; faked by tests.
class Sender {
public:
    virtual ~Sender() = default;
    virtual base::Result<void> send(std::string_view bytes, const base::Flow& to) = 0;
};

/// RFC 3261 §17 with RFC 6026's corrections: server and client transactions, their timers, and the
/// matching of messages to them. Owns all transactions; look-ups are by hash.
class Layer {
public:
    Layer(event::Loop& loop, base::Random& random, Sender& sender, User& user,
          const Timings& timings = {}, std::size_t maxTransactions = 200'000);
    ~Layer();
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;

    /// Everything that comes from the network, after parsing and admission. Requests get `received`
    /// and `rport` on their top Via here (RFC 3261 §18.2.1, RFC 3581 §4).
    void receive(sip::Message message, const base::Flow& from);

    /// What was sent to the flow's remote address may be lost: a connection could not be made or has
    /// broken. Requests to it (by that connection, if it has a number) that nothing has been heard of
    /// fail with ClientFailure::Transport (RFC 3261 §8.1.3.1).
    void flowFailed(const base::Flow& flow);

    /// An ICMP error has come back for a datagram to the flow's remote address that began with
    /// `quoted`. The request whose branch is quoted fails like that: nobody can guess it. Of those
    /// that the quotation is too short to tell from others the user hears by onDoubt().
    void unreachable(const base::Flow& flow, std::string_view quoted);

    /// Answers the request of `id`. The message must carry that request's Vias. Provisional, 2xx
    /// and other finals are retransmitted, absorbed and timed as §17.2 says; what comes too late is
    /// dropped. For an INVITE that is not answered by the user within 200 ms the layer sends 100
    /// itself, unless sendTrying() has; the proxy calls sendTrying() at once.
    void respond(ServerId id, const sip::Message& response);

    /// Answers with a final response and forgets the request, if nothing has been sent for it and it
    /// came by UDP: it is answered anew when it comes again (RFC 3261 §8.2.7), so the answer must
    /// always be the same. Else as respond().
    void answerStateless(ServerId id, const sip::Message& response);

    /// The sender of the request may be forged: what refuses it goes out once each time that the
    /// request comes, and no timer repeats it (an ACK that has been lost costs the sender nothing).
    void answerOnce(ServerId id);

    /// Sends 100 (Trying) now; INVITE only, and only while nothing else has been sent.
    void sendTrying(ServerId id);

    /// Ends a server transaction without an answer (request dropped on purpose).
    void abandon(ServerId id);

    /// Sends a request as a new client transaction towards `to`. The top Via must be ours with a
    /// branch from newBranch(); ACK must not come here. The user gets the outcome by the id.
    /// Failure to send is reported by onFailure() later, never from inside.
    ClientId send(sip::Message request, const base::Flow& to);

    /// CANCELs the INVITE of `id` hop by hop (§9.1): at once when a provisional response has come,
    /// else when the first one comes. Does nothing once a final response has come. If no final
    /// response follows within 64*T1 after the CANCEL, onFailure(Timeout) ends the transaction.
    /// `reason` becomes a Reason header when not empty.
    void cancel(ClientId id, std::string_view reason = {});

    /// Whether any response to the request of `id` has come, 100 included; true as well when the
    /// transaction is gone.
    [[nodiscard]] bool isHeard(ClientId id) const;

    /// Sends without a transaction: ACK for 2xx, stateless answers.
    base::Result<void> sendStateless(const sip::Message& message, const base::Flow& to);

    /// A branch that nobody can guess, with the cookie of §8.1.1.7.
    [[nodiscard]] std::string newBranch();

    /// The request that opened the transaction, as it came (with received/rport), until a final
    /// response is given; nullptr from then on. (Transactions stay for half a minute behind their
    /// final response; who needs the Vias for a further 2xx keeps them.) The pointer is good until
    /// the next respond() or abandon() for `id`.
    [[nodiscard]] const sip::Message* serverRequest(ServerId id) const;
    /// Where the responses of `id` go; they can be sent elsewhere from now on when it came by UDP.
    void setServerPeer(ServerId id, const base::Flow& peer);
    [[nodiscard]] std::optional<base::Flow> serverPeer(ServerId id) const;
    /// Whether a final response has been given to respond(); true as well when the transaction is
    /// gone, because nothing can be answered then either.
    [[nodiscard]] bool serverAnswered(ServerId id) const;

    /// Where the request went that is under way with that branch of ours and method; nothing: there is
    /// none. (Of a CANCEL the branch is its INVITE's.)
    [[nodiscard]] std::optional<base::Flow> clientPeer(std::string_view branch,
                                                       std::string_view method) const;

    [[nodiscard]] std::size_t serverCount() const;
    [[nodiscard]] std::size_t clientCount() const;

    struct Counters {
        std::uint64_t retransmissionsAbsorbed = 0;
        std::uint64_t retransmissionsSent = 0;
        std::uint64_t timeouts = 0;
        std::uint64_t refused = 0;  ///< requests answered 503 statelessly: table full
    };
    [[nodiscard]] const Counters& counters() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace siproxd::transaction
