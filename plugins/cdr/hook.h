// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "child.h"
#include "queue.h"

namespace cdr {

/// How patient a hook is treated.
struct HookTimes {
    std::chrono::milliseconds firstPause{1000};   ///< before it is started again; doubles each time
    std::chrono::milliseconds longestPause{60'000};
    std::chrono::milliseconds healthy{60'000};    ///< who has run that long starts with the first pause again
    std::chrono::milliseconds look{1000};         ///< from one look whether it lives to the next
    std::chrono::milliseconds ending{2000};       ///< for what is left to be read when siproxd ends
};

/// Gives records to a program on its standard input, and starts it again when it dies. All that may take time is done
/// in a thread of its own.
class Hook {
public:
    /// `header` is the first that each new program gets.
    Hook(std::vector<std::string> words, std::string header, std::size_t most, HookTimes times = {});
    /// The program is gone when this returns.
    ~Hook() { end(); }
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;

    void put(Entry entry) { queue_.put(std::move(entry)); }
    /// As Queue::takeNews().
    [[nodiscard]] std::pair<std::size_t, std::string> takeNews() { return queue_.takeNews(); }
    /// Returns when thread and program are gone.
    void end();

private:
    using Clock = std::chrono::steady_clock;

    void run();
    [[nodiscard]] bool isRunning();
    void send();
    void hasDied(const std::string& how);
    [[nodiscard]] bool isLate();

    const std::vector<std::string> words_;
    const std::string header_;
    const HookTimes times_;
    Queue queue_;

    // Of the thread:
    Child child_;
    std::chrono::milliseconds pause_;
    Clock::time_point started_{};
    Clock::time_point nextStart_{};
    Clock::time_point deadline_{};  ///< of what is left, when siproxd ends
    std::string unsent_;            ///< the rest of the header, or of the oldest record
    bool isHeader_ = false;

    std::thread thread_;  // last: it works with all of them
};

}  // namespace cdr
