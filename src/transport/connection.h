// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/flow.h"
#include "event/loop.h"
#include "transport/stream_framer.h"
#include "transport/stream_settings.h"
#include "transport/transport.h"

namespace siproxd::transport {

/// One TCP or TLS connection: cuts what comes into messages, answers pings, and ends itself when a
/// deadline has passed.
///
///     Opening --connected--> Open --finish()--> Finishing --peer closed, linger--> Closed
///        \-----failure-------/\----failure, idle, end()-----------------------------^
class Connection final : public std::enable_shared_from_this<Connection>,
                         private event::Stream::Handler {
public:
    enum class State : std::uint8_t { Opening, Open, Finishing, Closed };
    enum class Opener : std::uint8_t { Us, Peer };

    /// How it ended. `failed`: what was under way is lost.
    struct Ending {
        std::string_view reason;
        bool failed = false;
        bool wasOpen = false;
    };

    class Owner {
    public:
        virtual ~Owner() = default;
        virtual void onOpened(Connection& connection) = 0;
        virtual void onMessage(Connection& connection, std::string_view bytes) = 0;
        virtual void onMalformed(Connection& connection, std::string_view bytes,
                                 const Frame& frame) = 0;
        /// So many bytes wait for the rest of their message.
        virtual void onPartial(Connection& connection, std::size_t bytes) = 0;
        /// It has closed itself and is to be dropped.
        virtual void onEnded(Connection& connection, const Ending& ending) = 0;
    };

    /// Settings and counters are read and written as long as it lives.
    /// A peer that we connect to is no stranger.
    Connection(event::Loop& loop, Owner& owner, const StreamSettings& settings,
               StreamCounters& counters, const base::Flow& flow, SocketTag tag, Opener opener,
               bool stranger = false);

    /// Takes the socket; to be called once, right after it has been made. `tls` is owned from then
    /// on; null: plain TCP.
    void start(base::UniqueFd fd, ::ssl_st* tls);

    /// False when too much is waiting already, or it is closing. Bytes wait while it opens.
    [[nodiscard]] bool send(std::string_view bytes);

    /// Sends the rest and closes; nothing is received any more.
    void finish();

    /// Closes at once: onEnded() is called.
    void end(std::string_view reason, bool failed);

    /// The peer is no stranger: pings of its are answered, and its messages may be of any length
    /// that the settings allow. Who has been sent something is none either.
    void know();

    /// Sends pings from now on, when the settings want any. Not everybody answers them: a missing
    /// pong ends the connection only of a peer that has sent one before.
    void keepAlive();

    [[nodiscard]] const base::Flow& flow() const { return flow_; }
    [[nodiscard]] std::uint64_t id() const { return flow_.connection; }
    [[nodiscard]] SocketTag tag() const { return tag_; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Opener opener() const { return opener_; }
    /// Whether it may be sent by.
    [[nodiscard]] bool usable() const {
        return (state_ == State::Opening || state_ == State::Open) && !peerGone_;
    }
    /// The TLS session, null for plain TCP.
    [[nodiscard]] ::ssl_st* tls() const { return stream_ ? stream_->tls() : nullptr; }

private:
    void onConnected() override;
    void onData() override;
    void onDrained() override;
    void onClosed(std::string_view reason) override;

    void opened();
    void cutMessages(std::size_t limit);
    void cutSome(std::size_t limit);
    [[nodiscard]] bool take(const Frame& frame, std::string_view bytes);
    void answerPing();
    [[nodiscard]] bool awaitsPong() const;
    void takePong();
    void ping();
    void write(std::string_view bytes);

    [[nodiscard]] base::TimePoint openingEnds() const;
    [[nodiscard]] base::TimePoint nextDeadline() const;
    [[nodiscard]] std::optional<base::TimePoint> pingDue() const;
    void schedule();
    void tick();
    void checkOpen(base::TimePoint now);

    event::Loop& loop_;
    Owner& owner_;
    const StreamSettings& settings_;
    StreamCounters& counters_;
    base::Flow flow_;
    SocketTag tag_;
    Opener opener_;
    State state_ = State::Opening;
    bool wasOpen_ = false;
    bool stranger_;
    bool spoken_ = false;  ///< a message has come
    bool keptAlive_ = false;
    bool pongs_ = false;     ///< the peer has answered a ping
    bool peerGone_ = false;  ///< what it sent before is still being cut
    bool pongOwed_ = false;  ///< none has come since our last ping

    base::TimePoint begun_;         ///< of opening, later of finishing
    base::TimePoint lastReceived_;
    base::TimePoint lastPing_;
    std::optional<base::TimePoint> pongDue_;
    std::optional<base::TimePoint> messageSince_;
    std::optional<base::TimePoint> unsentSince_;
    std::size_t unsentThen_ = 0;
    std::size_t partial_ = 0;  ///< as it was told
    base::TimePoint scheduled_;

    StreamFramer framer_;
    std::unique_ptr<event::Timer> timer_;
    std::unique_ptr<event::Stream> stream_;
};

}  // namespace siproxd::transport
