// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "event/loop.h"

namespace siproxd::test {

/// Runs a real loop until `done`, asked each millisecond; five seconds at most. What `done` has said
/// last.
[[nodiscard]] inline bool runUntil(event::Loop& loop, const std::function<bool()>& done) {
    const auto end = loop.now() + std::chrono::seconds(5);
    bool result = false;
    std::unique_ptr<event::Timer> poll = loop.timer([&] {
        result = done();
        if (result || loop.now() > end) {
            loop.stop();
        } else {
            poll->start(std::chrono::milliseconds(1));
        }
    });
    poll->start({});
    loop.run();
    return result;
}

}  // namespace siproxd::test
