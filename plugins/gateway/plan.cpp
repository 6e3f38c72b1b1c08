// SPDX-License-Identifier: GPL-2.0-or-later
#include "plan.h"

#include <algorithm>
#include <tuple>

namespace gateway {

namespace {

/// `+`, digits, and what else a keypad has: what all numbers go by when a gateway has no prefix.
bool isNumber(std::string_view user) {
    return !user.empty() &&
           user.find_first_not_of("0123456789*#", user.starts_with('+') ? 1 : 0) == std::string_view::npos;
}

/// Applies the routes, from the top again after each change. The gateway that they lead to; null: none.
const Settings* applyRoutes(const Configuration& configuration, Plan& plan) {
    for (std::size_t changes = 0;;) {
        const Settings* gateway = nullptr;
        bool isChanged = false;
        for (const auto& route : configuration.routes) {
            auto next = route.apply(plan.address);
            if (!next || *next == plan.address) {
                continue;
            }
            plan.steps.push_back(route.text() + ": " + plan.address.toString() + " becomes " + next->toString());
            plan.address = std::move(*next);
            plan.isChanged = isChanged = true;
            gateway = configuration.byTitle(plan.address.domain);
            break;
        }
        if (gateway != nullptr || !isChanged) {
            return gateway;
        }
        if (++changes == configuration.routeLimit) {
            plan.steps.push_back("after " + std::to_string(changes) + " changes it stays like that: the routes go round");
            return nullptr;
        }
    }
}

/// Whether the gateway takes the call; what speaks against it is noted.
bool takes(const Settings& gateway, const Caller& caller, const Load& load, Plan& plan) {
    const auto skip = [&](const std::string& why) {
        plan.steps.push_back("gateway " + gateway.title + " is skipped: " + why);
        return false;
    };
    if (!gateway.active) {
        return skip("it is not active");
    }
    if (!gateway.allows(caller.user, caller.domain)) {
        plan.isForbidden = true;
        return skip(caller.user + "@" + caller.domain + " may not use it");
    }
    if (gateway.maxCalls != 0 && load.calls >= gateway.maxCalls) {
        plan.isFull = true;
        return skip("all of its " + std::to_string(gateway.maxCalls) + " lines are in use");
    }
    return true;
}

}  // namespace

Plan planFor(const Configuration& configuration, const Address& dialled, const Caller& caller,
             const std::function<Load(const Settings&)>& loadOf) {
    Plan plan;
    plan.address = dialled;
    if (const auto* chosen = applyRoutes(configuration, plan)) {
        if (takes(*chosen, caller, loadOf(*chosen), plan)) {
            plan.ways.push_back({chosen, plan.address.user, std::string::npos});
        }
        return plan;
    }
    struct Candidate {
        Way way;
        Load load;
    };
    std::vector<Candidate> candidates;
    for (const auto& gateway : configuration.gateways) {
        const auto prefix = gateway.rule ? gateway.rule->fit(plan.address.user) : std::nullopt;
        if (!prefix || (*prefix == 0 && !isNumber(plan.address.user))) {
            continue;
        }
        const auto load = loadOf(gateway);
        if (takes(gateway, caller, load, plan)) {
            candidates.push_back({{&gateway, gateway.rule->apply(plan.address.user, *prefix), *prefix}, load});
        }
    }
    std::ranges::stable_sort(candidates, {}, [&](const Candidate& one) {
        // A gateway that does not answer is the last to be tried.
        return std::tuple(!one.load.isUp, -static_cast<long>(one.way.prefix),
                          configuration.leastLoaded ? one.load.calls : 0U);
    });
    for (auto& [way, load] : candidates) {
        plan.steps.push_back("gateway " + way.gateway->title + ": " + plan.address.user + " is dialled as " +
                             way.number + " (prefix \"" + plan.address.user.substr(0, way.prefix) + "\", " +
                             std::to_string(load.calls) + " calls" + (load.isUp ? "" : ", does not answer") + ")");
        plan.ways.push_back(std::move(way));
    }
    return plan;
}

}  // namespace gateway
