// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "base/clock.h"
#include "base/flow.h"
#include "event/loop.h"
#include "plugin/services.h"

namespace siproxd::proxy {

/// Datagrams that are no SIP and that plugins wait for, by the address that they have to come from.
class DatagramWaits {
public:
    explicit DatagramWaits(event::Loop& loop) : loop_(loop) {}

    /// Its number; 0: too many wait already.
    [[nodiscard]] std::uint64_t wait(const base::SocketAddress& from, base::Duration patience,
                                     plugin::DatagramCallback done);
    /// Also from within `done`, of that one and of others.
    void forget(std::uint64_t id) {
        waits_.erase(id);
        asked_.erase(id);
    }
    /// Whether somebody has waited for it.
    [[nodiscard]] bool take(const base::Flow& flow, std::string_view bytes) {
        return !waits_.empty() && flow.protocol == base::Protocol::Udp && find(flow.remote, bytes);
    }
    [[nodiscard]] std::size_t size() const { return waits_.size(); }

private:
    struct Wait {
        base::SocketAddress from;
        plugin::DatagramCallback done;
        std::unique_ptr<event::Timer> timer;
    };

    bool find(const base::SocketAddress& from, std::string_view bytes);

    event::Loop& loop_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Wait> waits_;  ///< by age
    std::set<std::uint64_t> asked_;        ///< whose `done` is running
};

}  // namespace siproxd::proxy
