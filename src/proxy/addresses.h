// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/flow.h"
#include "sip/uri.h"
#include "sip/via.h"

namespace siproxd::proxy {

/// Which side of the NAT.
enum class Side : std::uint8_t { Inside, Outside };

[[nodiscard]] constexpr Side other(Side side) {
    return side == Side::Inside ? Side::Outside : Side::Inside;
}

/// The user part of the URI that we leave in Record-Route, as the original does.
inline constexpr std::string_view kRouteUser = "siproxd";

/// One address of ours on one side of the NAT. An interface has one for each of its addresses that
/// is used; with a single interface the same address is there once for each side.
struct Endpoint {
    Side side = Side::Inside;
    base::IpAddress ip;           ///< sockets are bound to it
    base::Network subnet;         ///< none: point to point
    unsigned interfaceIndex = 0;  ///< 0: unknown
    /// What stands for us in Via, Contact and Record-Route: host_outbound, else the address.
    std::string host;
    /// The same as an address, for SDP; none while `host` is a name that has not been resolved.
    base::IpAddress announced;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// What stands for us in Via, Contact and Record-Route (RFC 3261 §18.1.1 calls it sent-by).
struct SentBy {
    std::string host;
    std::uint16_t port = 5060;
    base::Protocol protocol = base::Protocol::Udp;
    std::uint16_t tlsPort = 5061;  ///< `port` would be this by TLS

    friend bool operator==(const SentBy&, const SentBy&) = default;
};

/// Who we are on the network. A value; replaced as a whole when an interface changes.
class Addresses {
public:
    std::uint16_t port = 5060;     ///< UDP and TCP
    std::uint16_t tlsPort = 5061;

    /// Those that come first are preferred.
    void add(Endpoint endpoint) { endpoints_.push_back(std::move(endpoint)); }
    [[nodiscard]] const std::vector<Endpoint>& endpoints() const { return endpoints_; }

    /// The addresses to bind sockets to, each once, those of the inside first.
    [[nodiscard]] std::vector<base::IpAddress> local() const;
    /// The preferred one of a side; nullptr: there is none.
    [[nodiscard]] const Endpoint* first(Side side) const;
    /// The name that stands for outside endpoints has been resolved. Whether that changes anything.
    bool announce(std::string_view host, const base::IpAddress& ip);

    /// One interface is used for both sides.
    [[nodiscard]] bool single() const;

    /// The endpoint on `side` that reaches `peer`: of its family, on its subnet if there is one.
    /// nullptr: that side has no such address (now).
    [[nodiscard]] const Endpoint* towards(Side side, const base::IpAddress& peer) const;
    /// The endpoint of that side with this address; nullptr: it is none of ours.
    [[nodiscard]] const Endpoint* at(Side side, const base::IpAddress& local) const;
    /// Whether the side has an address of that family.
    [[nodiscard]] bool has(Side side, base::Family family) const;
    /// The side that an interface is on; nothing when it is none of ours or on both.
    [[nodiscard]] std::optional<Side> sideOfInterface(unsigned index) const;

    /// The interface that an address of ours is on; 0: unknown, or none of ours.
    [[nodiscard]] unsigned interfaceOf(const base::IpAddress& local) const;

    /// Whether it is an interface of ours, of either side.
    [[nodiscard]] bool isInterface(unsigned index) const;

    /// The side of a flow by our address in it, where that is on one side only, else by the peer's.
    [[nodiscard]] Side sideOf(const base::Flow& flow) const;

    /// What we call ourselves towards who talks to `local` on `side`.
    [[nodiscard]] SentBy sentBy(Side side, const base::IpAddress& local,
                                base::Protocol protocol) const;
    /// What we call ourselves outside, by that IP version if we can; an empty host: we have no
    /// address there now.
    [[nodiscard]] SentBy outside(base::Family family) const;
    [[nodiscard]] std::uint16_t portFor(base::Protocol protocol) const {
        return protocol == base::Protocol::Tls ? tlsPort : port;
    }

    /// One of our addresses, or loopback.
    [[nodiscard]] bool isOurs(const base::IpAddress& ip) const;
    /// Whether this machine has sent what comes from an address of ours: the kernel lets no forged IPv4
    /// address of an interface in, and nobody else's connection has one. IPv6 sources and what
    /// host_outbound names prove nothing.
    [[nodiscard]] bool isFromThisMachine(const base::Flow& from) const;
    /// Whether host and port of a SIP URI mean this proxy.
    [[nodiscard]] bool isOurs(const sip::Uri& uri) const;
    [[nodiscard]] bool isOwnRoute(const sip::Uri& uri) const {
        return uri.user == kRouteUser && isOurs(uri);
    }
    /// Whether a Via has been put there by us.
    [[nodiscard]] bool isOurVia(const sip::Via& via) const;
    /// On a subnet of an inbound interface.
    [[nodiscard]] bool isInside(const base::IpAddress& ip) const;
    /// Whether it reaches several hosts at once, on a subnet of ours or in general.
    [[nodiscard]] bool isForMany(const base::IpAddress& ip) const;
    /// An address that must not be seen outside: on an inside subnet, or our own there.
    [[nodiscard]] bool isHidden(const base::IpAddress& ip) const;

    /// The flow from our socket on `side` to a peer; nothing when that cannot be reached.
    [[nodiscard]] std::optional<base::Flow> flowTo(
        Side side, const base::SocketAddress& peer,
        base::Protocol protocol = base::Protocol::Udp) const;

    friend bool operator==(const Addresses&, const Addresses&) = default;

private:
    std::vector<Endpoint> endpoints_;
};

}  // namespace siproxd::proxy
