// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/media_thread.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <functional>
#include <utility>

#include "base/log.h"

namespace siproxd::media {

namespace {

constexpr int kEventsAtOnce = 128;

/// Commands that may wait for a packet.
constexpr std::size_t kMostUnseen = 64;

base::Error systemError(const std::string& what, int number) {
    return {what + ": " + std::strerror(number)};
}

/// Signals are the signalling thread's business: new threads inherit this mask.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

class ThreadAttributes {
public:
    ThreadAttributes() { ::pthread_attr_init(&attributes_); }
    ThreadAttributes(const ThreadAttributes&) = delete;
    ThreadAttributes& operator=(const ThreadAttributes&) = delete;
    ~ThreadAttributes() { ::pthread_attr_destroy(&attributes_); }

    [[nodiscard]] int setStack(std::size_t bytes) {
        const auto least = static_cast<std::size_t>(PTHREAD_STACK_MIN);
        return ::pthread_attr_setstacksize(&attributes_, std::max(bytes, least));
    }
    [[nodiscard]] const pthread_attr_t* get() const { return &attributes_; }

private:
    pthread_attr_t attributes_{};
};

}  // namespace

MediaThread::MediaThread(base::UniqueFd epoll, base::UniqueFd wake, KernelFlows* flows)
    : epoll_(std::move(epoll)), wake_(std::move(wake)), flows_(flows) {}

base::Result<std::unique_ptr<MediaThread>> MediaThread::start(unsigned stackKb,
                                                              KernelFlows* flows) {
    base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    base::UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll || !wake) {
        return std::unexpected(systemError("cannot create a media thread's event queue", errno));
    }
    std::unique_ptr<MediaThread> self(new MediaThread(std::move(epoll), std::move(wake), flows));
    if (auto watched = self->watch(self->wake_.get(), nullptr); !watched) {
        return std::unexpected(std::move(watched.error()));
    }
    ThreadAttributes attributes;
    if (stackKb != 0) {
        if (const int number = attributes.setStack(std::size_t{stackKb} * 1024); number != 0) {
            return std::unexpected(systemError("thread_stack_size cannot be set", number));
        }
    }
    const SignalsBlocked blocked;
    const auto body = [](void* thread) -> void* {
        static_cast<MediaThread*>(thread)->run();
        return nullptr;
    };
    const int number = ::pthread_create(&self->thread_, attributes.get(), body, self.get());
    if (number != 0) {
        return std::unexpected(systemError("cannot start a media thread", number));
    }
    self->started_ = true;
    ::pthread_setname_np(self->thread_, "siproxd-media");
    // Ahead of ordinary programs, so that a busy router does not delay voices; the lowest of the
    // real-time priorities is enough for that.
    sched_param priority{};
    priority.sched_priority = ::sched_get_priority_min(SCHED_RR);
    if (const int refused = ::pthread_setschedparam(self->thread_, SCHED_RR, &priority);
        refused != 0) {
        log::debug(log::Class::Rtp, "media thread has no real-time priority: {}",
                   std::strerror(refused));
    }
    return self;
}

MediaThread::~MediaThread() {
    if (started_) {
        post(Stop{});
        ::pthread_join(thread_, nullptr);
    }
    if (flows_ != nullptr) {
        flows_->drain();  // answers come to this object
    }
}

base::Result<void> MediaThread::watch(int fd, void* context) {
    epoll_event event{};
    // Level-triggered: one datagram is read for each wake-up of a socket, and what is left makes it
    // ready again, behind the others. So nobody's flood delays the rest, and in the usual case, one
    // datagram, no call is wasted on finding the socket empty.
    event.events = EPOLLIN;
    event.data.ptr = context;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return std::unexpected(systemError("cannot watch a media socket", errno));
    }
    return {};
}

base::Result<void> MediaThread::watch(StreamPorts& ports) {
    for (auto& endpoint : ports.endpoints) {
        if (auto watched = watch(endpoint.fd, &endpoint); !watched) {
            return watched;
        }
    }
    return {};
}

