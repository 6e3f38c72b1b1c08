// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"
#include "net/interface_selection.h"

namespace siproxd::app {

/// What this machine says of itself, as texts; empty: it does not, or not to us.
struct HostFacts {
    std::string modules;          ///< /proc/modules
    std::string conntrackHelper;  ///< /proc/sys/net/netfilter/nf_conntrack_helper
    std::string localPortRange;   ///< /proc/sys/net/ipv4/ip_local_port_range
    std::string reservedPorts;    ///< /proc/sys/net/ipv4/ip_local_reserved_ports
    std::string udpSockets;       ///< /proc/net/udp and udp6
    std::string ruleset;          ///< what `nft list ruleset` prints
};

/// Reads them. Blocks, for two seconds at most.
[[nodiscard]] HostFacts readHost();

/// What of it is going to break calls, a line each: helpers of the kernel that rewrite SIP, relay ports that
/// other programs have or may get, and a packet filter that lets nobody outside reach us.
[[nodiscard]] std::vector<std::string> hostWarnings(const HostFacts& facts,
                                                    const config::Settings& settings,
                                                    const net::SelectedSide& outbound);

}  // namespace siproxd::app
