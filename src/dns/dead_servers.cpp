// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/dead_servers.h"

#include <algorithm>

namespace siproxd::dns {

void DeadServers::markDead(base::Protocol protocol, const base::SocketAddress& address,
                           std::optional<base::Duration> period) {
    const Server server{protocol, address};
    const auto now = clock_.now();
    auto wanted = limits_.first;
    if (const auto found = byServer_.find(server); found != byServer_.end()) {
        const Entry& last = *found->second;
        if (now < last.until) {
            wanted = last.period;
        } else if (now - last.until < limits_.longest) {
            wanted = std::max(limits_.first, 2 * last.period);
        }
        entries_.erase(found->second);
        byServer_.erase(found);
    }
    wanted = std::clamp(period.value_or(wanted), base::Duration::zero(), limits_.longest);
    entries_.push_front({server, wanted, now + wanted});
    byServer_.emplace(server, entries_.begin());
    if (entries_.size() > limits_.entries) {
        byServer_.erase(entries_.back().server);
        entries_.pop_back();
    }
}

void DeadServers::markAlive(base::Protocol protocol, const base::SocketAddress& address) {
    if (const auto found = byServer_.find({protocol, address}); found != byServer_.end()) {
        entries_.erase(found->second);
        byServer_.erase(found);
    }
}

bool DeadServers::isDead(base::Protocol protocol, const base::SocketAddress& address) const {
    const auto found = byServer_.find({protocol, address});
    return found != byServer_.end() && clock_.now() < found->second->until;
}

}  // namespace siproxd::dns
