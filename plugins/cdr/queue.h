// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace cdr {

/// A record on its way.
struct Entry {
    std::int64_t ended = 0;  ///< seconds since 1970
    std::string line;
};

/// Records between the signalling thread, which never waits, and one that does. Bounded: what does not fit is lost, and
/// counted. With a place for what the other thread wants to be logged.
class Queue {
public:
    explicit Queue(std::size_t most) : most_(most) {}

    void put(Entry entry);
    /// No more will come.
    void close();
    /// What is to be logged since the last time: how many are lost, and what the reader has to say (empty: nothing).
    [[nodiscard]] std::pair<std::size_t, std::string> takeNews();

    // --- for the reader
    /// The oldest ones, `most` of them or fewer; they stay where they are. Empty: none has come within that time, or the
    /// queue is closed and empty.
    [[nodiscard]] std::vector<Entry> wait(std::chrono::milliseconds patience, std::size_t most);
    /// That many of them have been dealt with.
    void pop(std::size_t count);
    /// Waits that long, or until the queue is closed.
    void pause(std::chrono::milliseconds duration);
    /// Likewise, and what comes meanwhile wakes nobody, which costs more than writing it, until half of the room is taken.
    void rest(std::chrono::milliseconds duration);
    [[nodiscard]] bool isClosed() const;
    [[nodiscard]] bool isOver() const;
    /// Replaces what has been said before and not been taken.
    void say(std::string news);
    /// All that are left are lost.
    void giveUp();

private:
    [[nodiscard]] bool isHurried() const { return 2 * entries_.size() >= most_; }

    const std::size_t most_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Entry> entries_;
    std::size_t lost_ = 0;
    std::string news_;
    bool isClosed_ = false;
    bool isResting_ = false;
};

}  // namespace cdr
