// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/next_hop.h"

#include <algorithm>

#include "base/text.h"
#include "sip/scan.h"

namespace siproxd::proxy {

namespace {

constexpr std::size_t kMostRoutes = 16;
constexpr std::size_t kLongestRoutes = 2048;  // bytes of all together

/// Of a setting: a host, and then perhaps `;transport=`.
sip::Uri hostUri(std::string_view host, std::uint16_t port) {
    sip::Uri uri;
    const auto end = std::min(host.find(';'), host.size());
    if (end < host.size()) {
        uri.params.set("transport", std::string(host.substr(host.rfind('=') + 1)));
        host = base::trim(host.substr(0, end));
    }
    // Settings may have an IPv6 address in brackets, URIs have it without.
    const auto ip = base::IpAddress::parse(host);
    uri.host = ip ? ip->toString() : std::string(host);
    uri.port = port;
    return uri;
}

}  // namespace

void removeOwnRoutes(sip::Message& request, const Addresses& addresses) {
    auto routes = request.routes();
    const auto before = routes.size();
    if (!routes.empty() && addresses.isOwnRoute(request.requestUri())) {
        request.setRequestUri(routes.back().uri);
        routes.pop_back();
    }
    const auto foreign = std::find_if(routes.begin(), routes.end(), [&](const sip::NameAddr& route) {
        return !addresses.isOurs(route.uri);
    });
    routes.erase(routes.begin(), foreign);
    if (routes.size() != before) {
        request.setRoutes(routes);
    }
}

void applyRouteSet(sip::Message& request, std::vector<sip::NameAddr> routes) {
    if (!routes.empty() && !routes.front().uri.params.has("lr")) {
        sip::NameAddr target;
        target.uri = request.requestUri();
        request.setRequestUri(routes.front().uri);
        routes.erase(routes.begin());
        routes.push_back(std::move(target));
    }
    request.setRoutes(routes);
}

std::vector<sip::NameAddr> routesToKeep(std::vector<sip::NameAddr> routes) {
    std::size_t length = 0;
    for (const auto& route : routes) {
        length += route.toString().size();
    }
    if (routes.size() > kMostRoutes || length > kLongestRoutes) {
        routes.clear();
    }
    return routes;
}

std::vector<sip::NameAddr> pathOf(const sip::Message& request) {
    std::vector<sip::NameAddr> path;
    for (const auto& field : request.headers("Path")) {
        for (const auto value : sip::splitValues(field).value_or(std::vector<std::string_view>{})) {
            if (auto hop = sip::NameAddr::parse(value)) {
                path.push_back(std::move(*hop));
            }
        }
    }
    return routesToKeep(std::move(path));
}

std::unique_ptr<const sip::Uri> chosenHop(const std::optional<sip::Uri>& hop) {
    return hop ? std::make_unique<const sip::Uri>(*hop) : nullptr;
}

NextHop nextHopOutside(const sip::Message& request, const sip::Uri& target,
                       const config::ProxySettings& settings) {
    if (const auto routes = request.routes(); !routes.empty()) {
        return {routes.front().uri, false};
    }
    return nextHopOutside(request.from().uri, target, settings);
}

NextHop nextHopOutside(const sip::Uri& sender, const sip::Uri& target,
                       const config::ProxySettings& settings) {
    for (const auto& entry : settings.outboundDomains) {
        if (base::equalsIgnoreCase(entry.name, sender.host)) {
            return {hostUri(entry.host, entry.port), true};
        }
    }
    if (!settings.outboundProxyHost.empty()) {
        return {hostUri(settings.outboundProxyHost, settings.outboundProxyPort), true};
    }
    // A number: who the sender's home is knows what to do with it.
    return {target.isSip() ? target : hostUri(sender.host, sender.port), false};
}

}  // namespace siproxd::proxy
