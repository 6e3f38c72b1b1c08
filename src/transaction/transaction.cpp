// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/transaction.h"

#include <algorithm>
#include <utility>

namespace siproxd::transaction {

Transaction::Transaction(Environment& environment, const base::Flow& peer, std::uint16_t otherPort)
    : environment_(environment), peer_(peer), otherPort_(otherPort) {}

void Transaction::fire() {
    // Which deadline was due is settled by their order and not by the clock, which has moved on since.
    if (endAt_ <= repeatAt_) {
        endAt_ = kNever;
        arm();
        onExpiry();
        return;
    }
    interval_ = std::min(2 * interval_, longest_);
    repeatAt_ = environment_.loop.now() + interval_;
    arm();
    onRepeat();
}

void Transaction::keep(std::string bytes) {
    bytes_ = std::move(bytes);
    bytes_.shrink_to_fit();
}

base::Result<void> Transaction::transmit() { return send(bytes_); }

base::Result<void> Transaction::send(std::string_view bytes) {
    auto sent = environment_.sender.send(bytes, peer_);
    if (sent || otherPort_ == 0 || !reliable()) {
        return sent;
    }
    peer_.connection = 0;
    peer_.remote.port = std::exchange(otherPort_, std::uint16_t{0});
    return environment_.sender.send(bytes, peer_);
}

base::Result<void> Transaction::retransmit() {
    if (bytes_.empty()) {
        return {};
    }
    ++environment_.counters.retransmissionsSent;
    return transmit();
}

void Transaction::repeatAfter(base::Duration interval, base::Duration longest) {
    interval_ = interval;
    longest_ = longest;
    repeatAt_ = environment_.loop.now() + interval;
    arm();
}

void Transaction::repeatEvery(base::Duration interval) {
    interval_ = interval;
    longest_ = interval;
}

void Transaction::endAfter(base::Duration delay) {
    endAt_ = environment_.loop.now() + delay;
    arm();
}

void Transaction::stopTimers() {
    repeatAt_ = kNever;
    endAt_ = kNever;
    if (timer_) {
        timer_->stop();
    }
}

void Transaction::arm() {
    const auto next = std::min(repeatAt_, endAt_);
    if (next == kNever) {
        return;
    }
    if (!timer_) {
        timer_ = environment_.loop.timer([this] { environment_.owner.timerFired(*this); });
    }
    timer_->start(next - environment_.loop.now());
}

}  // namespace siproxd::transaction
