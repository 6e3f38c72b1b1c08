// SPDX-License-Identifier: GPL-2.0-or-later
#include "event/loop.h"

#include <csignal>
#include <string>
#include <thread>

#include <unistd.h>

#include "base/unique_fd.h"
#include "support/catch.h"

using namespace siproxd;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<event::Loop> newLoop() {
    auto loop = event::makeLoop();
    REQUIRE(loop);
    return std::move(*loop);
}

struct Pipe {
    Pipe() {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        readEnd = base::UniqueFd(ends[0]);
        writeEnd = base::UniqueFd(ends[1]);
    }
    base::UniqueFd readEnd;
    base::UniqueFd writeEnd;
};

}  // namespace

TEST_CASE("Timers fire in the order of their delays, and stopped ones not at all", "[event]") {
    const auto loop = newLoop();
    std::string order;
    const auto late = loop->timer([&] {
        order += 'b';
        loop->stop();
    });
    const auto early = loop->timer([&] { order += 'a'; });
    const auto never = loop->timer([&] { order += 'x'; });
    late->start(5ms);
    early->start(1ms);
    never->start(2ms);
    CHECK(never->pending());
    never->stop();
    CHECK_FALSE(never->pending());
    loop->run();
    CHECK(order == "ab");
}

TEST_CASE("A timer may destroy itself and restart itself", "[event]") {
    const auto loop = newLoop();
    int fired = 0;
    std::unique_ptr<event::Timer> timer;
    timer = loop->timer([&] {
        if (++fired < 3) {
            timer->start(0ms);
        } else {
            timer.reset();
            loop->stop();
        }
    });
    timer->start(-5ms);
    loop->run();
    CHECK(fired == 3);
}

TEST_CASE("A watch tells what is ready and is silent after its end", "[event]") {
    const auto loop = newLoop();
    const Pipe pipe;
    int reads = 0;
    std::unique_ptr<event::Watch> watch;
    watch = loop->watch(pipe.readEnd.get(), event::kReadable, [&](std::uint8_t ready) {
        CHECK(ready == event::kReadable);
        ++reads;
        watch.reset();  // the byte is still there: without this it would be called for ever
        loop->post([&] { loop->stop(); });
    });
    REQUIRE(::write(pipe.writeEnd.get(), "x", 1) == 1);
    loop->run();
    CHECK(reads == 1);
}

TEST_CASE("Work posted from another thread runs in the loop's", "[event]") {
    const auto loop = newLoop();
    const auto mine = std::this_thread::get_id();
    std::thread::id ranIn;
    std::thread other([&] {
        loop->post([&] {
            ranIn = std::this_thread::get_id();
            loop->stop();
        });
    });
    loop->run();
    other.join();
    CHECK(ranIn == mine);
}

TEST_CASE("A loop that was stopped can run again", "[event]") {
    const auto loop = newLoop();
    for (int i = 0; i < 2; ++i) {
        bool ran = false;
        loop->post([&] {
            ran = true;
            loop->stop();
        });
        loop->run();
        CHECK(ran);
    }
}

TEST_CASE("Signals arrive in the loop", "[event]") {
    const auto loop = newLoop();
    bool came = false;
    const auto watch = loop->onSignal(SIGUSR1, [&] {
        came = true;
        loop->stop();
    });
    loop->post([] { ::raise(SIGUSR1); });
    loop->run();
    CHECK(came);
}
