// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/tcp_socket.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "net/packet_info.h"

namespace siproxd::net {

namespace {

bool setOption(int fd, int level, int name, int value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

std::unexpected<base::Error> failure(const std::string& what) {
    const int number = errno;
    return base::fail("cannot " + what + ": " + std::strerror(number));
}

base::UniqueFd newSocket(int family) {
    return base::UniqueFd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// Milliseconds. The kernel's own patience is a quarter of an hour, during which calls go nowhere.
constexpr int kMostUnacknowledged = 30'000;

bool bindTo(int fd, const base::SocketAddress& local) {
    sockaddr_storage address{};
    const socklen_t length = local.toSockaddr(address);
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0;
}

}  // namespace

TcpListener::TcpListener(base::UniqueFd fd, const base::SocketAddress& local)
    : fd_(std::move(fd)), local_(local) {}

base::Result<TcpListener> TcpListener::listen(const base::SocketAddress& local, int backlog) {
    sockaddr_storage address{};
    if (local.toSockaddr(address) == 0) {
        return base::fail("cannot listen on no address");
    }
    base::UniqueFd fd = newSocket(address.ss_family);
    if (!fd || !setOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1) ||
        (local.ip.isV6() && !setOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
        !bindTo(fd.get(), local) || ::listen(fd.get(), backlog) != 0) {
        return failure("listen on TCP " + local.toString());
    }
    const auto bound = localAddress(fd.get());
    return TcpListener(std::move(fd), bound);
}

AcceptStatus TcpListener::accept(Accepted& out) const {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    base::UniqueFd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &length,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
        out.remote = base::SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&peer));
        out.local = localAddress(fd.get());
        out.interfaceIndex = interfaceOfAccepted(fd.get(), out.remote.ip.isV6());
        out.fd = std::move(fd);
        return AcceptStatus::Accepted;
    }
    switch (errno) {
        case EAGAIN: return AcceptStatus::Empty;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: return AcceptStatus::Exhausted;
        default: return AcceptStatus::Error;
    }
}

base::Result<base::UniqueFd> connectTcp(const base::IpAddress& from,
                                        const base::SocketAddress& to) {
    sockaddr_storage target{};
    const socklen_t length = to.toSockaddr(target);
    const std::string what = "connect to " + to.toString();
    if (length == 0) {
        return base::fail("cannot connect to no address");
    }
    base::UniqueFd fd = newSocket(target.ss_family);
    if (!fd) {
        return failure(what);
    }
    if (from && !from.isUnspecified()) {
        // The port is chosen by connect(), so that one may serve many destinations.
        setOption(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        if (!bindTo(fd.get(), {from, 0})) {
            return failure(what + " from " + from.toString());
        }
    }
    int result = -1;
    do {
        result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target), length);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EINPROGRESS) {
        return failure(what);
    }
    return fd;
}

base::SocketAddress localAddress(int fd) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        return {};
    }
    return base::SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&address));
}

void tuneForMessages(int fd, base::Family family, unsigned dscp) {
    setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kMostUnacknowledged);
    if (dscp == 0) {
        return;
    }
    // The code point is the upper six bits of the former type of service octet.
    const int octet = static_cast<int>((dscp & 0x3fU) << 2U);
    if (family == base::Family::V6) {
        setOption(fd, IPPROTO_IPV6, IPV6_TCLASS, octet);
    } else {
        setOption(fd, IPPROTO_IP, IP_TOS, octet);
    }
}

}  // namespace siproxd::net
