// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/interface_table.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>

namespace siproxd::net {

namespace {

/// Less is better.
auto rank(const InterfaceAddress& address) {
    const bool v6 = address.ip.isV6();
    // DHCP gives IPv4 addresses a lifetime too, but there the kernel's order (primary before
    // secondary) is what people know from `ip address`.
    return std::tuple(!address.usable(), v6, address.deprecated, address.temporary,
                      address.ip.isLinkLocal(), v6 && address.ip.isPrivate(),
                      v6 && address.dynamic);
}

void putInOrder(Interface& interface) {
    auto& addresses = interface.addresses;
    std::ranges::stable_sort(addresses, {}, rank);
    const auto isV6LinkLocal = [](const InterfaceAddress& address) {
        return address.ip.isV6() && address.ip.isLinkLocal();
    };
    std::ranges::copy_if(addresses, std::back_inserter(interface.linkLocal), isV6LinkLocal);
    std::erase_if(addresses, isV6LinkLocal);
}

/// A private network that lives inside this machine: no phone is plugged in there.
bool isVirtualBridge(std::string_view name) {
    for (const std::string_view prefix : {"docker", "podman", "cni", "virbr", "lxcbr", "lxdbr"}) {
        if (name.starts_with(prefix)) {
            return true;
        }
    }
    // Docker names the bridges of its further networks br-<12 hexadecimal digits>.
    return name.size() == 15 && name.starts_with("br-") &&
           name.find_first_not_of("0123456789abcdefABCDEF", 3) == std::string_view::npos;
}

}  // namespace

bool Interface::reaches(const base::IpAddress& address) const {
    return std::ranges::any_of(addresses, [&](const InterfaceAddress& own) {
        return own.ip.family() == address.family() && own.subnet().contains(address);
    });
}

InterfaceTable::InterfaceTable(std::vector<Interface> interfaces, std::string defaultRouteV4,
                               std::string defaultRouteV6)
    : interfaces_(std::move(interfaces)),
      defaultRouteV4_(std::move(defaultRouteV4)),
      defaultRouteV6_(std::move(defaultRouteV6)) {
    std::ranges::for_each(interfaces_, putInOrder);
}

const Interface* InterfaceTable::byName(std::string_view name) const {
    const auto found = std::ranges::find(interfaces_, name, &Interface::name);
    return found == interfaces_.end() ? nullptr : &*found;
}

const Interface* InterfaceTable::byIndex(unsigned index) const {
    const auto found = std::ranges::find(interfaces_, index, &Interface::index);
    return found == interfaces_.end() ? nullptr : &*found;
}

const Interface* InterfaceTable::byAddress(const base::IpAddress& address) const {
    const auto has = [&](const std::vector<InterfaceAddress>& addresses) {
        return std::ranges::find(addresses, address, &InterfaceAddress::ip) != addresses.end();
    };
    const auto found = std::ranges::find_if(interfaces_, [&](const Interface& candidate) {
        return has(candidate.addresses) || has(candidate.linkLocal);
    });
    return found == interfaces_.end() ? nullptr : &*found;
}

std::optional<base::IpAddress> InterfaceTable::first(std::string_view name,
                                                     base::Family family) const {
    const Interface* interface = byName(name);
    if (interface == nullptr || !interface->up) {
        return std::nullopt;
    }
    for (const auto& address : interface->addresses) {
        if (address.ip.family() == family && address.usable()) {
            return address.ip;
        }
    }
    return std::nullopt;
}

std::optional<std::string> InterfaceTable::defaultRouteInterface(base::Family family) const {
    const auto& name = family == base::Family::V6 ? defaultRouteV6_ : defaultRouteV4_;
    if (name.empty()) {
        return std::nullopt;
    }
    return name;
}

bool InterfaceTable::isLocalAddress(const base::IpAddress& address) const {
    return address.isLoopback() || byAddress(address) != nullptr;
}

bool InterfaceTable::subnetContains(std::string_view name, const base::IpAddress& address) const {
    const Interface* interface = byName(name);
    return interface != nullptr && interface->reaches(address);
}

std::optional<InterfaceTable::Suggestion> InterfaceTable::suggestInterfaces() const {
    const Interface* outbound = byName(defaultRouteV4_.empty() ? defaultRouteV6_ : defaultRouteV4_);
    if (outbound == nullptr) {
        return std::nullopt;
    }
    const Interface* inbound = suggestInbound(outbound->name);
    return Suggestion{.inbound = inbound == nullptr ? outbound->name : inbound->name,
                      .outbound = outbound->name};
}

const Interface* InterfaceTable::suggestInbound(std::string_view outbound) const {
    const Interface* other = byName(outbound);
    const bool onlyV6 = defaultRouteV4_.empty() && !defaultRouteV6_.empty();
    const auto isForPhones = [&](const InterfaceAddress& address) {
        return address.ip.isV4() ? address.ip.isPrivate() : onlyV6;
    };
    const auto found = std::ranges::find_if(interfaces_, [&](const Interface& candidate) {
        return candidate.up && candidate.running && !candidate.loopback &&
               !candidate.pointToPoint && candidate.name != outbound &&
               (other == nullptr || candidate.index != other->index) &&
               !isVirtualBridge(candidate.name) &&
               std::ranges::any_of(candidate.addresses, isForPhones);
    });
    return found == interfaces_.end() ? nullptr : &*found;
}

}  // namespace siproxd::net
