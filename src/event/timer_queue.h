// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "event/loop.h"

namespace siproxd::event {

/// The timers of a loop, the next one first: a heap of its own, because there are as many as there
/// are transactions and each should take neither much memory nor much time. Must outlive its timers.
class TimerQueue {
public:
    /// `wake` is called when next() has come nearer, but not from inside run().
    TimerQueue(const base::Clock& clock, std::function<void()> wake)
        : clock_(clock), wake_(std::move(wake)) {}
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;

    /// See Loop::timer().
    [[nodiscard]] std::unique_ptr<Timer> timer(Loop::Callback callback);

    /// How long until the next timer is due, not below 0; nothing: none is pending.
    [[nodiscard]] std::optional<base::Duration> next() const;

    /// Calls back what is due. What is started meanwhile waits for the next time, so that timers
    /// without a delay leave room for everything else.
    void run();

    [[nodiscard]] std::size_t pendingCount() const { return heap_.size(); }

private:
    class Entry;
    struct Place {
        base::TimePoint due;
        Entry* entry;
    };

    void insert(Entry& entry, base::TimePoint due);
    void remove(Entry& entry);
    void put(std::size_t index, const Place& place);
    /// Moves `place`, for which there is room at `index`, to where it belongs.
    void siftUp(std::size_t index, const Place& place);
    void siftDown(std::size_t index, const Place& place);

    const base::Clock& clock_;
    std::function<void()> wake_;
    std::vector<Place> heap_;
    bool running_ = false;
    Entry* firing_ = nullptr;  ///< whose callback runs; null when it has been destroyed since
    base::TimePoint earliest_{};  ///< for what is started now
};

}  // namespace siproxd::event
