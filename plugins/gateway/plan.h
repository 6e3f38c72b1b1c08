// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "settings.h"

namespace gateway {

/// Who calls.
struct Caller {
    std::string user;
    std::string domain;
};

/// What is known of a gateway at the moment.
struct Load {
    bool isUp = true;
    std::uint32_t calls = 0;
};

/// One way that a call can take.
struct Way {
    const Settings* gateway;
    std::string number;  ///< that is dialled there
    std::size_t prefix;  ///< that it was chosen for; of a route: the longest
};

/// Where a dialled number goes.
struct Plan {
    std::vector<Way> ways;    ///< in the order in which they are tried
    Address address;          ///< what the routes have made of it
    bool isChanged = false;   ///< the routes have
    bool isForbidden = false; ///< there is a gateway for it, but none that the caller may use
    bool isFull = false;      ///< the gateways for it have no line free
    std::vector<std::string> steps;  ///< for people: what was decided and why, a line each
};

/// `loadOf` tells the present state of a gateway.
[[nodiscard]] Plan planFor(const Configuration& configuration, const Address& dialled, const Caller& caller,
                           const std::function<Load(const Settings&)>& loadOf);

}  // namespace gateway
