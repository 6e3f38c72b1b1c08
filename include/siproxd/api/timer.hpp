// SPDX-License-Identifier: GPL-2.0-or-later
/// A moment to wait for. See plugin.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "host.hpp"

namespace siproxd::api {

/// Calls a function once, after a while; not when it is destroyed before. It must not outlive the
/// plugin, and may be started anew, also by what it calls.
class Timer {
public:
    Timer(const Host& host, std::function<void()> due) : host_(host), due_(std::move(due)) {}
    ~Timer() { stop(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void start(std::uint32_t milliseconds) {
        stop();
        id_ = host_.table()->timer_start(
            host_.self(), milliseconds,
            [](void* context) {
                auto* timer = static_cast<Timer*>(context);
                timer->id_ = 0;
                const Host host = timer->host_;
                try {
                    timer->due_();
                } catch (...) {
                    detail::report(host);
                }
            },
            this);
    }
    void stop() {
        if (const auto id = std::exchange(id_, 0); id != 0) {
            host_.table()->timer_cancel(host_.self(), id);
        }
    }
    [[nodiscard]] bool isRunning() const { return id_ != 0; }

private:
    Host host_;
    std::function<void()> due_;
    std::uint64_t id_ = 0;
};

}  // namespace siproxd::api
