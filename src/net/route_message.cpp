// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/route_message.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

namespace siproxd::net {

namespace {

/// The kernel's MAX_ERRNO.
constexpr int kMostErrno = 4095;

/// The next message of `datagram`, which is cut to what follows it; null at its end or where the
/// lengths stop making sense.
const nlmsghdr* nextMessage(std::span<const char>& datagram) {
    if (datagram.size() < sizeof(nlmsghdr)) {
        return nullptr;
    }
    const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
    // Attributes are read up to the aligned length, so that has to be there too.
    const std::size_t length = message->nlmsg_len;
    if (length < sizeof(nlmsghdr) || length > datagram.size() ||
        MNL_ALIGN(length) > datagram.size()) {
        datagram = {};
        return nullptr;
    }
    datagram = datagram.subspan(MNL_ALIGN(length));
    return message;
}

/// The fixed part behind the header; null when the message is too short for it.
template <class Body>
const Body* bodyOf(const nlmsghdr* message) {
    return mnl_nlmsg_get_payload_len(message) < sizeof(Body)
               ? nullptr
               : static_cast<const Body*>(mnl_nlmsg_get_payload(message));
}

/// The attributes behind the fixed part, by type. Of several of one type the last counts.
template <std::uint16_t Max>
class Attributes {
public:
    Attributes(const nlmsghdr* message, std::size_t bodyLength) {
        const auto collect = [](const nlattr* attribute, void* self) -> int {
            const auto type = mnl_attr_get_type(attribute);
            if (type <= Max) {
                static_cast<Attributes*>(self)->found_[type] = attribute;
            }
            return MNL_CB_OK;
        };
        mnl_attr_parse(message, static_cast<unsigned>(bodyLength), collect, this);
    }

