// SPDX-License-Identifier: GPL-2.0-or-later
#include "queue.h"

#include <algorithm>

namespace cdr {

void Queue::put(Entry entry) {
    {
        const std::lock_guard lock(mutex_);
        if (entries_.size() >= most_) {
            ++lost_;
            return;
        }
        entries_.push_back(std::move(entry));
        if (isResting_ && !isHurried()) {
            return;
        }
    }
    wake_.notify_one();
}

void Queue::close() {
    {
        const std::lock_guard lock(mutex_);
        isClosed_ = true;
    }
    wake_.notify_one();
}

std::pair<std::size_t, std::string> Queue::takeNews() {
    const std::lock_guard lock(mutex_);
    return {std::exchange(lost_, 0), std::exchange(news_, {})};
}

std::vector<Entry> Queue::wait(std::chrono::milliseconds patience, std::size_t most) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, patience, [this] { return isClosed_ || !entries_.empty(); });
    const auto count = static_cast<std::ptrdiff_t>(std::min(entries_.size(), most));
    return {entries_.begin(), entries_.begin() + count};
}

void Queue::pop(std::size_t count) {
    const std::lock_guard lock(mutex_);
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Queue::pause(std::chrono::milliseconds duration) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, duration, [this] { return isClosed_; });
}

void Queue::rest(std::chrono::milliseconds duration) {
    std::unique_lock lock(mutex_);
    isResting_ = true;
    wake_.wait_for(lock, duration, [this] { return isClosed_ || isHurried(); });
    isResting_ = false;
}

bool Queue::isClosed() const {
    const std::lock_guard lock(mutex_);
    return isClosed_;
}

bool Queue::isOver() const {
    const std::lock_guard lock(mutex_);
    return isClosed_ && entries_.empty();
}

void Queue::say(std::string news) {
    const std::lock_guard lock(mutex_);
    news_ = std::move(news);
}

void Queue::giveUp() {
    const std::lock_guard lock(mutex_);
    lost_ += entries_.size();
    entries_.clear();
}

}  // namespace cdr
