// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "net/interface_table.h"

namespace siproxd::net {

/// An interface that is there, and those of its addresses that are to be used.
struct SelectedInterface {
    std::string name;
    unsigned index = 0;
    /// At least one; preferred ones first, IPv4 before IPv6. All can be bound.
    std::vector<InterfaceAddress> addresses;

    friend bool operator==(const SelectedInterface&, const SelectedInterface&) = default;
};

/// What one of the two directives means at the moment.
struct SelectedSide {
    std::vector<SelectedInterface> interfaces;  ///< in the order of the directive
    /// What is waited for, a text each: `if_outbound = ppp0: ppp0 does not exist yet`.
    std::vector<std::string> missing;

    /// `eth0 (192.168.1.1, 2001:db8::1), eth1 (10.0.0.1)`; `none`.
    [[nodiscard]] std::string toString() const;

    friend bool operator==(const SelectedSide&, const SelectedSide&) = default;
};

struct SelectedInterfaces {
    SelectedSide inbound;
    SelectedSide outbound;

    /// Both sides have an address: calls can cross.
    [[nodiscard]] bool bothThere() const {
        return !inbound.interfaces.empty() && !outbound.interfaces.empty();
    }
    /// Nothing is missing.
    [[nodiscard]] bool complete() const {
        return inbound.missing.empty() && outbound.missing.empty();
    }

    friend bool operator==(const SelectedInterfaces&, const SelectedInterfaces&) = default;
};

/// What if_inbound and if_outbound ask for, whether it is there or not. Each is the name of an
/// interface, one of its addresses, or `auto`; if_inbound may be a list, with commas or spaces.
///
/// A name stands for all its stable addresses inside, where phones may talk to any, and for one of
/// each IP version outside, where providers are to see one. Outside a unique local address
/// (RFC 4193) counts only where the IPv6 default route leads. `auto` is outside where the default
/// route leads, both interfaces if IPv6 leaves by another than IPv4 (a tunnel); inside it is what
/// InterfaceTable::suggestInbound() says, or the outbound interface if there is none and that one
/// has a private IPv4 address (in front of a NAT router).
class InterfaceSelection {
public:
    /// The error names the directive.
    [[nodiscard]] static base::Result<InterfaceSelection> parse(std::string_view inbound,
                                                                std::string_view outbound);

    [[nodiscard]] SelectedInterfaces resolve(const InterfaceTable& table) const;

private:
    struct Item {
        enum class Kind : std::uint8_t { Auto, Name, Address };
        Kind kind = Kind::Auto;
        std::string text;
        base::IpAddress ip{};
    };

    [[nodiscard]] static base::Result<std::vector<Item>> parseList(std::string_view directive,
                                                                   std::string_view value);
    [[nodiscard]] SelectedSide resolveInbound(const InterfaceTable& table,
                                              const SelectedSide& outbound) const;
    [[nodiscard]] SelectedSide resolveOutbound(const InterfaceTable& table) const;

    std::vector<Item> inbound_;
    Item outbound_;
};

}  // namespace siproxd::net
