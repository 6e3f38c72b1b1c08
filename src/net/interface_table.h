// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"

namespace siproxd::net {

/// An address of an interface and how many of its leading bits name the subnet.
struct InterfaceAddress {
    base::IpAddress ip;
    unsigned prefix = 0;

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
    std::vector<InterfaceAddress> addresses;

    /// On the subnet of one of its addresses of that family.
    [[nodiscard]] bool reaches(const base::IpAddress& address) const;

    friend bool operator==(const Interface&, const Interface&) = default;
};

/// The machine's interfaces at one moment. A value: it does not change by itself.
class InterfaceTable {
public:
    InterfaceTable() = default;
    /// For tests and read(): `defaultRoute` is the interface of the default route or empty.
    InterfaceTable(std::vector<Interface> interfaces, std::string defaultRoute);

    /// Asks the kernel. Does not block; well under a millisecond.
    [[nodiscard]] static base::Result<InterfaceTable> read();

    [[nodiscard]] const std::vector<Interface>& interfaces() const { return interfaces_; }

    /// Null where there is none. The pointers live as long as this table is not assigned to.
    [[nodiscard]] const Interface* byName(std::string_view name) const;
    [[nodiscard]] const Interface* byIndex(unsigned index) const;
    [[nodiscard]] const Interface* byAddress(const base::IpAddress& address) const;

    /// The first IPv4 address of an interface that is up; nothing when it is down, has none or does
    /// not exist.
    [[nodiscard]] std::optional<base::IpAddress> firstV4(std::string_view name) const;

    /// Where the IPv4 default route of the least metric leads.
    [[nodiscard]] std::optional<std::string> defaultRouteInterface() const;

    /// Whether the address is one of this machine's (all of 127/8 and ::1 included).
    [[nodiscard]] bool isLocalAddress(const base::IpAddress& address) const;

    /// Whether `address` is on a subnet of the interface.
    [[nodiscard]] bool subnetContains(std::string_view name, const base::IpAddress& address) const;

    struct Suggestion {
        std::string inbound;
        std::string outbound;  ///< the same as inbound: one interface, in front of a NAT router
    };

    /// What to use when nobody has said: outbound is the default route's interface, inbound the
    /// first other one that runs with a private IPv4 address; bridges of container and virtual
    /// machine software and point-to-point links are left out. Nothing without a default route.
    [[nodiscard]] std::optional<Suggestion> suggestInterfaces() const;

    friend bool operator==(const InterfaceTable&, const InterfaceTable&) = default;

private:
    std::vector<Interface> interfaces_;
    std::string defaultRoute_;
};

/// The interface of the default route in a text like /proc/net/route; empty when there is none.
[[nodiscard]] std::string defaultRouteOf(std::string_view procNetRoute);

/// An interface table that is read again when it has got too old.
class InterfaceCache {
public:
    using Source = std::function<base::Result<InterfaceTable>()>;

    static constexpr base::Duration kMaxAge = std::chrono::seconds(5);

    /// The clock must outlive the cache. Nothing is read yet.
    explicit InterfaceCache(const base::Clock& clock, base::Duration maxAge = kMaxAge,
                            Source source = &InterfaceTable::read);

    /// A table not older than the maximum age. When it cannot be read the last one stays, and a
    /// warning is logged. Pointers into it are good until the next call.
    [[nodiscard]] const InterfaceTable& table();

    /// Reads now. An error leaves the last table in place.
    base::Result<void> refresh();

    /// Goes up by one each time a read has found something changed.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }

private:
    const base::Clock& clock_;
    base::Duration maxAge_;
    Source source_;
    InterfaceTable table_;
    std::optional<base::TimePoint> readAt_;
    std::uint64_t generation_ = 0;
};

}  // namespace siproxd::net
