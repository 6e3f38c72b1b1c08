// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace siproxd::net {

/// An address of an interface and how many of its leading bits name the subnet.
struct InterfaceAddress {
    base::IpAddress ip;
    unsigned prefix = 0;
    base::IpAddress peer{};   ///< other end of a link of two, if told; `prefix` is its then
    bool temporary = false;   ///< given up after hours, for privacy (RFC 8981)
    bool deprecated = false;  ///< running out: not for new conversations (RFC 4862 §5.5.4)
    bool dynamic = false;     ///< has a lifetime (router advertisement, DHCP)
    bool tentative = false;   ///< not known to be unique yet (RFC 4862 §5.4): cannot be bound
    bool duplicate = false;   ///< found not to be unique: never to be bound

    /// Who is reached on the link without a router.
    [[nodiscard]] base::Network subnet() const { return {peer ? peer : ip, prefix}; }
    /// A socket can be bound to it.
    [[nodiscard]] bool usable() const { return !tentative && !duplicate; }

    friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

/// A network interface as it was when the table was read. An alias (`eth0:1`) is an entry of its
/// own, with the index of the device it belongs to.
struct Interface {
    std::string name;
    unsigned index = 0;
    bool up = false;       ///< switched on (IFF_UP)
    bool running = false;  ///< has carrier (IFF_RUNNING)
    bool loopback = false;
    bool pointToPoint = false;  ///< ppp, tun, wireguard
    /// In a table: preferred ones first, which are the usable before the tentative, IPv4 before
    /// IPv6, current before deprecated, stable before temporary, global before unique local
    /// (RFC 4193), fixed before dynamic; the kernel's order decides the rest.
    std::vector<InterfaceAddress> addresses{};
    /// IPv6 link-local ones (fe80::/10), which mean nothing without the interface. In a table they
    /// are here and nowhere else; 169.254/16 is among the other addresses, behind them.
    std::vector<InterfaceAddress> linkLocal{};

    /// On the subnet of one of its addresses, link-local ones aside.
    [[nodiscard]] bool reaches(const base::IpAddress& address) const;

    friend bool operator==(const Interface&, const Interface&) = default;
};

/// The machine's interfaces at one moment. A value: it does not change by itself.
class InterfaceTable {
public:
    InterfaceTable() = default;
    /// Puts addresses in order as Interface says. The other two are the interfaces of the default
    /// routes, or empty.
    InterfaceTable(std::vector<Interface> interfaces, std::string defaultRouteV4,
                   std::string defaultRouteV6 = {});

    /// Asks the kernel. Takes well under a millisecond as a rule, but the kernel lets it wait while
    /// it reconfigures a device: not for a signalling thread that is at work (InterfaceMonitor is).
    [[nodiscard]] static base::Result<InterfaceTable> read();

    /// By index, aliases behind their device.
    [[nodiscard]] const std::vector<Interface>& interfaces() const { return interfaces_; }

    /// Null where there is none. The pointers live as long as this table is not assigned to.
    [[nodiscard]] const Interface* byName(std::string_view name) const;
    [[nodiscard]] const Interface* byIndex(unsigned index) const;
    [[nodiscard]] const Interface* byAddress(const base::IpAddress& address) const;

    /// The preferred address of that family that a socket can be bound to; nothing when the
    /// interface is down, has none or does not exist.
    [[nodiscard]] std::optional<base::IpAddress> first(std::string_view name,
                                                       base::Family family) const;

    /// Where the default route of the least metric leads.
    [[nodiscard]] std::optional<std::string> defaultRouteInterface(
        base::Family family = base::Family::V4) const;

    /// Whether the address is one of this machine's (all of 127/8 and ::1 included).
    [[nodiscard]] bool isLocalAddress(const base::IpAddress& address) const;

    /// Whether `address` is on a subnet of the interface.
    [[nodiscard]] bool subnetContains(std::string_view name, const base::IpAddress& address) const;

    struct Suggestion {
        std::string inbound;
        std::string outbound;  ///< the same as inbound: one interface, in front of a NAT router
    };

    /// What to use when nobody has said: outbound is the default route's interface (IPv4's if it
    /// has one, else IPv6's), inbound what suggestInbound() says. Nothing without a default route.
    [[nodiscard]] std::optional<Suggestion> suggestInterfaces() const;

    /// The first interface that runs with a private IPv4 address and is not `outbound`; where there
    /// is no IPv4 default route, with any IPv6 address. Bridges of container and virtual machine
    /// software and point-to-point links are left out. Null: none.
    [[nodiscard]] const Interface* suggestInbound(std::string_view outbound) const;

    friend bool operator==(const InterfaceTable&, const InterfaceTable&) = default;

private:
    std::vector<Interface> interfaces_;
    std::string defaultRouteV4_;
    std::string defaultRouteV6_;
};

}  // namespace siproxd::net
