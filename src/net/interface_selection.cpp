// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/interface_selection.h"

#include <fmt/core.h>
#include <net/if.h>

#include <algorithm>
#include <expected>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace siproxd::net {

namespace {

constexpr std::string_view kInbound = "if_inbound";
constexpr std::string_view kOutbound = "if_outbound";

/// An interface to use, or what it lacks.
using Pick = std::expected<SelectedInterface, std::string>;

std::vector<std::string_view> words(std::string_view list) {
    std::vector<std::string_view> result;
    while (true) {
        const auto start = list.find_first_not_of(", \t");
        if (start == std::string_view::npos) {
            return result;
        }
        list.remove_prefix(start);
        const auto length = std::min(list.size(), list.find_first_of(", \t"));
        result.push_back(list.substr(0, length));
        list.remove_prefix(length);
    }
}

/// Empty when `text` can be the name of an interface.
std::string_view whyNoName(std::string_view text) {
    if (text.size() >= IFNAMSIZ) {
        return "is too long for an interface";
    }
    if (text.find('/') != std::string_view::npos) {
        return "is neither an interface nor an address";
    }
    if (text.find_first_not_of("0123456789.") == std::string_view::npos) {
        return "is not a valid address";
    }
    return {};
}

bool isV4LinkLocal(const InterfaceAddress& address) {
    return address.ip.isV4() && address.ip.isLinkLocal();
}

/// Those that stay when others are there: no address of its own choice beside one that was given,
/// none for hours beside one for good.
bool isBetterThere(const InterfaceAddress& address, const std::vector<InterfaceAddress>& others) {
    return std::ranges::any_of(others, [&](const InterfaceAddress& other) {
        return other.usable() && other.ip.family() == address.ip.family() &&
               ((isV4LinkLocal(address) && !isV4LinkLocal(other)) ||
                (address.temporary && !other.temporary && !other.deprecated &&
                 other.subnet() == address.subnet()));
    });
}

std::string whyNoAddress(const Interface& interface) {
    if (!interface.up) {
        return fmt::format("{} is down", interface.name);
    }
    return fmt::format("{} has no IP address yet", interface.name);
}

Pick pickByName(const InterfaceTable& table, std::string_view name) {
    const Interface* interface = table.byName(name);
    if (interface == nullptr) {
        return std::unexpected(fmt::format("{} does not exist yet", name));
    }
    SelectedInterface found{.name = interface->name, .index = interface->index, .addresses = {}};
    std::ranges::copy_if(interface->addresses, std::back_inserter(found.addresses),
                         [&](const InterfaceAddress& address) {
                             return interface->up && address.usable() &&
                                    !isBetterThere(address, interface->addresses);
                         });
    if (found.addresses.empty()) {
        return std::unexpected(whyNoAddress(*interface));
    }
    return found;
}

Pick pickByAddress(const InterfaceTable& table, const base::IpAddress& ip) {
    const Interface* interface = table.byAddress(ip);
    if (interface == nullptr) {
        return std::unexpected(std::string("no interface has this address yet"));
    }
    if (!interface->up) {
        return std::unexpected(fmt::format("{} is down", interface->name));
    }
    const auto address = std::ranges::find(interface->addresses, ip, &InterfaceAddress::ip);
    if (address == interface->addresses.end() || !address->usable()) {
        const bool isTaken = address != interface->addresses.end() && address->duplicate;
        return std::unexpected(fmt::format("{} {}", interface->name,
                                           isTaken ? "shares this address with another host"
                                                   : "is still checking this address"));
    }
    return SelectedInterface{interface->name, interface->index, {*address}};
}

/// Leaves one address of each family.
Pick forProviders(const InterfaceTable& table, Pick pick) {
    if (!pick) {
        return pick;
    }
    const bool leadsOut = table.defaultRouteInterface(base::Family::V6) == pick->name;
    std::vector<InterfaceAddress> kept;
    for (const auto& address : pick->addresses) {
        const bool isUnreachable = address.ip.isV6() && address.ip.isPrivate() && !leadsOut;
        const bool isSecond = std::ranges::any_of(kept, [&](const InterfaceAddress& other) {
            return other.ip.family() == address.ip.family();
        });
        if (!isUnreachable && !isSecond) {
            kept.push_back(address);
        }
    }
    if (kept.empty()) {
        return std::unexpected(fmt::format("{} has no public IP address yet", pick->name));
    }
    pick->addresses = std::move(kept);
    return pick;
}

bool hasV6(const SelectedInterface& interface) {
    return std::ranges::any_of(interface.addresses,
                               [](const InterfaceAddress& address) { return address.ip.isV6(); });
}

bool hasPrivateV4(const SelectedInterface& interface) {
    return std::ranges::any_of(interface.addresses, [](const InterfaceAddress& address) {
        return address.ip.isV4() && address.ip.isPrivate();
    });
}

/// What `auto` is inside. `outboundName` names the other side's interface, which may not be there.
Pick pickBeside(const InterfaceTable& table, std::string_view outboundName,
                const SelectedSide& outbound) {
    if (const Interface* found = table.suggestInbound(outboundName)) {
        return pickByName(table, found->name);
    }
    // In front of a NAT router one interface is for both; on a public one there are no phones.
    if (!outbound.interfaces.empty() && hasPrivateV4(outbound.interfaces.front())) {
        return outbound.interfaces.front();
    }
    return std::unexpected(std::string("no other interface has a private address yet"));
}

/// Adds an interface, or those of its addresses that are not there yet.
void add(SelectedSide& side, SelectedInterface fresh) {
    std::erase_if(fresh.addresses, [&](const InterfaceAddress& address) {
        return std::ranges::any_of(side.interfaces, [&](const SelectedInterface& known) {
            return std::ranges::find(known.addresses, address.ip, &InterfaceAddress::ip) !=
                   known.addresses.end();
        });
    });
    if (fresh.addresses.empty()) {
        return;
    }
    const auto same = std::ranges::find(side.interfaces, fresh.name, &SelectedInterface::name);
    if (same == side.interfaces.end()) {
        side.interfaces.push_back(std::move(fresh));
    } else {
        std::ranges::move(fresh.addresses, std::back_inserter(same->addresses));
    }
}

void add(SelectedSide& side, std::string_view directive, std::string_view value, Pick pick) {
    if (pick) {
        add(side, std::move(*pick));
    } else {
        side.missing.push_back(fmt::format("{} = {}: {}", directive, value, pick.error()));
    }
}

}  // namespace

