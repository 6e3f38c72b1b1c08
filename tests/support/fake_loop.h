// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "event/loop.h"

namespace siproxd::test {

/// A loop whose time stands still until a test moves it. Watches never become ready by themselves.
class FakeLoop final : public event::Loop {
public:
    [[nodiscard]] base::TimePoint now() const override { return now_; }
    [[nodiscard]] base::WallSeconds wallNow() const override {
        return wallStart_ + std::chrono::duration_cast<std::chrono::seconds>(
                                now_.time_since_epoch()).count();
    }

    [[nodiscard]] std::unique_ptr<event::Timer> timer(Callback callback) override {
        return std::make_unique<FakeTimer>(*this, std::move(callback));
    }
    [[nodiscard]] std::unique_ptr<event::Watch> watch(int, std::uint8_t, ReadyCallback) override {
        return std::make_unique<FakeWatch>();
    }
    [[nodiscard]] std::unique_ptr<event::Stream> stream(base::UniqueFd, event::Stream::Handler&,
                                                        const event::StreamOptions&) override {
        return std::make_unique<FakeStream>();
    }
    [[nodiscard]] std::unique_ptr<event::Watch> onSignal(int, Callback) override {
        return std::make_unique<FakeWatch>();
    }
    void post(Callback callback) override { posted_.push_back(std::move(callback)); }
    void run() override { runPosted(); }
    void stop() override {}

    /// Moves the time on, firing each timer at its moment and in order; posted work runs as well.
    void advance(base::Duration by) {
        const auto end = now_ + by;
        runPosted();
        while (!timers_.empty() && timers_.begin()->first <= end) {
            const auto first = timers_.begin();
            FakeTimer* timer = first->second;
            now_ = std::max(now_, first->first);
            timer->unlink();
            timer->fire();
            runPosted();
        }
        now_ = end;
    }

    /// Runs what post() has collected.
    void runPosted() {
        while (!posted_.empty()) {
            auto callback = std::move(posted_.front());
            posted_.pop_front();
            callback();
        }
    }

    /// How many timers are pending.
    [[nodiscard]] std::size_t pendingTimers() const { return timers_.size(); }

    /// The wall clock's value at virtual time 0.
    void setWallStart(base::WallSeconds seconds) { wallStart_ = seconds; }

private:
    class FakeTimer;
    using Queue = std::multimap<base::TimePoint, FakeTimer*>;

    class FakeTimer final : public event::Timer {
    public:
        FakeTimer(FakeLoop& loop, Callback callback)
            : loop_(loop), callback_(std::make_shared<Callback>(std::move(callback))) {}
        ~FakeTimer() override { unlink(); }
        void start(base::Duration delay) override {
            unlink();
            at_ = loop_.timers_.emplace(loop_.now_ + std::max(delay, base::Duration::zero()), this);
            pending_ = true;
        }
        void stop() override { unlink(); }
        [[nodiscard]] bool pending() const override { return pending_; }
        void unlink() {
            if (pending_) {
                loop_.timers_.erase(at_);
                pending_ = false;
            }
        }
        void fire() {
            const auto callback = callback_;
            (*callback)();
        }

    private:
        FakeLoop& loop_;
        std::shared_ptr<Callback> callback_;
        Queue::iterator at_;
        bool pending_ = false;
    };

    struct FakeWatch final : event::Watch {
        void setInterest(std::uint8_t) override {}
    };

    /// Nothing ever comes, and all that is written is gone.
    struct FakeStream final : event::Stream {
        [[nodiscard]] std::string_view received() override { return {}; }
        void consume(std::size_t) override {}
        void write(std::string_view) override {}
        [[nodiscard]] std::size_t unsent() const override { return 0; }
        void finish() override {}
        [[nodiscard]] int fd() const override { return -1; }
        [[nodiscard]] ::ssl_st* tls() const override { return nullptr; }
    };

    base::TimePoint now_{};
    base::WallSeconds wallStart_ = 1'700'000'000;
    Queue timers_;
    std::deque<Callback> posted_;
};

}  // namespace siproxd::test
