// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// An address that comes back by then (a link that was down for a moment) has harmed no call.
constexpr std::chrono::seconds kReturn{10};

std::vector<std::string> outsideHosts(const Addresses& addresses) {
    std::vector<std::string> hosts;
    for (const auto& endpoint : addresses.endpoints()) {
        if (endpoint.side == Side::Outside) {
            hosts.push_back(endpoint.host);
        }
    }
    return hosts;
}

/// Whether another address stands in the place of one that has gone: that one will not come back.
bool isReplaced(const Endpoint& gone, const Addresses& now) {
    return std::ranges::any_of(now.endpoints(), [&gone](const Endpoint& endpoint) {
        return endpoint.side == gone.side && endpoint.ip.family() == gone.ip.family() &&
               (gone.side == Side::Outside || endpoint.interfaceIndex == gone.interfaceIndex);
    });
}

}  // namespace

void Proxy::setAddresses(Addresses addresses) {
    const auto before = std::exchange(addresses_, std::move(addresses));
    const auto hosts = outsideHosts(addresses_);
    const bool moved = addresses_.port != before.port || addresses_.tlsPort != before.tlsPort ||
                       hosts != outsideHosts(before);
    if (!hosts.empty() && moved) {
        parts_.locations.readdress({.host = hosts.front(),
                                    .port = addresses_.port,
                                    .tlsPort = addresses_.tlsPort});
    }
    for (const auto& endpoint : before.endpoints()) {
        if (addresses_.at(endpoint.side, endpoint.ip) != nullptr) {
            continue;
        }
        if (isReplaced(endpoint, addresses_)) {
            endCallsOf(endpoint.ip);
        } else if (!stranded_) {
            stranded_ = parts_.loop.now();
        }
    }
}

void Proxy::endStrandedCalls() {
    if (!stranded_ || parts_.loop.now() - *stranded_ < kReturn) {
        return;
    }
    stranded_.reset();
    const auto ours = addresses_.local();
    for (const auto& ip : calls_.localAddresses()) {
        if (std::ranges::find(ours, ip) == ours.end()) {
            endCallsOf(ip);
        }
    }
}

void Proxy::endCallsOf(const base::IpAddress& local) {
    for (Call* call : calls_.callsOn(local)) {
        endCall(*call, "call is over: our address " + local.toString() + " has gone");
    }
}

}  // namespace siproxd::proxy
