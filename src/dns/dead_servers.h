// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <list>
#include <map>
#include <optional>

#include "base/address.h"
#include "base/clock.h"
#include "base/flow.h"

namespace siproxd::dns {

/// SIP servers that did not answer or said 503 (RFC 3263 §4.3): they are tried last for a while,
/// longer each time that they fail again. A bounded table; the oldest entry goes first.
class DeadServers {
public:
    struct Limits {
        base::Duration first = std::chrono::seconds(60);
        base::Duration longest = std::chrono::minutes(10);
        std::size_t entries = 1024;
    };

    /// The clock must outlive the table.
    explicit DeadServers(const base::Clock& clock) : DeadServers(clock, Limits{}) {}
    DeadServers(const base::Clock& clock, const Limits& limits) : clock_(clock), limits_(limits) {}

    /// The server has failed. It is dead for `period` (a Retry-After, cut at Limits::longest), else
    /// for Limits::first, and for twice the last time when it fails again after that time was over.
    /// Failures while it is dead (other calls that were on their way) make it no worse.
    void markDead(base::Protocol protocol, const base::SocketAddress& address,
                  std::optional<base::Duration> period = std::nullopt);

    /// The server has answered: all is forgotten.
    void markAlive(base::Protocol protocol, const base::SocketAddress& address);

    /// Our own network was dead, perhaps, and has changed: all is forgotten.
    void clear() {
        byServer_.clear();
        entries_.clear();
    }

    [[nodiscard]] bool isDead(base::Protocol protocol, const base::SocketAddress& address) const;

    /// Servers that are remembered, those included that may be tried again.
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
    struct Server {
        base::Protocol protocol;
        base::SocketAddress address;
        friend auto operator<=>(const Server&, const Server&) = default;
    };
    struct Entry {
        Server server;
        base::Duration period;
        base::TimePoint until;
    };
    using Entries = std::list<Entry>;

    const base::Clock& clock_;
    Limits limits_;
    Entries entries_;  ///< the last one that failed in front
    std::map<Server, Entries::iterator> byServer_;
};

}  // namespace siproxd::dns
