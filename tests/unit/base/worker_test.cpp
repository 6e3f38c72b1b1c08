// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/worker.h"

#include <pthread.h>

#include <csignal>
#include <future>
#include <thread>

#include "support/catch.h"

using namespace siproxd;

TEST_CASE("jobs run one after the other in a thread that is not the caller's", "[base]") {
    base::ThreadWorker worker;
    std::thread::id first;
    std::thread::id second;
    worker.start([&] { first = std::this_thread::get_id(); });
    worker.drain();
    worker.start([&] { second = std::this_thread::get_id(); });
    worker.drain();
    CHECK(first != std::thread::id());
    CHECK(first != std::this_thread::get_id());
    CHECK(second == first);
}

TEST_CASE("starting a job does not wait for it, the end of the worker does", "[base]") {
    bool done = false;
    std::promise<void> go;
    {
        base::ThreadWorker worker;
        worker.start([&] {
            go.get_future().wait();
            done = true;
        });
        CHECK_FALSE(done);
        go.set_value();
    }
    CHECK(done);
}

TEST_CASE("a job that is started while the last one ends is not lost", "[base]") {
    base::ThreadWorker worker;
    std::promise<void> almostDone;
    std::promise<void> go;
    bool second = false;
    worker.start([&] {
        almostDone.set_value();
        go.get_future().wait();
    });
    almostDone.get_future().wait();
    worker.start([&] { second = true; });
    go.set_value();
    worker.drain();
    CHECK(second);
}

TEST_CASE("a worker that never had a job has nothing to wait for", "[base]") {
    base::ThreadWorker worker;
    worker.drain();
}

TEST_CASE("a worker takes no signals and leaves the caller's mask alone", "[base]") {
    const auto isBlocked = [](int signal) {
        sigset_t mask;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        return ::sigismember(&mask, signal) == 1;
    };
    bool hup = false;
    bool term = false;
    base::ThreadWorker worker;
    worker.start([&] {
        hup = isBlocked(SIGHUP);
        term = isBlocked(SIGTERM);
    });
    worker.drain();
    CHECK(hup);
    CHECK(term);
    CHECK_FALSE(isBlocked(SIGHUP));
    CHECK_FALSE(isBlocked(SIGTERM));
}
