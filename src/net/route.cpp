// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/route.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace siproxd::net {

namespace {

bool isNumber(const nlattr* attribute, int type) {
    return mnl_attr_get_type(attribute) == type && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0;
}

int takeMetric(const nlattr* attribute, void* data) {
    if (isNumber(attribute, RTAX_MTU)) {
        static_cast<Route*>(data)->mtu = mnl_attr_get_u32(attribute);
    }
    return MNL_CB_OK;
}

int takeAttribute(const nlattr* attribute, void* data) {
    if (isNumber(attribute, RTA_OIF)) {
        static_cast<Route*>(data)->interface = mnl_attr_get_u32(attribute);
    } else if (mnl_attr_get_type(attribute) == RTA_METRICS) {
        mnl_attr_parse_nested(attribute, takeMetric, data);
    }
    return MNL_CB_OK;
}

int takeRoute(const nlmsghdr* message, void* data) {
    if (message->nlmsg_type != RTM_NEWROUTE) {
        return MNL_CB_OK;
    }
    const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
    if (header->rtm_type == RTN_UNICAST) {
        mnl_attr_parse(message, sizeof(rtmsg), takeAttribute, data);
    }
    return MNL_CB_STOP;
}

/// Of the interface itself; 0: not known.
unsigned mtuOf(unsigned interface) {
    ifreq request{};
    const base::UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return any && ::if_indextoname(interface, request.ifr_name) != nullptr &&
                   ::ioctl(any.get(), SIOCGIFMTU, &request) == 0
               ? static_cast<unsigned>(request.ifr_mtu)
               : 0;
}

}  // namespace

base::Result<RouteQuestions> RouteQuestions::open() {
    auto socket = RouteSocket::forQuestions();
    if (!socket) {
        return std::unexpected(std::move(socket.error()));
    }
    return RouteQuestions(std::move(*socket));
}

std::optional<Route> RouteQuestions::find(const base::IpAddress& source,
                                          const base::IpAddress& destination) {
    alignas(nlmsghdr) std::array<char, 256> buffer{};
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = RTM_GETROUTE;
    message->nlmsg_flags = NLM_F_REQUEST;
    message->nlmsg_seq = ++sequence_;
    auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
    const std::uint8_t size = destination.isV6() ? 16 : 4;
    header->rtm_family = destination.isV6() ? AF_INET6 : AF_INET;
    header->rtm_dst_len = static_cast<std::uint8_t>(size * 8);
    header->rtm_src_len = header->rtm_dst_len;
    mnl_attr_put(message, RTA_DST, size, destination.bytes().data());
    mnl_attr_put(message, RTA_SRC, size, source.bytes().data());
    if (!socket_.send({buffer.data(), message->nlmsg_len})) {
        return std::nullopt;
    }
    std::array<char, 4096> answer{};
    for (;;) {
        const auto received = socket_.receive(answer);
        if (received.status != RouteSocket::Status::Datagram) {
            return std::nullopt;
        }
        Route route;
        const int status =
            mnl_cb_run(answer.data(), received.length, sequence_, 0, takeRoute, &route);
        if (status < 0 && errno == EPROTO) {
            continue;  // the answer to an earlier question
        }
        if (status < 0 || route.interface == 0) {
            return std::nullopt;
        }
        if (route.mtu == 0) {
            route.mtu = mtuOf(route.interface);
        }
        return route.mtu != 0 ? std::optional(route) : std::nullopt;
    }
}

}  // namespace siproxd::net