    [[nodiscard]] std::span<const char> bytes(std::uint16_t type) const {
        const nlattr* attribute = found_[type];
        if (attribute == nullptr) {
            return {};
        }
        return {static_cast<const char*>(mnl_attr_get_payload(attribute)),
                mnl_attr_get_payload_len(attribute)};
    }
    [[nodiscard]] std::optional<std::uint32_t> number(std::uint16_t type) const {
        const nlattr* attribute = found_[type];
        if (attribute == nullptr || mnl_attr_validate(attribute, MNL_TYPE_U32) < 0) {
            return std::nullopt;
        }
        return mnl_attr_get_u32(attribute);
    }
    /// Up to its NUL, which need not be there.
    [[nodiscard]] std::string_view text(std::uint16_t type) const {
        const auto all = bytes(type);
        return {all.data(), all.empty() ? 0 : ::strnlen(all.data(), all.size())};
    }
    [[nodiscard]] base::IpAddress address(std::uint16_t type, int family) const {
        const auto all = bytes(type);
        if (family == AF_INET && all.size() == sizeof(in_addr)) {
            in_addr v4{};
            std::memcpy(&v4, all.data(), sizeof v4);
            return base::IpAddress(v4);
        }
        if (family == AF_INET6 && all.size() == sizeof(in6_addr)) {
            in6_addr v6{};
            std::memcpy(&v6, all.data(), sizeof v6);
            return base::IpAddress(v6);
        }
        return {};
    }

private:
    std::array<const nlattr*, Max + 1> found_{};
};

/// The interface of the first next hop that is not dead.
unsigned firstHop(std::span<const char> hops) {
    rtnexthop hop{};
    while (hops.size() >= sizeof hop) {
        std::memcpy(&hop, hops.data(), sizeof hop);
        if (hop.rtnh_len < sizeof hop || hop.rtnh_len > hops.size()) {
            return 0;
        }
        if (hop.rtnh_ifindex > 0 && (hop.rtnh_flags & RTNH_F_DEAD) == 0) {
            return static_cast<unsigned>(hop.rtnh_ifindex);
        }
        hops = hops.subspan(std::min<std::size_t>(hops.size(), MNL_ALIGN(hop.rtnh_len)));
    }
    return 0;
}

void setFlags(InterfaceAddress& address, std::uint32_t flags) {
    // With IPv4 the bit of IFA_F_TEMPORARY means a secondary address.
    address.temporary = address.ip.isV6() && (flags & IFA_F_TEMPORARY) != 0;
    address.deprecated = (flags & IFA_F_DEPRECATED) != 0;
    address.dynamic = (flags & IFA_F_PERMANENT) == 0;
    // An optimistic address may be used while it is checked (RFC 4429).
    address.tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
    address.duplicate = (flags & IFA_F_DADFAILED) != 0;
}

bool isDefaultRoute(const rtmsg& route) {
    return (route.rtm_family == AF_INET || route.rtm_family == AF_INET6) &&
           route.rtm_dst_len == 0 && (route.rtm_flags & RTM_F_CLONED) == 0 &&
           route.rtm_type == RTN_UNICAST;
}

bool announcesChange(const nlmsghdr* message) {
    switch (message->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK: {
            // Bridges tell of their ports' states with the same type but their own family.
            const auto* link = bodyOf<ifinfomsg>(message);
            return link == nullptr || link->ifi_family == AF_UNSPEC;
        }
        case RTM_NEWROUTE:
        case RTM_DELROUTE: {
            const auto* route = bodyOf<rtmsg>(message);
            return route == nullptr || isDefaultRoute(*route);
        }
        default:
            return true;
    }
}

}  // namespace

RouteAnswers::Progress RouteAnswers::take(std::span<const char> datagram, std::uint32_t sequence) {
    while (const nlmsghdr* message = nextMessage(datagram)) {
        if (message->nlmsg_seq != sequence) {
            continue;
        }
        interrupted_ = interrupted_ || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        if (message->nlmsg_type == NLMSG_ERROR) {
            const auto* error = bodyOf<nlmsgerr>(message);
            // What is no errno is no reason (0 would be an acknowledgement, which nobody asked for).
            refusal_ = error == nullptr || error->error >= 0 || error->error < -kMostErrno
                           ? EIO
                           : -error->error;
            return Progress::Refused;
        }
        if (message->nlmsg_type == NLMSG_DONE) {
            return std::exchange(interrupted_, false) ? Progress::Interrupted : Progress::Done;
        }
        add(message);
    }
    return Progress::More;
}

void RouteAnswers::add(const nlmsghdr* message) {
    switch (message->nlmsg_type) {
        case RTM_NEWLINK:
            return addLink(message);
        case RTM_NEWADDR:
            return addAddress(message);
        case RTM_NEWROUTE:
            return addRoute(message);
        default:
            return;
    }
}

void RouteAnswers::addLink(const nlmsghdr* message) {
    const auto* link = bodyOf<ifinfomsg>(message);
    if (link == nullptr || link->ifi_family != AF_UNSPEC || link->ifi_index <= 0) {
        return;
    }
    const auto name = Attributes<IFLA_IFNAME>(message, sizeof *link).text(IFLA_IFNAME);
    if (name.empty() || name.size() >= IFNAMSIZ) {
        return;
    }
    const unsigned flags = link->ifi_flags;
    links_.push_back({.name = std::string(name),
                      .index = static_cast<unsigned>(link->ifi_index),
                      .up = (flags & IFF_UP) != 0,
                      .running = (flags & IFF_RUNNING) != 0,
                      .loopback = (flags & IFF_LOOPBACK) != 0,
                      .pointToPoint = (flags & IFF_POINTOPOINT) != 0});
}

void RouteAnswers::addAddress(const nlmsghdr* message) {
    const auto* body = bodyOf<ifaddrmsg>(message);
    if (body == nullptr || body->ifa_prefixlen > (body->ifa_family == AF_INET ? 32 : 128)) {
        return;
    }
    const Attributes<IFA_FLAGS> attributes(message, sizeof *body);
    const auto local = attributes.address(IFA_LOCAL, body->ifa_family);
    const auto address = attributes.address(IFA_ADDRESS, body->ifa_family);
    InterfaceAddress found{.ip = local ? local : address, .prefix = body->ifa_prefixlen};
    if (!found.ip) {
        return;
    }
    // Where both are there and differ, IFA_ADDRESS is the other end's.
    if (local && address && local != address) {
        found.peer = address;
    }
    setFlags(found, attributes.number(IFA_FLAGS).value_or(body->ifa_flags));
    const auto label = attributes.text(IFA_LABEL);
    addresses_.push_back({body->ifa_index,
                          std::string(label.size() < IFNAMSIZ ? label : std::string_view()),
                          found});
}

void RouteAnswers::addRoute(const nlmsghdr* message) {
    const auto* route = bodyOf<rtmsg>(message);
    if (route == nullptr || !isDefaultRoute(*route) || (route->rtm_flags & RTNH_F_DEAD) != 0) {
        return;
    }
    const Attributes<RTA_TABLE> attributes(message, sizeof *route);
    if (attributes.number(RTA_TABLE).value_or(route->rtm_table) != RT_TABLE_MAIN) {
        return;
    }
    const unsigned index =
        attributes.number(RTA_OIF).value_or(firstHop(attributes.bytes(RTA_MULTIPATH)));
    if (index != 0) {
        routes_.push_back({route->rtm_family == AF_INET ? base::Family::V4 : base::Family::V6,
                           index, attributes.number(RTA_PRIORITY).value_or(0)});
    }
}

std::string RouteAnswers::defaultRoute(base::Family family) const {
    const DefaultRoute* best = nullptr;
    for (const auto& route : routes_) {
        if (route.family == family && (best == nullptr || route.metric < best->metric)) {
            best = &route;
        }
    }
    const auto link = best == nullptr ? links_.end()
                                      : std::ranges::find(links_, best->index, &Interface::index);
    return link == links_.end() ? std::string() : link->name;
}

InterfaceTable RouteAnswers::table() const {
    auto interfaces = links_;
    for (const auto& [index, label, address] : addresses_) {
        const auto device = std::ranges::find(links_, index, &Interface::index);
        if (device == links_.end()) {
            continue;
        }
        const std::string& name = label.empty() ? device->name : label;
        auto entry = std::ranges::find_if(interfaces, [&](const Interface& candidate) {
            return candidate.index == index && candidate.name == name;
        });
        if (entry == interfaces.end()) {
            interfaces.push_back(*device);
            interfaces.back().name = name;
            entry = std::prev(interfaces.end());
        }
        entry->addresses.push_back(address);
    }
    // The kernel's order is that of its hash table. Stable: aliases stay behind their device.
    std::ranges::stable_sort(interfaces, {}, &Interface::index);
    return {std::move(interfaces), defaultRoute(base::Family::V4),
            defaultRoute(base::Family::V6)};
}

bool announcesChange(std::span<const char> datagram) {
    if (datagram.size() < sizeof(nlmsghdr)) {
        return true;
    }
    while (datagram.size() >= sizeof(nlmsghdr)) {
        const nlmsghdr* message = nextMessage(datagram);
        if (message == nullptr || announcesChange(message)) {
            return true;
        }
    }
    return false;
}

}  // namespace siproxd::net
