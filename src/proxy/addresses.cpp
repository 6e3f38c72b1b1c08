// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/addresses.h"

#include <algorithm>

#include "base/text.h"

namespace siproxd::proxy {

bool Addresses::single() const {
    return std::ranges::any_of(endpoints_, [this](const Endpoint& endpoint) {
        return endpoint.side == Side::Outside && at(Side::Inside, endpoint.ip) != nullptr;
    });
}

std::vector<base::IpAddress> Addresses::local() const {
    std::vector<base::IpAddress> all;
    for (const auto& endpoint : endpoints_) {
        if (std::ranges::find(all, endpoint.ip) == all.end()) {
            all.push_back(endpoint.ip);
        }
    }
    return all;
}

const Endpoint* Addresses::first(Side side) const {
    const auto found = std::ranges::find(endpoints_, side, &Endpoint::side);
    return found == endpoints_.end() ? nullptr : &*found;
}

bool Addresses::announce(std::string_view host, const base::IpAddress& ip) {
    bool changed = false;
    for (auto& endpoint : endpoints_) {
        if (endpoint.side == Side::Outside && endpoint.host == host &&
            endpoint.ip.family() == ip.family() && endpoint.announced != ip) {
            endpoint.announced = ip;
            changed = true;
        }
    }
    return changed;
}

const Endpoint* Addresses::towards(Side side, const base::IpAddress& peer) const {
    const Endpoint* best = nullptr;
    for (const auto& endpoint : endpoints_) {
        if (endpoint.side != side || endpoint.ip.family() != peer.family()) {
            continue;
        }
        if (endpoint.subnet.contains(peer)) {
            return &endpoint;
        }
        best = best == nullptr ? &endpoint : best;
    }
    return best;
}

const Endpoint* Addresses::at(Side side, const base::IpAddress& local) const {
    const auto found = std::ranges::find_if(endpoints_, [&](const Endpoint& endpoint) {
        return endpoint.side == side && endpoint.ip == local;
    });
    return found == endpoints_.end() ? nullptr : &*found;
}

bool Addresses::has(Side side, base::Family family) const {
    return std::ranges::any_of(endpoints_, [&](const Endpoint& endpoint) {
        return endpoint.side == side && endpoint.ip.family() == family;
    });
}

std::optional<Side> Addresses::sideOfInterface(unsigned index) const {
    std::optional<Side> found;
    for (const auto& endpoint : endpoints_) {
        if (index == 0 || endpoint.interfaceIndex != index) {
            continue;
        }
        if (found && *found != endpoint.side) {
            return std::nullopt;
        }
        found = endpoint.side;
    }
    return found;
}

unsigned Addresses::interfaceOf(const base::IpAddress& local) const {
    const auto found = std::ranges::find(endpoints_, local, &Endpoint::ip);
    return found == endpoints_.end() ? 0 : found->interfaceIndex;
}

bool Addresses::isInterface(unsigned index) const {
    return std::ranges::any_of(endpoints_, [index](const Endpoint& endpoint) {
        return endpoint.interfaceIndex == index;
    });
}

Side Addresses::sideOf(const base::Flow& flow) const {
    const bool inside = at(Side::Inside, flow.local.ip) != nullptr;
    const bool outside = at(Side::Outside, flow.local.ip) != nullptr;
    if (inside != outside) {
        return inside ? Side::Inside : Side::Outside;
    }
    return isInside(flow.remote.ip) || !outside ? Side::Inside : Side::Outside;
}

SentBy Addresses::sentBy(Side side, const base::IpAddress& local, base::Protocol protocol) const {
    const auto* endpoint = at(side, local);
    return {endpoint != nullptr ? endpoint->host : local.toString(), portFor(protocol), protocol,
            tlsPort};
}

SentBy Addresses::outside(base::Family family) const {
    const Endpoint* best = nullptr;
    for (const auto& endpoint : endpoints_) {
        if (endpoint.side == Side::Outside &&
            (best == nullptr ||
             (best->ip.family() != family && endpoint.ip.family() == family))) {
            best = &endpoint;
        }
    }
    return {best != nullptr ? best->host : "", port, base::Protocol::Udp, tlsPort};
}

bool Addresses::isOurs(const base::IpAddress& ip) const {
    return ip.isLoopback() || std::ranges::any_of(endpoints_, [&](const Endpoint& endpoint) {
        return endpoint.ip == ip || endpoint.announced == ip;
    });
}

bool Addresses::isFromThisMachine(const base::Flow& from) const {
    const auto& ip = from.remote.ip;
    return ip.isLoopback() ||
           ((ip.isV4() || base::isReliable(from.protocol)) &&
            std::ranges::find(endpoints_, ip, &Endpoint::ip) != endpoints_.end());
}

bool Addresses::isOurs(const sip::Uri& uri) const {
    const auto named = uri.portOrDefault();
    if (!uri.isSip() || (named != port && named != tlsPort)) {
        return false;
    }
    if (const auto ip = base::IpAddress::parse(uri.host)) {
        return isOurs(*ip);
    }
    return std::ranges::any_of(endpoints_, [&](const Endpoint& endpoint) {
        return base::equalsIgnoreCase(uri.host, endpoint.host);
    });
}

bool Addresses::isOurVia(const sip::Via& via) const {
    const auto named = via.portOrDefault();
    if (named != port && named != tlsPort) {
        return false;
    }
    const auto ip = base::IpAddress::parse(via.host);
    return std::ranges::any_of(endpoints_, [&](const Endpoint& endpoint) {
        return ip ? *ip == endpoint.ip || *ip == endpoint.announced
                  : base::equalsIgnoreCase(via.host, endpoint.host);
    });
}

bool Addresses::isInside(const base::IpAddress& ip) const {
    return std::ranges::any_of(endpoints_, [&](const Endpoint& endpoint) {
        return endpoint.side == Side::Inside && endpoint.subnet.contains(ip);
    });
}

bool Addresses::isForMany(const base::IpAddress& ip) const {
    return ip.isMulticast() || ip.isBroadcast() ||
           std::ranges::any_of(endpoints_, [&](const Endpoint& endpoint) {
               return endpoint.subnet.isBroadcast(ip);
           });
}

bool Addresses::isHidden(const base::IpAddress& ip) const {
    const bool shown = std::ranges::any_of(endpoints_, [&](const Endpoint& endpoint) {
        return endpoint.side == Side::Outside && endpoint.announced == ip;
    });
    return !shown && (at(Side::Inside, ip) != nullptr || isInside(ip));
}

std::optional<base::Flow> Addresses::flowTo(Side side, const base::SocketAddress& peer,
                                            base::Protocol protocol) const {
    const auto* endpoint = towards(side, peer.ip);
    if (endpoint == nullptr) {
        return std::nullopt;
    }
    return base::Flow{protocol, {endpoint->ip, portFor(protocol)}, peer, 0};
}

}  // namespace siproxd::proxy
