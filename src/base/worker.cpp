// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/worker.h"

#include <csignal>
#include <utility>

namespace siproxd::base {

ThreadWorker::~ThreadWorker() {
    if (!started_) {
        return;
    }
    drain();
    {
        const std::lock_guard lock(mutex_);
        quit_ = true;
    }
    changed_.notify_all();
    ::pthread_join(thread_, nullptr);
}

void ThreadWorker::start(std::function<void()> job) {
    if (!started_ && !startThread()) {
        job();
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    changed_.notify_all();
}

void ThreadWorker::drain() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return jobs_.empty(); });
}

bool ThreadWorker::startThread() {
    // Signals are for the signalling thread; a thread inherits the mask of its maker.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    started_ = ::pthread_create(&thread_, nullptr, &ThreadWorker::entry, this) == 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started_;
}

void* ThreadWorker::entry(void* self) {
    static_cast<ThreadWorker*>(self)->run();
    return nullptr;
}

void ThreadWorker::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return quit_ || !jobs_.empty(); });
        if (jobs_.empty()) {
            return;
        }
        // In its place until it has returned: drain() waits for that.
        const auto& job = jobs_.front();
        lock.unlock();
        job();
        lock.lock();
        jobs_.pop_front();
        changed_.notify_all();
    }
}

}  // namespace siproxd::base
