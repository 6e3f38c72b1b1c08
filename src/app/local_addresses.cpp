// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/local_addresses.h"

#include <fmt/core.h>

namespace siproxd::app {

namespace {

struct Found {
    base::IpAddress ip;
    const net::Interface* interface;
};

base::Result<Found> find(const net::InterfaceTable& table, std::string_view directive,
                         const std::string& value) {
    if (const auto ip = base::IpAddress::parse(value)) {
        const auto* interface = table.byAddress(*ip);
        if (interface == nullptr) {
            return base::fail(
                fmt::format("{} = {}: no interface has this address", directive, value));
        }
        return Found{*ip, interface};
    }
    const auto* interface = table.byName(value);
    if (interface == nullptr) {
        return base::fail(fmt::format("{} = {}: can't find interface", directive, value));
    }
    const auto ip = table.firstV4(value);
    if (!ip) {
        return base::fail(fmt::format("{} = {}: interface {}", directive, value,
                                      interface->up ? "has no IPv4 address" : "is down"));
    }
    return Found{*ip, interface};
}

}  // namespace

base::Result<proxy::Addresses> findAddresses(const net::InterfaceTable& table,
                                             const config::NetworkSettings& settings) {
    const auto inbound = find(table, "if_inbound", settings.ifInbound);
    const auto outbound = find(table, "if_outbound", settings.ifOutbound);
    if (!inbound || !outbound) {
        std::string message = inbound ? "" : inbound.error().message;
        if (!outbound) {
            message += (message.empty() ? "" : "; ") + outbound.error().message;
        }
        return base::fail(message);
    }
    proxy::Addresses addresses;
    addresses.inbound = inbound->ip;
    addresses.outbound = outbound->ip;
    addresses.port = settings.sipListenPort;
    addresses.inboundIndex = inbound->interface->index;
    addresses.outboundIndex = outbound->interface->index;
    for (const auto& address : inbound->interface->addresses) {
        addresses.insideNetworks.emplace_back(address.ip, address.prefix);
    }
    if (settings.hostOutbound.empty()) {
        addresses.announced = outbound->ip;
        addresses.announcedHost = outbound->ip.toString();
    } else {
        const auto ip = base::IpAddress::parse(settings.hostOutbound);
        addresses.announced = ip.value_or(base::IpAddress());
        addresses.announcedHost = ip ? ip->toString() : settings.hostOutbound;
    }
    return addresses;
}

}  // namespace siproxd::app