void MediaThread::open(Stream& stream) {
    ++streams_;
    post(Open{&stream}, &stream);
}

void MediaThread::announce(Stream& stream, Leg leg, const Announced& announced) {
    stream.haltKernel();
    post(Announce{&stream, leg, announced}, &stream);
}

void MediaThread::expectChecks(Stream& stream, Leg leg, const IceCredentials& ours) {
    post(ExpectChecks{&stream, leg, ours}, &stream);
}

void MediaThread::close(std::unique_ptr<Stream> stream) {
    --streams_;
    ++closing_;
    stream->haltKernel();
    const Stream* served = stream.get();  // nobody but this thread destroys it
    post(Close{std::move(stream)}, served);
}

std::vector<std::unique_ptr<Stream>> MediaThread::takeClosed() {
    std::vector<std::unique_ptr<Stream>> closed;
    if (closing_ > 0) {
        const std::lock_guard lock(mutex_);
        closed.swap(closed_);
        closing_ -= closed.size();
    }
    return closed;
}

void MediaThread::discard(std::unique_ptr<StreamPorts> ports) {
    ++closing_;
    post(Discard{std::move(ports)});
}

std::vector<PerLeg<std::uint16_t>> MediaThread::takeDiscarded() {
    std::vector<PerLeg<std::uint16_t>> discarded;
    if (closing_ > 0) {
        const std::lock_guard lock(mutex_);
        discarded.swap(discarded_);
        closing_ -= discarded.size();
    }
    return discarded;
}

void MediaThread::routesChanged() {
    post(RoutesChanged{});
}

std::uint64_t MediaThread::findRoute(Stream& stream, Leg leg, const kernel::Flow& flow) {
    const auto question = ++lastQuestion_;
    questions_.emplace(question, Question{&stream, leg, flow});
    flows_->findRoute(flow.newSource.ip, flow.destination.ip,
                      [this, question](std::optional<net::Route> route) {
                          post(Routed{question, route});
                      });
    return question;
}

void MediaThread::schedule(Stream& stream, Leg leg, base::TimePoint due) {
    turns_.push_back({due, stream.number(), leg});
    std::ranges::push_heap(turns_, std::greater{}, &Turn::due);
}

int MediaThread::patience() const {
    if (turns_.empty()) {
        return -1;
    }
    using Milliseconds = std::chrono::milliseconds;
    const auto left = turns_.front().due - std::chrono::steady_clock::now();
    return static_cast<int>(
        std::max(std::chrono::ceil<Milliseconds>(left), Milliseconds::zero()).count());
}

void MediaThread::playOut() {
    const auto now = std::chrono::steady_clock::now();
    while (!turns_.empty() && turns_.front().due <= now) {
        const auto turn = turns_.front();
        std::ranges::pop_heap(turns_, std::greater{}, &Turn::due);
        turns_.pop_back();
        if (const auto found = playing_.find(turn.stream); found != playing_.end()) {
            found->second->playOut(turn.leg, now, *this);
        }
    }
}

void MediaThread::drain() {
    std::binary_semaphore done(0);
    post(Drain{&done});
    done.acquire();
}

void MediaThread::post(Command command, const Stream* served) {
    bool wakes = false;
    {
        const std::lock_guard lock(mutex_);
        posted_.push_back(std::move(command));
        pending_.store(true, std::memory_order_release);
        // What matters to the packets of a stream only can wait for one: each of them looks for it.
        // Without any it must not pile up; and what the kernel forwards does not come here. A flow on
        // its way there waits for a command that is behind this one.
        const bool waits =
            served != nullptr && !served->mayBeInKernel() && posted_.size() < kMostUnseen;
        wakes = !woken_ && !waits;
        woken_ = woken_ || wakes;
    }
    if (wakes) {
        wake();
    }
}

void MediaThread::hurry() {
    {
        const std::lock_guard lock(mutex_);
        if (woken_ || posted_.empty()) {
            return;
        }
        woken_ = true;
    }
    wake();
}

