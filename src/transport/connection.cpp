// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/connection.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "transport/trace.h"

namespace siproxd::transport {

namespace {

constexpr std::string_view kPing = "\r\n\r\n";
constexpr std::string_view kPong = "\r\n";
/// A peer that pings and does not read gets no more pongs beyond this.
constexpr std::size_t kMostUnsentForPong = 4096;

}  // namespace

Connection::Connection(event::Loop& loop, Owner& owner, const StreamSettings& settings,
                       StreamCounters& counters, const base::Flow& flow, SocketTag tag,
                       Opener opener, bool stranger)
    : loop_(loop), owner_(owner), settings_(settings), counters_(counters), flow_(flow), tag_(tag),
      opener_(opener), stranger_(stranger), begun_(loop.now()), lastReceived_(begun_),
      lastPing_(begun_), framer_(stranger ? settings.strangerFramer : settings.framer) {}

void Connection::start(base::UniqueFd fd, ::ssl_st* tls) {
    timer_ = loop_.timer([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->tick();
        }
    });
    const bool ours = opener_ == Opener::Us;
    stream_ = loop_.stream(std::move(fd), *this,
                           {.connecting = ours,
                            .tls = tls,
                            .tlsServer = !ours,
                            .readLimit = settings_.framer.head + settings_.framer.body});
    if (!ours && tls == nullptr) {
        opened();
    }
    schedule();
}

bool Connection::send(std::string_view bytes) {
    if (!usable() || stream_->unsent() + bytes.size() > settings_.queueBytes) {
        return false;
    }
    know();
    trace(Direction::Out, flow_, bytes);
    write(bytes);
    schedule();
    return true;
}

void Connection::write(std::string_view bytes) {
    if (!unsentSince_) {
        unsentSince_ = loop_.now();
    }
    unsentThen_ += bytes.size();
    stream_->write(bytes);
}

void Connection::finish() {
    if (!usable()) {
        return;
    }
    state_ = State::Finishing;
    begun_ = loop_.now();
    stream_->finish();
    schedule();
}

void Connection::end(std::string_view reason, bool failed) {
    if (state_ == State::Closed) {
        return;
    }
    const auto self = shared_from_this();
    state_ = State::Closed;
    timer_->stop();
    owner_.onEnded(*this, {.reason = reason, .failed = failed, .wasOpen = wasOpen_});
}

void Connection::know() {
    if (stranger_) {
        stranger_ = false;
        framer_.setLimits(settings_.framer);
    }
}

void Connection::keepAlive() {
    if (!keptAlive_) {
        keptAlive_ = true;
        lastPing_ = loop_.now();
        schedule();
    }
}

void Connection::onConnected() {
    const auto self = shared_from_this();
    opened();
    schedule();
}

void Connection::opened() {
    if (state_ != State::Opening) {
        return;
    }
    state_ = State::Open;
    wasOpen_ = true;
    lastReceived_ = lastPing_ = loop_.now();
    if (unsentSince_) {
        unsentSince_ = lastReceived_;
    }
    owner_.onOpened(*this);
}

void Connection::onData() {
    const auto self = shared_from_this();
    lastReceived_ = loop_.now();
    // Whatever comes shows that the way is open; that is all a pong is wanted for.
    pongDue_.reset();
    cutMessages(settings_.messagesPerWakeUp);
    schedule();
}

void Connection::onDrained() {
    unsentSince_.reset();
    unsentThen_ = 0;
}

void Connection::onClosed(std::string_view reason) {
    const auto self = shared_from_this();
    peerGone_ = true;
    if (state_ == State::Open) {
        cutMessages(std::numeric_limits<std::size_t>::max());
    }
    end(reason.empty() ? "closed by the peer" : reason,
        state_ != State::Finishing && (!wasOpen_ || !reason.empty() || stream_->unsent() > 0));
}

void Connection::cutMessages(std::size_t limit) {
    cutSome(limit);
    const std::size_t partial = state_ == State::Open ? stream_->received().size() : 0;
    if (state_ != State::Closed && partial != partial_) {
        partial_ = partial;
        owner_.onPartial(*this, partial);
    }
}

void Connection::cutSome(std::size_t limit) {
    for (std::size_t count = 0; state_ == State::Open;) {
        const std::string_view bytes = stream_->received();
        const Frame frame = framer_.next(bytes, awaitsPong());
        if (frame.kind == Frame::Kind::NeedMore) {
            if (framer_.midMessage() && !messageSince_) {
                messageSince_ = loop_.now();
            }
            return;
        }
        if (!take(frame, bytes.substr(0, frame.length))) {
            return;
        }
        stream_->consume(frame.length);
        if (frame.kind == Frame::Kind::Message && ++count >= limit) {
            loop_.post([weak = weak_from_this()] {
                if (const auto self = weak.lock(); self && self->state_ == State::Open) {
                    self->cutMessages(self->settings_.messagesPerWakeUp);
                    self->schedule();
                }
            });
            return;
        }
    }
}

