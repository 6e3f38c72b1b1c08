// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/local_addresses.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace siproxd::app {

namespace {

using Endpoints = std::vector<proxy::Endpoint>;

proxy::Endpoint endpointOf(proxy::Side side, const net::Interface& interface,
                           const net::InterfaceAddress& address) {
    return {side, address.ip, base::Network(address.ip, address.prefix), interface.index,
            address.ip.toString(), address.ip};
}

/// Of a directive's value, which is the name of an interface or one of its addresses.
base::Result<Endpoints> find(const net::InterfaceTable& table, std::string_view directive,
                             const std::string& value, proxy::Side side) {
    const auto ip = base::IpAddress::parse(value);
    const auto* interface = ip ? table.byAddress(*ip) : table.byName(value);
    if (interface == nullptr) {
        return base::fail(fmt::format("{} = {}: {}", directive, value,
                                      ip ? "no interface has this address"
                                         : "can't find interface"));
    }
    Endpoints found;
    for (const auto& address : interface->addresses) {
        const bool wanted = ip ? address.ip == *ip : !address.ip.isLinkLocal();
        if (!wanted || (!ip && !interface->up)) {
            continue;
        }
        // Providers are to see one address of each IP version, phones may talk to any.
        const bool isSecond =
            side == proxy::Side::Outside &&
            std::ranges::any_of(found, [&](const proxy::Endpoint& known) {
                return known.ip.family() == address.ip.family();
            });
        if (!isSecond) {
            found.push_back(endpointOf(side, *interface, address));
        }
    }
    // IPv4 is what people look for in logs and firewall rules.
    std::ranges::stable_partition(found,
                                  [](const proxy::Endpoint& one) { return one.ip.isV4(); });
    if (found.empty()) {
        return base::fail(fmt::format("{} = {}: interface {}", directive, value,
                                      interface->up ? "has no IP address" : "is down"));
    }
    return found;
}

}  // namespace

base::Result<proxy::Addresses> findAddresses(const net::InterfaceTable& table,
                                             const config::NetworkSettings& settings) {
    auto inside = find(table, "if_inbound", settings.ifInbound, proxy::Side::Inside);
    auto outside = find(table, "if_outbound", settings.ifOutbound, proxy::Side::Outside);
    if (!inside || !outside) {
        std::string message = inside ? "" : inside.error().message;
        if (!outside) {
            message += (message.empty() ? "" : "; ") + outside.error().message;
        }
        return base::fail(message);
    }
    proxy::Addresses addresses;
    addresses.port = settings.sipListenPort;
    for (auto& endpoint : *inside) {
        addresses.add(std::move(endpoint));
    }
    const auto named = base::IpAddress::parse(settings.hostOutbound);
    for (auto& endpoint : *outside) {
        // An address stands for that of its own IP version, a name for both.
        if (!settings.hostOutbound.empty() &&
            (!named || named->family() == endpoint.ip.family())) {
            endpoint.announced = named.value_or(base::IpAddress());
            endpoint.host = named ? named->toString() : settings.hostOutbound;
        }
        addresses.add(std::move(endpoint));
    }
    return addresses;
}

}  // namespace siproxd::app
