// SPDX-License-Identifier: GPL-2.0-or-later
#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "event/libevent_stream.h"
#include "event/loop.h"
#include "event/timer_queue.h"

namespace siproxd::event {

namespace {

struct BaseDeleter {
    void operator()(event_base* base) const { ::event_base_free(base); }
};
struct EventDeleter {
    void operator()(::event* ev) const { ::event_free(ev); }
};
using EventPtr = std::unique_ptr<::event, EventDeleter>;

timeval toTimeval(base::Duration delay) {
    using namespace std::chrono;
    const auto micros = std::max<std::int64_t>(0, ceil<microseconds>(delay).count());
    timeval tv{};
    tv.tv_sec = static_cast<time_t>(micros / 1'000'000);
    tv.tv_usec = static_cast<suseconds_t>(micros % 1'000'000);
    return tv;
}

class FdWatch final : public Watch {
public:
    FdWatch(event_base* base, int fd, std::uint8_t interest, Loop::ReadyCallback callback)
        : base_(base), fd_(fd),
          callback_(std::make_shared<Loop::ReadyCallback>(std::move(callback))) {
        setInterest(interest);
    }

    void setInterest(std::uint8_t interest) override {
        if (interest == interest_) {
            return;
        }
        interest_ = interest;
        event_.reset();
        if (interest != 0) {
            const int flags = EV_PERSIST | ((interest & kReadable) != 0 ? EV_READ : 0) |
                              ((interest & kWritable) != 0 ? EV_WRITE : 0);
            event_.reset(
                ::event_new(base_, fd_, static_cast<short>(flags), &FdWatch::fired, this));
            ::event_add(event_.get(), nullptr);
        }
    }

private:
    static void fired(evutil_socket_t, short what, void* self) {
        const auto callback = static_cast<FdWatch*>(self)->callback_;
        (*callback)(static_cast<std::uint8_t>(((what & EV_READ) != 0 ? kReadable : 0) |
                                              ((what & EV_WRITE) != 0 ? kWritable : 0)));
    }

    event_base* base_;
    int fd_;
    std::uint8_t interest_ = 0;
    // Shared, because the callback may destroy this watch while it runs.
    std::shared_ptr<Loop::ReadyCallback> callback_;
    EventPtr event_;
};

class SignalWatch final : public Watch {
public:
    SignalWatch(event_base* base, int signal, Loop::Callback callback)
        : callback_(std::move(callback)),
          event_(::evsignal_new(base, signal, &SignalWatch::fired, this)) {
        ::evsignal_add(event_.get(), nullptr);
    }
    void setInterest(std::uint8_t interest) override {
        if (interest != 0) {
            ::evsignal_add(event_.get(), nullptr);
        } else {
            ::evsignal_del(event_.get());
        }
    }

private:
    static void fired(evutil_socket_t, short, void* self) {
        static_cast<SignalWatch*>(self)->callback_();
    }

    Loop::Callback callback_;
    EventPtr event_;
};

class LibeventLoop final : public Loop {
public:
    LibeventLoop(std::unique_ptr<event_base, BaseDeleter> base, base::UniqueFd wake)
        : base_(std::move(base)), wake_(std::move(wake)),
          timers_(clock_, [this] { setAlarm(); }),
          alarm_(::evtimer_new(base_.get(), &LibeventLoop::onAlarm, this)) {
        wakeWatch_ = watch(wake_.get(), kReadable, [this](std::uint8_t) { runPosted(); });
    }

    [[nodiscard]] base::TimePoint now() const override { return clock_.now(); }
    [[nodiscard]] base::WallSeconds wallNow() const override { return clock_.wallNow(); }

    [[nodiscard]] std::unique_ptr<Timer> timer(Callback callback) override {
        return timers_.timer(std::move(callback));
    }
    [[nodiscard]] std::unique_ptr<Watch> watch(int fd, std::uint8_t interest,
                                               ReadyCallback callback) override {
        return std::make_unique<FdWatch>(base_.get(), fd, interest, std::move(callback));
    }
    [[nodiscard]] std::unique_ptr<Stream> stream(base::UniqueFd fd, Stream::Handler& handler,
                                                 const StreamOptions& options) override {
        return makeLibeventStream(base_.get(), std::move(fd), handler, options);
    }
    [[nodiscard]] std::unique_ptr<Watch> onSignal(int signal, Callback callback) override {
        return std::make_unique<SignalWatch>(base_.get(), signal, std::move(callback));
    }

    void post(Callback callback) override {
        {
            const std::lock_guard lock(mutex_);
            posted_.push_back(std::move(callback));
        }
        wakeUp();
    }

    void run() override {
        while (!stopped_.exchange(false, std::memory_order_acq_rel)) {
            ::event_base_loop(base_.get(), EVLOOP_ONCE);
        }
    }

    void stop() override {
        stopped_.store(true, std::memory_order_release);
        wakeUp();
    }

private:
    static void onAlarm(evutil_socket_t, short, void* self) {
        auto& loop = *static_cast<LibeventLoop*>(self);
        loop.timers_.run();
        loop.setAlarm();
    }

    /// One event of libevent for all timers; it may go off for nothing when a timer was stopped.
    void setAlarm() {
        if (const auto delay = timers_.next()) {
            const timeval tv = toTimeval(*delay);
            ::evtimer_add(alarm_.get(), &tv);
        }
    }

    void wakeUp() {
        const std::uint64_t one = 1;
        // A full counter means that the loop has been woken already.
        [[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof one);
    }

    void runPosted() {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto n = ::read(wake_.get(), &count, sizeof count);
        std::vector<Callback> callbacks;
        {
            const std::lock_guard lock(mutex_);
            callbacks.swap(posted_);
        }
        for (auto& callback : callbacks) {
            callback();
        }
    }

    base::SystemClock clock_;
    std::unique_ptr<event_base, BaseDeleter> base_;
    base::UniqueFd wake_;
    TimerQueue timers_;
    EventPtr alarm_;
    std::unique_ptr<Watch> wakeWatch_;
    std::mutex mutex_;
    std::vector<Callback> posted_;
    std::atomic<bool> stopped_{false};
};

}  // namespace

base::Result<std::unique_ptr<Loop>> makeLoop() {
    struct ConfigDeleter {
        void operator()(event_config* config) const { ::event_config_free(config); }
    };
    const std::unique_ptr<event_config, ConfigDeleter> config(::event_config_new());
    ::event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK);
    // The alarm is set by our clock: an older idea of the present would wake us too early.
    ::event_config_set_flag(config.get(), EVENT_BASE_FLAG_NO_CACHE_TIME);
    std::unique_ptr<event_base, BaseDeleter> base(::event_base_new_with_config(config.get()));
    base::UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!base || !wake) {
        return base::fail("cannot create an event loop");
    }
    return std::make_unique<LibeventLoop>(std::move(base), std::move(wake));
}

}  // namespace siproxd::event