/// False when there is nothing more to be cut.
bool Connection::take(const Frame& frame, std::string_view bytes) {
    switch (frame.kind) {
        case Frame::Kind::Message:
            messageSince_.reset();
            spoken_ = true;
            owner_.onMessage(*this, bytes);
            break;
        case Frame::Kind::Ping:
            answerPing();
            break;
        case Frame::Kind::Pong:
            takePong();
            break;
        case Frame::Kind::Error:
            ++counters_.malformed;
            owner_.onMalformed(*this, bytes, frame);
            finish();
            return false;
        case Frame::Kind::NeedMore:
            return false;
    }
    return state_ == State::Open;
}

void Connection::answerPing() {
    ++counters_.pings;
    if (stranger_) {
        return;  // scanners need not know that somebody is here
    }
    spoken_ = true;
    if (stream_->unsent() <= kMostUnsentForPong) {
        write(kPong);
    }
}

/// What comes later is a keepalive of the peer's own: some send a lone line end.
bool Connection::awaitsPong() const {
    return pongOwed_ && loop_.now() <= lastPing_ + settings_.pongTimeout;
}

void Connection::takePong() {
    ++counters_.pongs;
    pongs_ = pongs_ || awaitsPong();
    pongOwed_ = false;
}

void Connection::ping() {
    const auto now = loop_.now();
    lastPing_ = now;
    // Only the side that was connected to has to answer (RFC 5626 §4.4.1), and some do not even then.
    if (pongs_) {
        pongDue_ = now + settings_.pongTimeout;
    }
    pongOwed_ = true;
    write(kPing);
}

base::TimePoint Connection::openingEnds() const {
    const bool secure = flow_.protocol == base::Protocol::Tls;
    return begun_ + (opener_ == Opener::Us ? settings_.connectTimeout : base::Duration::zero()) +
           (secure ? settings_.handshakeTimeout : base::Duration::zero());
}

std::optional<base::TimePoint> Connection::pingDue() const {
    if (!keptAlive_ || settings_.keepalive <= base::Duration::zero() || pongDue_) {
        return std::nullopt;
    }
    return lastPing_ + settings_.keepalive;
}

base::TimePoint Connection::nextDeadline() const {
    switch (state_) {
        case State::Opening:
            return openingEnds();
        case State::Finishing:
            return begun_ + settings_.lingerTimeout;
        case State::Open:
        case State::Closed:
            break;
    }
    auto due = base::TimePoint::max();
    const auto consider = [&](std::optional<base::TimePoint> moment) {
        due = moment ? std::min(due, *moment) : due;
    };
    consider(pingDue());
    consider(pongDue_);
    if (settings_.idleTimeout > base::Duration::zero()) {
        consider(lastReceived_ + settings_.idleTimeout);
    }
    if (opener_ == Opener::Peer && !spoken_) {
        consider(begun_ + settings_.firstMessageTimeout);
    }
    if (messageSince_) {
        consider(*messageSince_ + settings_.messageTimeout);
    }
    if (unsentSince_) {
        consider(*unsentSince_ + settings_.stallTimeout);
    }
    return due;
}

/// Deadlines mostly move away: a timer that goes off too early costs less than one set anew for
/// each message.
void Connection::schedule() {
    if (state_ == State::Closed) {
        return;
    }
    const auto due = nextDeadline();
    if (due == base::TimePoint::max() || (timer_->pending() && scheduled_ <= due)) {
        return;
    }
    scheduled_ = due;
    timer_->start(due - loop_.now());
}

void Connection::tick() {
    const auto now = loop_.now();
    if (state_ == State::Opening && now >= openingEnds()) {
        end(opener_ == Opener::Us ? "no connection in time" : "no TLS handshake in time", true);
    } else if (state_ == State::Finishing && now >= begun_ + settings_.lingerTimeout) {
        end("closed by us", false);
    } else if (state_ == State::Open) {
        checkOpen(now);
    }
    schedule();
}

void Connection::checkOpen(base::TimePoint now) {
    if (messageSince_ && now >= *messageSince_ + settings_.messageTimeout) {
        ++counters_.slow;
        return end("a message that does not end", false);
    }
    if (pongDue_ && now >= *pongDue_) {
        return end("no answer to a keepalive", true);
    }
    if (settings_.idleTimeout > base::Duration::zero() &&
        now >= lastReceived_ + settings_.idleTimeout) {
        ++counters_.idle;
        return end("idle", stream_->unsent() > 0);
    }
    if (opener_ == Opener::Peer && !spoken_ && now >= begun_ + settings_.firstMessageTimeout) {
        ++counters_.idle;
        return end("never said anything", false);
    }
    if (unsentSince_ && now >= *unsentSince_ + settings_.stallTimeout) {
        const std::size_t unsent = stream_->unsent();
        if (unsent > 0 && unsent >= unsentThen_) {
            return end("the peer does not read", true);
        }
        unsentThen_ = unsent;
        unsentSince_ = unsent > 0 ? std::optional(now) : std::nullopt;
    }
    if (const auto due = pingDue(); due && now >= *due) {
        ping();
    }
}

}  // namespace siproxd::transport
