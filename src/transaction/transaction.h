// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "event/loop.h"
#include "transaction/layer.h"
#include "base/flow.h"

namespace siproxd::transaction {

/// What the four state machines share: the bytes that are retransmitted, where they go, and two
/// deadlines on one timer (the next retransmission, and the end of the state).
class Transaction {
public:
    /// Who keeps transactions. A transaction that has told its end stays in memory until the
    /// outermost call into the owner is over.
    class Owner {
    public:
        virtual ~Owner() = default;
        /// The timer has gone off: the owner calls fire().
        virtual void timerFired(Transaction& transaction) = 0;
        virtual void ended(ServerId id) = 0;
        virtual void ended(ClientId id) = 0;
        /// ended() follows.
        virtual void failed(ClientId id, ClientFailure failure) = 0;
        /// Sends a CANCEL in a client transaction of its own, whose outcome nobody needs.
        virtual void sendCancel(std::string_view branch, std::string bytes,
                                const base::Flow& to) = 0;
    };

    /// What transactions work with; outlives them.
    struct Environment {
        event::Loop& loop;
        Sender& sender;
        Owner& owner;
        Timings timings;
        Layer::Counters counters;
    };

    virtual ~Transaction() = default;
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    [[nodiscard]] const base::Flow& peer() const { return peer_; }

    /// Handles the deadline that the timer was set to.
    void fire();

protected:
    /// `otherPort`: where a new connection is made when the peer's is gone (RFC 3261 §18.2.2); 0:
    /// nowhere.
    Transaction(Environment& environment, const base::Flow& peer, std::uint16_t otherPort = 0);

    [[nodiscard]] Environment& environment() { return environment_; }
    [[nodiscard]] const Timings& timings() const { return environment_.timings; }
    /// The time after which RFC 3261 gives up (timers B, F, H, J, and L, M of RFC 6026).
    [[nodiscard]] base::Duration giveUpTime() const { return 64 * environment_.timings.t1; }
    [[nodiscard]] bool reliable() const { return base::isReliable(peer_.protocol); }

    void setPeer(const base::Flow& peer) { peer_ = peer; }

    /// Keeps bytes for transmit(); kept as small as they are.
    void keep(std::string bytes);
    void forgetBytes() { std::string().swap(bytes_); }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    /// Sends without keeping.
    [[nodiscard]] base::Result<void> send(std::string_view bytes);
    /// Sends what is kept, for the first time.
    [[nodiscard]] base::Result<void> transmit();
    /// Sends what is kept once more; nothing kept, nothing sent.
    [[nodiscard]] base::Result<void> retransmit();

    /// Calls onRepeat() after `interval`, then after the doubled one and so on up to `longest`.
    void repeatAfter(base::Duration interval, base::Duration longest);
    /// The pending onRepeat() stays, all later ones follow `interval` apart.
    void repeatEvery(base::Duration interval);
    /// Calls onExpiry() once; replaces an earlier endAfter().
    void endAfter(base::Duration delay);
    void stopTimers();

private:
    virtual void onRepeat() = 0;
    virtual void onExpiry() = 0;
    void arm();

    static constexpr auto kNever = base::TimePoint::max();

    Environment& environment_;
    base::Flow peer_;
    std::uint16_t otherPort_;
    std::string bytes_;
    std::unique_ptr<event::Timer> timer_;  // made when first needed
    base::TimePoint repeatAt_ = kNever;
    base::TimePoint endAt_ = kNever;
    base::Duration interval_{};
    base::Duration longest_{};
};

}  // namespace siproxd::transaction
