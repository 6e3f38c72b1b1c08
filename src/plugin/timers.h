// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "event/loop.h"

namespace siproxd::plugin {

/// The timers of one plugin, by numbers that are never used again.
class Timers {
public:
    explicit Timers(event::Loop& loop) : loop_(loop) {}

    /// Calls `due` once. Never 0.
    [[nodiscard]] std::uint64_t start(base::Duration delay, std::function<void()> due);
    void cancel(std::uint64_t id) { running_.erase(id); }
    void clear() { running_.clear(); }
    [[nodiscard]] std::size_t count() const { return running_.size(); }

private:
    event::Loop& loop_;
    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, std::unique_ptr<event::Timer>> running_;
};

}  // namespace siproxd::plugin
