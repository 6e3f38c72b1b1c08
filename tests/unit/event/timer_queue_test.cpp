// SPDX-License-Identifier: GPL-2.0-or-later
#include "event/timer_queue.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/fake_loop.h"

using namespace siproxd;
using namespace std::chrono_literals;

namespace {

/// A queue whose time a test moves by hand.
struct Bench {
    test::FakeLoop clock;
    int woken = 0;
    event::TimerQueue queue{clock, [this] { ++woken; }};

    void runAfter(base::Duration delay) {
        clock.advance(delay);
        queue.run();
    }
};

}  // namespace

TEST_CASE("Thousands of timers fire once each and in time", "[event]") {
    Bench bench;
    std::mt19937 numbers(7);
    std::vector<int> fired;
    std::vector<std::unique_ptr<event::Timer>> timers;
    for (int i = 0; i < 3000; ++i) {
        timers.push_back(bench.queue.timer([&fired, i] { fired.push_back(i); }));
        timers.back()->start(base::Duration(static_cast<int>(numbers() % 1000) * 1'000'000));
    }
    // A third is stopped, a third is moved.
    for (int i = 0; i < 3000; ++i) {
        auto& timer = *timers[static_cast<std::size_t>(i)];
        if (i % 3 == 0) {
            timer.stop();
            CHECK_FALSE(timer.pending());
        } else if (i % 3 == 1) {
            timer.start(base::Duration(static_cast<int>(numbers() % 1000) * 1'000'000));
        }
    }
    CHECK(bench.queue.pendingCount() == 2000);
    base::TimePoint last{};
    while (const auto next = bench.queue.next()) {
        const auto before = fired.size();
        bench.runAfter(*next);
        CHECK(bench.clock.now() >= last);
        last = bench.clock.now();
        REQUIRE(fired.size() > before);
    }
    CHECK(fired.size() == 2000);
    std::ranges::sort(fired);
    CHECK(std::ranges::adjacent_find(fired) == fired.end());
    CHECK(std::ranges::none_of(fired, [](int i) { return i % 3 == 0; }));
    CHECK(last <= base::TimePoint() + 1032ms);
}

TEST_CASE("A timer is never early, and late by a 32nd of its delay at most", "[event]") {
    Bench bench;
    for (const base::Duration delay : {0ms, 1ms, 7ms, 500ms, 32000ms, 3600000ms}) {
        bench.clock.advance(777us);
        const auto start = bench.clock.now();
        base::TimePoint at{};
        const auto timer = bench.queue.timer([&] { at = bench.clock.now(); });
        timer->start(delay);
        while (const auto next = bench.queue.next()) {
            bench.runAfter(*next);
        }
        CAPTURE(delay.count());
        CHECK(at >= start + delay);
        CHECK(at <= start + delay + delay / 32 + 1us);
    }
}

TEST_CASE("Timers of about the same length go off together", "[event]") {
    Bench bench;
    int fired = 0;
    std::vector<std::unique_ptr<event::Timer>> timers;
    for (int i = 0; i < 1000; ++i) {
        timers.push_back(bench.queue.timer([&] { ++fired; }));
        timers.back()->start(32s);
        bench.clock.advance(1ms);
    }
    int wakeUps = 0;
    while (const auto next = bench.queue.next()) {
        bench.runAfter(*next);
        ++wakeUps;
    }
    CHECK(fired == 1000);
    CHECK(wakeUps <= 3);
}

TEST_CASE("A timer that restarts itself without a delay lets the others run", "[event]") {
    Bench bench;
    int again = 0;
    std::unique_ptr<event::Timer> timer;
    timer = bench.queue.timer([&] {
        ++again;
        timer->start(0ms);
    });
    timer->start(0ms);
    bench.queue.run();
    CHECK(again == 1);
    bench.runAfter(1us);
    CHECK(again == 2);
    CHECK(timer->pending());
}

TEST_CASE("A callback may destroy its own timer and any other", "[event]") {
    Bench bench;
    std::string order;
    const auto kept = std::make_shared<std::string>("still here");
    std::unique_ptr<event::Timer> self;
    std::unique_ptr<event::Timer> other = bench.queue.timer([&] { order += 'x'; });
    self = bench.queue.timer([&, kept] {
        self.reset();
        other.reset();
        order += *kept;
    });
    self->start(1ms);
    other->start(1ms);
    bench.runAfter(2ms);
    CHECK(order == "still here");
    CHECK(bench.queue.pendingCount() == 0);
    CHECK(kept.use_count() == 1);
}

TEST_CASE("The loop is woken for what comes first, and for nothing else", "[event]") {
    Bench bench;
    const auto later = bench.queue.timer([] {});
    const auto sooner = bench.queue.timer([] {});
    later->start(10s);
    CHECK(bench.woken == 1);
    sooner->start(20s);
    CHECK(bench.woken == 1);
    sooner->start(1s);
    CHECK(bench.woken == 2);
    sooner->stop();
    CHECK(bench.woken == 2);
    CHECK(*bench.queue.next() > 9s);
}
