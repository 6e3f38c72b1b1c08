// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace siproxd::dns {

/// How the system finds names (resolv.conf(5)).
struct SystemConfiguration {
    std::vector<base::SocketAddress> servers{};
    std::vector<std::string> search{};  ///< domains that are added to short names
    int dots = 1;                       ///< names with fewer dots are short
    bool rotate = false;                ///< begin with another server each time
};

/// Reads the text of a resolv.conf: `nameserver`, `domain`, `search` and `options ndots:n rotate`.
/// What it does not understand it leaves out.
[[nodiscard]] SystemConfiguration parseResolvConf(std::string_view text);

}  // namespace siproxd::dns
