// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <utility>

#include "base/worker.h"
#include "support/catch.h"

namespace siproxd::test {

/// Runs jobs when the test says so.
struct HandWorker final : base::Worker {
    std::function<void()> job;
    int started = 0;
    void start(std::function<void()> next) override {
        REQUIRE_FALSE(job);
        job = std::move(next);
        ++started;
    }
    void drain() override {
        if (job) {
            std::exchange(job, nullptr)();
        }
    }
};

}  // namespace siproxd::test