void MediaThread::wake() {
    const std::uint64_t one = 1;
    // Cannot fail: the counter would have to be full.
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void MediaThread::run() {
    std::array<epoll_event, kEventsAtOnce> events;
    while (!stopping_) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsAtOnce, patience());
        // One look at the clock for all: what has waited together counts as come together.
        const auto now = std::chrono::steady_clock::now();
        const auto ready = std::span(events).first(static_cast<std::size_t>(std::max(count, 0)));
        if (std::ranges::any_of(ready, [](const auto& event) { return event.data.ptr == nullptr; })) {
            // Before the commands are taken, or one that comes meanwhile would not wake us.
            std::uint64_t wakes = 0;
            [[maybe_unused]] const auto got = ::read(wake_.get(), &wakes, sizeof wakes);
        }
        const bool commanded = pending_.load(std::memory_order_acquire);
        if (commanded) {
            takeCommands();
            for (auto& command : commands_) {
                std::visit([this, now](auto& one) { executeBefore(one, now); }, command);
            }
        }
        for (const auto& event : ready) {
            if (event.data.ptr != nullptr) {
                receive(*static_cast<Stream::Endpoint*>(event.data.ptr), now);
            }
        }
        if (!turns_.empty()) {
            playOut();
        }
        if (commanded) {
            for (auto& command : commands_) {
                std::visit([this, now](auto& one) { executeAfter(one, now); }, command);
            }
            commands_.clear();
        }
    }
}

void MediaThread::receive(const Stream::Endpoint& endpoint, base::TimePoint now) {
    if (auto* stream = endpoint.ports->stream) {
        stream->receive(endpoint, buffer_, now, *this);
    } else {
        // For a stream that has ended. It must not wait for the next one.
        [[maybe_unused]] const auto dropped =
            ::recv(endpoint.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    }
}

void MediaThread::takeCommands() {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    pending_.store(false, std::memory_order_release);
    commands_.swap(posted_);
}

void MediaThread::executeBefore(Open& command, base::TimePoint) {
    command.stream->ports().stream = command.stream;
    if (command.stream->holdsBack()) {
        command.stream->setNumber(++lastPlaying_);
        playing_.emplace(lastPlaying_, command.stream);
    }
}

void MediaThread::executeBefore(Announce& command, base::TimePoint now) {
    command.stream->announce(command.leg, command.announced, now);
}

void MediaThread::executeBefore(ExpectChecks& command, base::TimePoint) {
    command.stream->expectChecks(command.leg, command.ours);
}

void MediaThread::executeBefore(Close& command, base::TimePoint now) {
    std::erase_if(questions_, [&command](const auto& entry) {
        return entry.second.stream == command.stream.get();
    });
    inKernel_.erase(command.stream.get());
    playing_.erase(command.stream->number());
    command.stream->close(now);
    command.stream->ports().stream = nullptr;
}

void MediaThread::executeAfter(Close& command, base::TimePoint) {
    const std::lock_guard lock(mutex_);
    closed_.push_back(std::move(command.stream));
}

void MediaThread::executeAfter(Discard& command, base::TimePoint) {
    const auto numbers = command.ports->numbers();
    command.ports.reset();
    const std::lock_guard lock(mutex_);
    discarded_.push_back(numbers);
}

void MediaThread::executeAfter(Routed& command, base::TimePoint now) {
    const auto found = questions_.find(command.question);
    if (found == questions_.end()) {
        return;  // the stream is gone
    }
    const auto question = found->second;
    questions_.erase(found);
    inKernel_.insert(question.stream);
    question.stream->routeFound(question.leg, command.question, question.flow, command.route, now);
}

void MediaThread::executeAfter(RoutesChanged&, base::TimePoint now) {
    for (auto* stream : inKernel_) {
        stream->routesChanged(now);
    }
    inKernel_.clear();
}

void MediaThread::executeAfter(Drain& command, base::TimePoint) {
    command.done->release();
}

void MediaThread::executeAfter(Stop&, base::TimePoint) {
    stopping_ = true;
}

}  // namespace siproxd::media
