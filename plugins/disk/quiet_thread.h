// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <signal.h>

#include <thread>
#include <utility>

namespace siproxd::disk {

/// A thread that gets no signals: those are siproxd's, and a write into a broken pipe shall not end it.
template <class Body>
[[nodiscard]] std::thread quietThread(Body body) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(std::move(body));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

}  // namespace siproxd::disk
