// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::app {

/// UDP ports from the outside.
struct WantedPorts {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    std::vector<std::string> interfaces;  ///< that they are reached by
    bool v6 = false;                      ///< by IPv6, else IPv4
};

/// What keeps new datagrams from these ports, in a ruleset as `nft list ruleset` writes it: the chain, for
/// people. Nothing: they get in, or it cannot be told: rules about things that are not looked at here
/// (source addresses, rates, sets with names) are taken to let them in, where they accept.
[[nodiscard]] std::optional<std::string> findBlockingChain(std::string_view ruleset,
                                                           const WantedPorts& wanted);

}  // namespace siproxd::app
