// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "number_rule.h"
#include "routing_table.h"
#include "siproxd/plugin.hpp"

namespace gateway {

/// One gateway, as the configuration has it.
struct Settings {
    std::string title;
    bool active = true;
    std::string server;  ///< host[:port][;transport=tcp|tls]
    std::string proxy;   ///< by which it is reached, likewise; empty: straight
    std::string domain;  ///< of its addresses; the host of `server` when not given
    std::string user;     ///< that the password is for
    std::string account;  ///< of its addresses; `user` when not given
    std::string password;
    std::string realm;         ///< empty: whichever the server names
    std::uint32_t expires = 3600;  ///< seconds; 0: no registration
    std::uint32_t ping = 60;       ///< seconds from one look whether it is there to the next, without a registration; 0: none
    std::uint32_t maxCalls = 0;    ///< at once; 0: any number
    bool rewriteFrom = false;
    bool rewriteTo = false;
    std::optional<NumberRule> rule;    ///< nothing: only routes lead here
    std::vector<std::string> allowed;  ///< user, user@domain or @domain; empty: everybody
    std::vector<std::string> incoming; ///< user or user@domain; empty: nobody

    [[nodiscard]] std::string hostOfServer() const;
    /// Where requests to it are sent.
    [[nodiscard]] std::string nextHop() const;
    /// The address that siproxd has there.
    [[nodiscard]] std::string address() const { return "sip:" + account + "@" + domain; }
    /// Whether the caller may use it: as he has authenticated, or his From address.
    [[nodiscard]] bool allows(std::string_view user, std::string_view userDomain) const;
};

/// `sip:user@place`, with what must not stand in the user part escaped (RFC 3261 §25.1). Empty: there is no such URI.
[[nodiscard]] std::string uriOf(const siproxd::api::Host& siproxd, std::string_view scheme, std::string_view user,
                                const std::string& place);

/// All of the plugin's configuration.
struct Configuration {
    std::vector<Settings> gateways;
    std::vector<Route> routes;
    std::size_t routeLimit = 16;  ///< changes of one address by the routes
    bool leastLoaded = false;     ///< of gateways that fit as well, the one with the fewest calls first

    /// Nothing: what is wrong has been logged with its place.
    [[nodiscard]] static std::optional<Configuration> read(const siproxd::api::Host& host);

    [[nodiscard]] const Settings* byTitle(std::string_view title) const;
};

}  // namespace gateway
