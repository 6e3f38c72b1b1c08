// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "event/stream.h"

/// The event loop, its timers and watches. Only this directory names libevent; modules and their
/// tests see the interfaces here.
namespace siproxd::event {

/// A one-shot timer. Destroying it cancels it: the callback never runs after that. The callback may
/// restart or destroy the timer.
class Timer {
public:
    virtual ~Timer() = default;
    /// Calls back once, `delay` from now; a pending start is replaced. Delays below 0 mean 0. It may
    /// be up to a 32nd of the delay late.
    virtual void start(base::Duration delay) = 0;
    virtual void stop() = 0;
    [[nodiscard]] virtual bool pending() const = 0;
};

/// What a watched descriptor is ready for (bits).
enum Ready : std::uint8_t { kReadable = 1, kWritable = 2 };

/// A descriptor under watch (level-triggered). Destroying it ends the watch; it does not close the
/// descriptor, which must stay open as long.
class Watch {
public:
    virtual ~Watch() = default;
    /// Changes what is waited for (bits of Ready; 0 pauses).
    virtual void setInterest(std::uint8_t interest) = 0;
};

/// One thread's loop. All calls but post() and stop() are for that thread only.
class Loop : public base::Clock {
public:
    using Callback = std::function<void()>;
    using ReadyCallback = std::function<void(std::uint8_t ready)>;

    [[nodiscard]] virtual std::unique_ptr<Timer> timer(Callback callback) = 0;

    [[nodiscard]] virtual std::unique_ptr<Watch> watch(int fd, std::uint8_t interest,
                                                       ReadyCallback callback) = 0;

    /// A stream over a connected or connecting, non-blocking TCP socket. The handler must outlive it.
    [[nodiscard]] virtual std::unique_ptr<Stream> stream(base::UniqueFd fd,
                                                         Stream::Handler& handler,
                                                         const StreamOptions& options) = 0;

    /// Runs `callback` when the signal has come, in the loop (not in the handler's context).
    [[nodiscard]] virtual std::unique_ptr<Watch> onSignal(int signal, Callback callback) = 0;

    /// Runs `callback` in the loop's thread soon. May be called from any thread.
    virtual void post(Callback callback) = 0;

    /// Runs until stop(); may be called again then.
    virtual void run() = 0;
    virtual void stop() = 0;
};

/// A loop on libevent.
[[nodiscard]] base::Result<std::unique_ptr<Loop>> makeLoop();

}  // namespace siproxd::event
