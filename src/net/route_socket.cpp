// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/route_socket.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

namespace siproxd::net {

namespace {

constexpr timeval kPatience{.tv_sec = 3, .tv_usec = 0};

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif
#ifndef RTEXT_FILTER_SKIP_STATS
#define RTEXT_FILTER_SKIP_STATS (1 << 3)
#endif

std::string because(const char* what) {
    return std::string(what) + ": " + std::strerror(errno);
}

base::Result<base::UniqueFd> openBound(int flags, std::uint32_t groups) {
    base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
    if (!fd) {
        return base::fail(because("cannot open a netlink socket"));
    }
    sockaddr_nl own{};
    own.nl_family = AF_NETLINK;
    own.nl_groups = groups;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
        return base::fail(because("cannot listen to netlink"));
    }
    return fd;
}

}  // namespace

base::Result<RouteSocket> RouteSocket::forQuestions() {
    auto fd = openBound(0, 0);
    if (!fd) {
        return std::unexpected(fd.error());
    }
    // Neither is needed: older kernels send all routes, and a question is answered at once.
    const int on = 1;
    (void)::setsockopt(fd->get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    (void)::setsockopt(fd->get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    return RouteSocket(std::move(*fd));
}

base::Result<RouteSocket> RouteSocket::forNews() {
    auto fd = openBound(SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                           RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE);
    if (!fd) {
        return std::unexpected(fd.error());
    }
    return RouteSocket(std::move(*fd));
}

base::Result<void> RouteSocket::ask(std::uint16_t type, std::uint8_t family,
                                    std::uint32_t sequence) const {
    alignas(nlmsghdr) char buffer[128];
    nlmsghdr* message = mnl_nlmsg_put_header(buffer);
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message->nlmsg_seq = sequence;
    if (type == RTM_GETROUTE) {
        auto* route = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
        route->rtm_family = family;
        route->rtm_table = RT_TABLE_MAIN;
        route->rtm_type = RTN_UNICAST;
    } else if (type == RTM_GETADDR) {
        auto* address =
            static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)));
        address->ifa_family = family;
    } else {
        auto* link =
            static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
        link->ifi_family = family;
        mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    }
    return send({buffer, message->nlmsg_len});
}

base::Result<void> RouteSocket::send(std::span<const char> message) const {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (::sendto(fd(), message.data(), message.size(), 0,
                 reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) {
        return base::fail(because("cannot ask the kernel by netlink"));
    }
    return {};
}

RouteSocket::Received RouteSocket::receive(std::span<char> buffer) const {
    while (true) {
        sockaddr_nl sender{};
        iovec part{buffer.data(), buffer.size()};
        msghdr header{};
        header.msg_name = &sender;
        header.msg_namelen = sizeof sender;
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        const auto length = ::recvmsg(fd(), &header, 0);
        if (length < 0) {
            if (errno == EINTR) {
                continue;
            }
            return {errno == EAGAIN    ? Status::Empty
                    : errno == ENOBUFS ? Status::Lost
                                       : Status::Failed,
                    0};
        }
        if (header.msg_namelen != sizeof sender || sender.nl_pid != 0) {
            continue;
        }
        return {(header.msg_flags & MSG_TRUNC) != 0 ? Status::Lost : Status::Datagram,
                static_cast<std::size_t>(length)};
    }
}

}  // namespace siproxd::net
