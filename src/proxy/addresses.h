// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "sip/uri.h"
#include "transport/flow.h"

namespace siproxd::proxy {

/// Which side of the NAT.
enum class Side : std::uint8_t { Inside, Outside };

[[nodiscard]] constexpr Side other(Side side) {
    return side == Side::Inside ? Side::Outside : Side::Inside;
}

/// The user part of the URI that we leave in Record-Route, as the original does.
inline constexpr std::string_view kRouteUser = "siproxd";

/// Who we are on the network. A value; replaced as a whole when an interface changes its address.
struct Addresses {
    base::IpAddress inbound;    ///< of if_inbound
    base::IpAddress outbound;   ///< of if_outbound; the same as inbound with a single interface
    std::string announcedHost;  ///< what the outside is told: host_outbound, else the outbound address
    base::IpAddress announced;  ///< the same as an address, for SDP; none while host_outbound is unknown
    std::uint16_t port = 5060;
    std::vector<base::Network> insideNetworks;  ///< subnets of the inbound interface
    unsigned inboundIndex = 0;   ///< interface indexes, to tell sides by arrival; 0: unknown
    unsigned outboundIndex = 0;

    [[nodiscard]] bool single() const { return inbound == outbound; }

    [[nodiscard]] const base::IpAddress& local(Side side) const {
        return side == Side::Inside ? inbound : outbound;
    }
    /// The text that stands for us in Via, Contact and Record-Route towards a side.
    [[nodiscard]] std::string hostTowards(Side side) const {
        return side == Side::Inside ? inbound.toString() : announcedHost;
    }
    /// The address that stands for us in SDP towards a side.
    [[nodiscard]] const base::IpAddress& mediaTowards(Side side) const {
        return side == Side::Inside ? inbound : announced;
    }

    [[nodiscard]] bool isOurs(const base::IpAddress& ip) const {
        return ip == inbound || ip == outbound || ip == announced || ip.isLoopback();
    }
    /// Whether host and port of a SIP URI mean this proxy.
    [[nodiscard]] bool isOurs(const sip::Uri& uri) const;
    [[nodiscard]] bool isOwnRoute(const sip::Uri& uri) const {
        return uri.user == kRouteUser && isOurs(uri);
    }
    [[nodiscard]] bool isInside(const base::IpAddress& ip) const;

    /// The flow from our socket on `side` to a peer.
    [[nodiscard]] transport::Flow flowTo(Side side, const base::SocketAddress& peer) const {
        return {transport::Protocol::Udp, {local(side), port}, peer, 0};
    }
};

}  // namespace siproxd::proxy
