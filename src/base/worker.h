// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace siproxd::base {

/// Does what may block, such as disk and other programs, for a thread that must not.
class Worker {
public:
    virtual ~Worker() = default;
    /// Runs `job` once, not in the caller's thread, after those that were started before.
    virtual void start(std::function<void()> job) = 0;
    /// Returns when no job runs any more.
    virtual void drain() = 0;
};

/// One thread, started with the first job; it takes no signals. When the system gives no thread,
/// the job runs in the caller's.
class ThreadWorker final : public Worker {
public:
    ThreadWorker() = default;
    /// Waits for a running job.
    ~ThreadWorker() override;

    void start(std::function<void()> job) override;
    void drain() override;

private:
    static void* entry(void* self);
    void run();
    [[nodiscard]] bool startThread();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;  ///< the first one runs
    bool quit_ = false;
    bool started_ = false;
    pthread_t thread_{};
};

}  // namespace siproxd::base
