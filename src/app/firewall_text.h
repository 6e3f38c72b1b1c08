// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "config/settings.h"
#include "net/interface_selection.h"
#include "proxy/addresses.h"

namespace siproxd::app {

/// What is listened on and the firewall rules to add, for people: by iptables and nftables.
[[nodiscard]] std::string firewallText(const net::SelectedInterfaces& selected,
                                       const proxy::Addresses& addresses,
                                       const config::Settings& settings);

}  // namespace siproxd::app
