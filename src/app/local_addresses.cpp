// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/local_addresses.h"

#include <algorithm>

namespace siproxd::app {

namespace {

void addSide(proxy::Addresses& addresses, proxy::Side side, const net::SelectedSide& selected) {
    for (const auto& interface : selected.interfaces) {
        for (const auto& address : interface.addresses) {
            addresses.add({side, address.ip, address.subnet(), interface.index,
                           address.ip.toString(), address.ip});
        }
    }
}

/// What stands for an outside endpoint, when host_outbound has anything to say of it.
void announce(proxy::Endpoint& endpoint, const std::string& host, const dns::Addresses& known) {
    const auto sameFamily = [&endpoint](const base::IpAddress& ip) {
        return ip.family() == endpoint.ip.family();
    };
    if (const auto ip = base::IpAddress::parse(host)) {
        if (sameFamily(*ip)) {
            endpoint.host = ip->toString();
            endpoint.announced = *ip;
        }
        return;
    }
    const auto found = std::ranges::find_if(known, sameFamily);
    if (known.empty() || found != known.end()) {
        endpoint.host = host;
        endpoint.announced = known.empty() ? base::IpAddress() : *found;
    }
}

}  // namespace

proxy::Addresses localAddresses(const net::SelectedInterfaces& selected,
                                const config::Settings& settings,
                                const dns::Addresses& announced,
                                const std::optional<base::IpAddress>& learned) {
    proxy::Addresses outside;
    addSide(outside, proxy::Side::Outside, selected.outbound);
    proxy::Addresses addresses;
    addresses.port = settings.network.sipListenPort;
    addresses.tlsPort = settings.tls.tlsListenPort;
    addSide(addresses, proxy::Side::Inside, selected.inbound);
    const auto& host = settings.network.hostOutbound;
    for (auto endpoint : outside.endpoints()) {
        if (!host.empty()) {
            announce(endpoint, host, announced);
        }
        if (learned) {
            announce(endpoint, learned->toString(), {});
        }
        addresses.add(std::move(endpoint));
    }
    return addresses;
}

std::string neighbourWarning(const proxy::Addresses& addresses) {
    if (!addresses.single()) {
        return "";
    }
    for (const auto& endpoint : addresses.endpoints()) {
        const auto& subnet = endpoint.subnet;
        const auto& ip = endpoint.ip;
        // Nobody shares an IPv6 /64 with others.
        if (endpoint.side == proxy::Side::Inside && ip.isV4() && subnet.prefix() != 0 &&
            subnet.prefix() < 32 && !ip.isPrivate() && !ip.isLoopback() && !ip.isLinkLocal()) {
            return "the only interface is in the public network " + subnet.toString() +
                   ": all who are in it count as inside and may call through this proxy; "
                   "hosts_allow_reg, hosts_allow_sip or proxy_auth_realm keep them out";
        }
    }
    return "";
}

}  // namespace siproxd::app
