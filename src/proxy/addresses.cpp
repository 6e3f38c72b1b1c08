// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/addresses.h"

#include <algorithm>

#include "base/text.h"

namespace siproxd::proxy {

bool Addresses::isOurs(const sip::Uri& uri) const {
    if (!uri.isSip() || uri.portOrDefault() != port) {
        return false;
    }
    const auto ip = base::IpAddress::parse(uri.host);
    return ip ? isOurs(*ip) : base::equalsIgnoreCase(uri.host, announcedHost);
}

bool Addresses::isInside(const base::IpAddress& ip) const {
    return std::any_of(insideNetworks.begin(), insideNetworks.end(),
                       [&ip](const base::Network& network) { return network.contains(ip); });
}

}  // namespace siproxd::proxy
