// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <functional>
#include <mutex>

#include "registrar/store.h"

namespace siproxd::registrar {

/// One thread, started with the first job; it takes no signals. When the system gives no thread,
/// the job runs in the caller's.
class ThreadWorker final : public RegistrationStore::Worker {
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
    std::function<void()> job_;  ///< empty: none, or none any more
    bool quit_ = false;
    bool started_ = false;
    pthread_t thread_{};
};

}  // namespace siproxd::registrar
