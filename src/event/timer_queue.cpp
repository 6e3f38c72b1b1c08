// SPDX-License-Identifier: GPL-2.0-or-later
#include "event/timer_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace siproxd::event {

namespace {

constexpr std::size_t kNowhere = SIZE_MAX;
/// Children of a place in the heap: four are next to each other in memory.
constexpr std::size_t kChildren = 4;

/// The delay made longer by up to a 32nd, so that it ends at a round time: timers of about the same
/// length go off together, and thousands of them do not wake the process thousands of times.
base::Duration coalesced(base::Duration delay, base::TimePoint now) {
    const auto slack = static_cast<std::uint64_t>(std::max<std::int64_t>(0, delay.count() / 32));
    const auto grain = static_cast<std::int64_t>(std::bit_floor(slack));
    if (grain <= 1) {
        return delay;
    }
    const auto late = (now + delay).time_since_epoch().count() % grain;
    return late == 0 ? delay : delay + base::Duration(grain - late);
}

}  // namespace

class TimerQueue::Entry final : public Timer {
public:
    Entry(TimerQueue& queue, Loop::Callback callback)
        : queue_(queue), callback_(std::move(callback)) {}
    ~Entry() override {
        stop();
        if (queue_.firing_ == this) {
            queue_.firing_ = nullptr;
        }
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    void start(base::Duration delay) override {
        stop();
        const auto now = queue_.clock_.now();
        const auto wanted = std::max(delay, base::Duration::zero());
        queue_.insert(*this, now + coalesced(wanted, now));
    }
    void stop() override {
        if (pending()) {
            queue_.remove(*this);
        }
    }
    [[nodiscard]] bool pending() const override { return index_ != kNowhere; }

private:
    friend class TimerQueue;

    TimerQueue& queue_;
    std::size_t index_ = kNowhere;  // in the heap
    Loop::Callback callback_;
};

std::unique_ptr<Timer> TimerQueue::timer(Loop::Callback callback) {
    return std::make_unique<Entry>(*this, std::move(callback));
}

std::optional<base::Duration> TimerQueue::next() const {
    if (heap_.empty()) {
        return std::nullopt;
    }
    return std::max(heap_.front().due - clock_.now(), base::Duration::zero());
}

void TimerQueue::run() {
    const auto now = clock_.now();
    earliest_ = now + base::Duration(1);
    running_ = true;
    while (!heap_.empty() && heap_.front().due <= now) {
        Entry* entry = heap_.front().entry;
        remove(*entry);
        firing_ = entry;
        // Outside of the timer while it runs, for it may destroy the timer.
        auto callback = std::move(entry->callback_);
        callback();
        if (firing_ == entry) {
            entry->callback_ = std::move(callback);
            firing_ = nullptr;
        }
    }
    running_ = false;
}

void TimerQueue::insert(Entry& entry, base::TimePoint due) {
    heap_.emplace_back();
    siftUp(heap_.size() - 1, {std::max(due, earliest_), &entry});
    if (!running_ && heap_.front().entry == &entry) {
        wake_();
    }
}

void TimerQueue::remove(Entry& entry) {
    const auto index = std::exchange(entry.index_, kNowhere);
    const auto last = heap_.back();
    heap_.pop_back();
    if (last.entry == &entry) {
        return;
    }
    if (index > 0 && last.due < heap_[(index - 1) / kChildren].due) {
        siftUp(index, last);
    } else {
        siftDown(index, last);
    }
}

void TimerQueue::put(std::size_t index, const Place& place) {
    heap_[index] = place;
    place.entry->index_ = index;
}

void TimerQueue::siftUp(std::size_t index, const Place& place) {
    while (index > 0) {
        const auto parent = (index - 1) / kChildren;
        if (heap_[parent].due <= place.due) {
            break;
        }
        put(index, heap_[parent]);
        index = parent;
    }
    put(index, place);
}

void TimerQueue::siftDown(std::size_t index, const Place& place) {
    for (;;) {
        const auto first = index * kChildren + 1;
        if (first >= heap_.size()) {
            break;
        }
        const auto end = std::min(first + kChildren, heap_.size());
        auto least = first;
        for (auto child = first + 1; child < end; ++child) {
            if (heap_[child].due < heap_[least].due) {
                least = child;
            }
        }
        if (place.due <= heap_[least].due) {
            break;
        }
        put(index, heap_[least]);
        index = least;
    }
    put(index, place);
}

}  // namespace siproxd::event
