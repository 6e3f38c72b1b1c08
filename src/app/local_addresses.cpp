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
                                const dns::Addresses& announced) {
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
        addresses.add(std::move(endpoint));
    }
    return addresses;
}

}  // namespace siproxd::app