std::string SelectedSide::toString() const {
    std::string text;
    for (const auto& interface : interfaces) {
        text += (text.empty() ? "" : ", ") + interface.name + " (";
        for (const auto& address : interface.addresses) {
            text += (text.back() == '(' ? "" : ", ") + address.ip.toString();
        }
        text += ')';
    }
    return text.empty() ? "none" : text;
}

base::Result<std::vector<InterfaceSelection::Item>> InterfaceSelection::parseList(
    std::string_view directive, std::string_view value) {
    std::vector<Item> items;
    for (const auto word : words(value)) {
        const auto wrong = [&](std::string_view why) {
            return base::fail(fmt::format("{} = {}: {} {}", directive, base::printable(value),
                                          base::printable(word), why));
        };
        if (base::equalsIgnoreCase(word, "auto")) {
            items.push_back({Item::Kind::Auto, "auto"});
        } else if (const auto ip = base::IpAddress::parse(word)) {
            if (ip->isUnspecified() || ip->isMulticast() || ip->isBroadcast()) {
                return wrong("is no address of an interface");
            }
            if (ip->isV6() && ip->isLinkLocal()) {
                return wrong("is a link-local address, which cannot be used");
            }
            items.push_back({Item::Kind::Address, std::string(word), *ip});
        } else if (const auto why = whyNoName(word); !why.empty()) {
            return wrong(why);
        } else {
            items.push_back({Item::Kind::Name, std::string(word)});
        }
    }
    if (items.empty()) {
        return base::fail(fmt::format("{} names no interface", directive));
    }
    return items;
}

base::Result<InterfaceSelection> InterfaceSelection::parse(std::string_view inbound,
                                                           std::string_view outbound) {
    auto inside = parseList(kInbound, inbound);
    auto outside = parseList(kOutbound, outbound);
    if (outside && outside->size() > 1) {
        outside = base::fail(fmt::format("{} = {}: only one interface is possible", kOutbound,
                                         base::printable(outbound)));
    }
    if (!inside || !outside) {
        return base::fail(fmt::format("{}{}{}", inside ? "" : inside.error().message,
                                      inside || outside ? "" : "; ",
                                      outside ? "" : outside.error().message));
    }
    InterfaceSelection selection;
    selection.inbound_ = std::move(*inside);
    selection.outbound_ = std::move(outside->front());
    return selection;
}

SelectedInterfaces InterfaceSelection::resolve(const InterfaceTable& table) const {
    SelectedInterfaces selected;
    selected.outbound = resolveOutbound(table);
    selected.inbound = resolveInbound(table, selected.outbound);
    return selected;
}

SelectedSide InterfaceSelection::resolveOutbound(const InterfaceTable& table) const {
    SelectedSide side;
    if (outbound_.kind == Item::Kind::Address) {
        add(side, kOutbound, outbound_.text, pickByAddress(table, outbound_.ip));
        return side;
    }
    if (outbound_.kind == Item::Kind::Name) {
        add(side, kOutbound, outbound_.text,
            forProviders(table, pickByName(table, outbound_.text)));
        return side;
    }
    const auto v4 = table.defaultRouteInterface(base::Family::V4);
    const auto v6 = table.defaultRouteInterface(base::Family::V6);
    if (!v4 && !v6) {
        add(side, kOutbound, "auto", std::unexpected(std::string("there is no default route yet")));
        return side;
    }
    add(side, kOutbound, "auto", forProviders(table, pickByName(table, v4 ? *v4 : *v6)));
    if (v4 && v6 && *v4 != *v6 && (side.interfaces.empty() || !hasV6(side.interfaces.front()))) {
        if (auto second = forProviders(table, pickByName(table, *v6)); second && hasV6(*second)) {
            std::erase_if(second->addresses,
                          [](const InterfaceAddress& address) { return address.ip.isV4(); });
            add(side, std::move(*second));
        }
    }
    return side;
}

SelectedSide InterfaceSelection::resolveInbound(const InterfaceTable& table,
                                                const SelectedSide& outbound) const {
    SelectedSide side;
    for (const auto& item : inbound_) {
        if (item.kind == Item::Kind::Address) {
            add(side, kInbound, item.text, pickByAddress(table, item.ip));
            continue;
        }
        if (item.kind == Item::Kind::Name) {
            add(side, kInbound, item.text, pickByName(table, item.text));
            continue;
        }
        if (outbound_.kind == Item::Kind::Auto && outbound.interfaces.empty()) {
            // Which of the interfaces is not for phones shows only then.
            add(side, kInbound, item.text,
                std::unexpected(std::string("the outbound interface is not there yet")));
            continue;
        }
        const std::string& name =
            outbound.interfaces.empty() ? outbound_.text : outbound.interfaces.front().name;
        add(side, kInbound, item.text, pickBeside(table, name, outbound));
    }
    return side;
}

}  // namespace siproxd::net
