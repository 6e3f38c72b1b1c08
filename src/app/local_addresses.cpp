// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/local_addresses.h"

#include <fmt/core.h>

namespace siproxd::app {

namespace {

struct Found {
    base::IpAddress ip;
    const net::Interface* interface;

    [[nodiscard]] proxy::Endpoint endpoint(proxy::Side side) const {
        proxy::Endpoint endpoint{side, ip, 0, interface->index, ip.toString(), ip};
        for (const auto& address : interface->addresses) {
            endpoint.prefix = address.ip == ip ? address.prefix : endpoint.prefix;
        }
        return endpoint;
    }
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
    addresses.port = settings.sipListenPort;
    addresses.add(inbound->endpoint(proxy::Side::Inside));
    auto outside = outbound->endpoint(proxy::Side::Outside);
    if (!settings.hostOutbound.empty()) {
        const auto ip = base::IpAddress::parse(settings.hostOutbound);
        outside.announced = ip.value_or(base::IpAddress());
        outside.host = ip ? ip->toString() : settings.hostOutbound;
    }
    addresses.add(std::move(outside));
    return addresses;
}

}  // namespace siproxd::app
