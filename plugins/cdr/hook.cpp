// SPDX-License-Identifier: GPL-2.0-or-later
#include "hook.h"

#include <algorithm>

#include "../disk/quiet_thread.h"

namespace cdr {

using std::chrono::milliseconds;

Hook::Hook(std::vector<std::string> words, std::string header, std::size_t most, HookTimes times)
    : words_(std::move(words)), header_(std::move(header)), times_(times), queue_(most), pause_(times.firstPause),
      thread_(siproxd::disk::quietThread([this] { run(); })) {}

void Hook::end() {
    queue_.close();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Hook::run() {
    while (!queue_.isOver()) {
        if (!isRunning()) {
            if (queue_.isClosed()) {
                break;
            }
            const auto left = std::chrono::ceil<milliseconds>(nextStart_ - Clock::now());
            queue_.pause(std::clamp(left, milliseconds(1), std::max(times_.look, milliseconds(1))));
        } else if (!unsent_.empty()) {
            send();
        } else if (const auto next = queue_.wait(times_.look, 1); !next.empty()) {
            unsent_ = next.front().line;
            isHeader_ = false;
        }
        if (isLate()) {
            break;
        }
    }
    queue_.giveUp();
    child_.end(times_.ending);
}

/// Starts it when it is time to.
bool Hook::isRunning() {
    if (child_.isThere()) {
        if (const auto how = child_.reap(); !how.empty()) {
            hasDied(how);
        }
    } else if (Clock::now() >= nextStart_) {
        started_ = Clock::now();
        unsent_ = header_;
        isHeader_ = true;
        if (const auto problem = child_.start(words_); !problem.empty()) {
            hasDied("cannot be started: " + problem);
        }
    }
    return child_.isThere();
}

void Hook::send() {
    bool isReading = true;
    const auto count = child_.write(unsent_, times_.look, isReading);
    if (!isReading) {
        const auto how = child_.reap();
        child_.end(milliseconds(0));
        hasDied(how.empty() ? "does not read any more" : how);
        return;
    }
    unsent_.erase(0, count);
    if (unsent_.empty() && !isHeader_) {
        queue_.pop(1);
    }
}

/// The record that it had not read yet is for the next one, from its beginning.
void Hook::hasDied(const std::string& how) {
    const auto now = Clock::now();
    if (now - started_ >= times_.healthy) {
        pause_ = times_.firstPause;
    }
    nextStart_ = now + pause_;
    queue_.say("hook " + words_.front() + " " + how + ", next start in " +
               std::to_string(std::chrono::ceil<std::chrono::seconds>(pause_).count()) + " s");
    pause_ = std::min(2 * pause_, times_.longestPause);
}

/// Whether it has not read what was left when siproxd ended.
bool Hook::isLate() {
    if (!queue_.isClosed()) {
        return false;
    }
    if (deadline_ == Clock::time_point{}) {
        deadline_ = Clock::now() + times_.ending;
    }
    return Clock::now() >= deadline_;
}

}  // namespace cdr
