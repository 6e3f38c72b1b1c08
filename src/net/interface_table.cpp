// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/interface_table.h"

#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/route.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace siproxd::net {

namespace {

struct IfaddrsDeleter {
    void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

unsigned prefixOf(const sockaddr* netmask) {
    if (netmask == nullptr) {
        return 0;
    }
    const base::IpAddress mask = base::SocketAddress::fromSockaddr(netmask).ip;
    unsigned bits = 0;
    for (const auto byte : mask.bytes()) {
        bits += static_cast<unsigned>(std::popcount(byte));
    }
    return bits;
}

unsigned indexOf(const ifaddrs& entry) {
    if (entry.ifa_addr != nullptr && entry.ifa_addr->sa_family == AF_PACKET) {
        sockaddr_ll link{};
        std::memcpy(&link, entry.ifa_addr, sizeof link);
        return static_cast<unsigned>(link.sll_ifindex);
    }
    std::string device = entry.ifa_name;
    device.resize(std::min(device.size(), device.find(':')));
    return ::if_nametoindex(device.c_str());
}

Interface& entryFor(std::vector<Interface>& interfaces, const ifaddrs& entry) {
    const auto found = std::ranges::find(interfaces, std::string_view(entry.ifa_name),
                                         &Interface::name);
    if (found != interfaces.end()) {
        return *found;
    }
    const unsigned flags = entry.ifa_flags;
    return interfaces.emplace_back(Interface{.name = entry.ifa_name,
                                             .index = indexOf(entry),
                                             .up = (flags & IFF_UP) != 0,
                                             .running = (flags & IFF_RUNNING) != 0,
                                             .loopback = (flags & IFF_LOOPBACK) != 0,
                                             .pointToPoint = (flags & IFF_POINTOPOINT) != 0,
                                             .addresses = {}});
}

std::optional<unsigned long> hexNumber(std::string_view text) {
    unsigned long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::vector<std::string_view> columns(std::string_view line) {
    std::vector<std::string_view> result;
    while (true) {
        const auto start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos) {
            return result;
        }
        line.remove_prefix(start);
        const auto length = std::min(line.size(), line.find_first_of(" \t"));
        result.push_back(line.substr(0, length));
        line.remove_prefix(length);
    }
}

/// A private network that lives inside this machine: no phone is plugged in there.
bool isVirtualBridge(std::string_view name) {
    for (const std::string_view prefix : {"docker", "podman", "cni", "virbr", "lxcbr", "lxdbr"}) {
        if (name.starts_with(prefix)) {
            return true;
        }
    }
    // Docker names the bridges of its further networks br-<12 hexadecimal digits>.
    return name.size() == 15 && name.starts_with("br-") && hexNumber(name.substr(3));
}

bool hasPrivateV4(const Interface& candidate) {
    return std::ranges::any_of(candidate.addresses, [](const InterfaceAddress& address) {
        return address.ip.isV4() && address.ip.isPrivate();
    });
}

std::string readProcNetRoute() {
    std::ifstream file("/proc/net/route");
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

bool Interface::reaches(const base::IpAddress& address) const {
    return std::ranges::any_of(addresses, [&](const InterfaceAddress& own) {
        return own.ip.family() == address.family() &&
               base::Network(own.ip, own.prefix).contains(address);
    });
}

InterfaceTable::InterfaceTable(std::vector<Interface> interfaces, std::string defaultRoute)
    : interfaces_(std::move(interfaces)), defaultRoute_(std::move(defaultRoute)) {}

base::Result<InterfaceTable> InterfaceTable::read() {
    ifaddrs* raw = nullptr;
    if (::getifaddrs(&raw) != 0) {
        return base::fail(std::string("cannot read the network interfaces: ") +
                          std::strerror(errno));
    }
    const std::unique_ptr<ifaddrs, IfaddrsDeleter> list(raw);

    std::vector<Interface> interfaces;
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
        Interface& interface = entryFor(interfaces, *entry);
        if (entry->ifa_addr == nullptr) {
            continue;
        }
        if (const auto ip = base::SocketAddress::fromSockaddr(entry->ifa_addr).ip) {
            interface.addresses.push_back({ip, prefixOf(entry->ifa_netmask)});
        }
    }
    return InterfaceTable(std::move(interfaces), defaultRouteOf(readProcNetRoute()));
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
    const auto found = std::ranges::find_if(interfaces_, [&](const Interface& candidate) {
        return std::ranges::find(candidate.addresses, address, &InterfaceAddress::ip) !=
               candidate.addresses.end();
    });
    return found == interfaces_.end() ? nullptr : &*found;
}

std::optional<base::IpAddress> InterfaceTable::firstV4(std::string_view name) const {
    const Interface* interface = byName(name);
    if (interface == nullptr || !interface->up) {
        return std::nullopt;
    }
    for (const auto& address : interface->addresses) {
        if (address.ip.isV4()) {
            return address.ip;
        }
    }
    return std::nullopt;
}

std::optional<std::string> InterfaceTable::defaultRouteInterface() const {
    if (defaultRoute_.empty()) {
        return std::nullopt;
    }
    return defaultRoute_;
}

bool InterfaceTable::isLocalAddress(const base::IpAddress& address) const {
    return address.isLoopback() || byAddress(address) != nullptr;
}

bool InterfaceTable::subnetContains(std::string_view name, const base::IpAddress& address) const {
    const Interface* interface = byName(name);
    return interface != nullptr && interface->reaches(address);
}

std::optional<InterfaceTable::Suggestion> InterfaceTable::suggestInterfaces() const {
    const Interface* outbound = byName(defaultRoute_);
    if (outbound == nullptr) {
        return std::nullopt;
    }
    const auto inbound = std::ranges::find_if(interfaces_, [&](const Interface& candidate) {
        return candidate.up && candidate.running && !candidate.loopback &&
               !candidate.pointToPoint && candidate.index != outbound->index &&
               !isVirtualBridge(candidate.name) && hasPrivateV4(candidate);
    });
    return Suggestion{.inbound = inbound == interfaces_.end() ? outbound->name : inbound->name,
                      .outbound = outbound->name};
}

std::string defaultRouteOf(std::string_view procNetRoute) {
    // Iface Destination Gateway Flags RefCnt Use Metric Mask ..., the first line holds these names.
    enum Column : std::size_t { kInterface, kDestination, kFlags = 3, kMetric = 6, kMask };

    std::string best;
    std::uint64_t bestMetric = UINT64_MAX;
    for (const auto line : base::split(procNetRoute, '\n')) {
        const auto column = columns(line);
        if (column.size() <= kMask || hexNumber(column[kDestination]) != 0UL ||
            hexNumber(column[kMask]) != 0UL) {
            continue;
        }
        const auto flags = hexNumber(column[kFlags]).value_or(0);
        const auto metric = base::parseUnsigned(column[kMetric]);
        if ((flags & RTF_UP) != 0 && (flags & RTF_REJECT) == 0 && metric && *metric < bestMetric) {
            best = column[kInterface];
            bestMetric = *metric;
        }
    }
    return best;
}

InterfaceCache::InterfaceCache(const base::Clock& clock, base::Duration maxAge, Source source)
    : clock_(clock), maxAge_(maxAge), source_(std::move(source)) {}

const InterfaceTable& InterfaceCache::table() {
    if (!readAt_ || clock_.now() - *readAt_ >= maxAge_) {
        if (const auto result = refresh(); !result) {
            log::warningFromPeer("{}; going on with what was known before",
                                 result.error().message);
        }
    }
    return table_;
}

base::Result<void> InterfaceCache::refresh() {
    readAt_ = clock_.now();
    auto fresh = source_();
    if (!fresh) {
        return std::unexpected(std::move(fresh.error()));
    }
    if (*fresh != table_) {
        table_ = std::move(*fresh);
        ++generation_;
    }
    return {};
}

}  // namespace siproxd::net
