// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/timers.h"

#include <utility>

namespace siproxd::plugin {

std::uint64_t Timers::start(base::Duration delay, std::function<void()> due) {
    const auto id = ++last_;
    auto timer = loop_.timer([this, id, due = std::move(due)] {
        // The plugin may start and cancel others from in there.
        const auto running = running_.extract(id);
        due();
    });
    timer->start(delay);
    running_.emplace(id, std::move(timer));
    return id;
}

}  // namespace siproxd::plugin
