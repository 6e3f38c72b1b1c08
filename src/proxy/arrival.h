// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "access/call_limits.h"
#include "plugin/chain.h"
#include "proxy/direction.h"
#include "proxy/loop_guard.h"
#include "sip/message.h"
#include "transaction/layer.h"

namespace siproxd::proxy {

/// A request between its arrival and its forwarding; what a plugin may suspend.
struct Arrival {
    transaction::ServerId server = transaction::ServerId::None;
    sip::Message request;
    plugin::Context context;
    std::vector<InsideTarget> targets;
    std::vector<plugin::Target> retargets;
    plugin::Stage stage = plugin::Stage::DetermineTarget;
    LoopGuard::Key loop{};
    std::size_t size = 0;  ///< bytes as it came
    std::string callId{};  ///< as in Forward
    std::string user{};    ///< authenticated; empty: nobody was asked
    access::CallLimits::Ticket ticket{};
};

/// The copy of a request in which a target of it stands as if it had been dialled.
struct Dialled {
    transaction::ServerId server = transaction::ServerId::None;  ///< of the Forward
    std::size_t branch = 0;                                      ///< that is to be replaced
    sip::Message request;
    plugin::Context context;
};

/// Requests that wait for a plugin.
class SuspendedArrivals {
public:
    void add(plugin::Token token, std::unique_ptr<Arrival> arrival) {
        tokens_[arrival->server] = token;
        arrivals_.emplace(token, std::move(arrival));
    }
    /// Null: it is not there.
    [[nodiscard]] std::unique_ptr<Arrival> take(plugin::Token token) {
        auto node = arrivals_.extract(token);
        if (node.empty()) {
            return nullptr;
        }
        tokens_.erase(node.mapped()->server);
        return std::move(node.mapped());
    }
    /// Nothing: the request does not wait.
    [[nodiscard]] std::optional<plugin::Token> tokenOf(transaction::ServerId id) const {
        const auto known = tokens_.find(id);
        return known == tokens_.end() ? std::nullopt : std::optional(known->second);
    }
    [[nodiscard]] std::size_t size() const { return arrivals_.size(); }

private:
    std::unordered_map<plugin::Token, std::unique_ptr<Arrival>> arrivals_;
    std::unordered_map<transaction::ServerId, plugin::Token> tokens_;  ///< of all of them
};

}  // namespace siproxd::proxy
