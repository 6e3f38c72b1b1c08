// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/udp_socket.h"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/packet_info.h"

namespace siproxd::net {

namespace {

/// An ICMPv6 error is no longer than the smallest MTU; those of IPv4 hold 576 bytes.
constexpr std::size_t kMostQuoted = 1280;

bool setOption(int fd, int level, int name, int value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool askForErrors(int fd, bool v6) {
    return v6 ? setOption(fd, IPPROTO_IPV6, IPV6_RECVERR, 1)
              : setOption(fd, IPPROTO_IP, IP_RECVERR, 1);
}

std::unexpected<base::Error> bindError(const base::SocketAddress& local) {
    const int number = errno;
    return base::fail("cannot bind to UDP " + local.toString() + ": " + std::strerror(number));
}

SendError errorOf(const sock_extended_err& report) {
    const int number = static_cast<int>(report.ee_errno);
    auto error = SendError::fromErrno(number);
    const bool unreachable =
        (report.ee_origin == SO_EE_ORIGIN_ICMP && report.ee_type == ICMP_DEST_UNREACH) ||
        (report.ee_origin == SO_EE_ORIGIN_ICMP6 && report.ee_type == ICMP6_DST_UNREACH);
    if (error.kind == SendError::Kind::Unreachable && !unreachable) {
        error.kind = SendError::Kind::Other;  // a loop on the way, which may be over soon
    }
    return error;
}

template <class Info>
void appendControl(msghdr& message, PacketInfoBuffer& control, int level, int type,
                   const Info& info) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof info);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

void setSourceAddress(msghdr& message, PacketInfoBuffer& control, const base::IpAddress& from) {
    if (from.isV4()) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, from.bytes().data(), sizeof info.ipi_spec_dst);
        appendControl(message, control, IPPROTO_IP, IP_PKTINFO, info);
    } else if (from.isV6()) {
        in6_pktinfo info{};
        std::memcpy(&info.ipi6_addr, from.bytes().data(), sizeof info.ipi6_addr);
        appendControl(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

}  // namespace

SendError SendError::fromErrno(int number) {
    switch (number) {
        case EAGAIN:
            return {Kind::WouldBlock, number};
        case ENETUNREACH:
        case EHOSTUNREACH:
        case ENETDOWN:
        case EHOSTDOWN:
        case ECONNREFUSED:
            return {Kind::Unreachable, number};
        case EMSGSIZE:
            return {Kind::TooBig, number};
        case EPERM:
        case EACCES:
            return {Kind::Denied, number};
        default:
            return {Kind::Other, number};
    }
}

std::string SendError::message() const { return std::strerror(number); }

UdpSocket::UdpSocket(base::UniqueFd fd, const base::SocketAddress& local, const Options& options)
    : fd_(std::move(fd)), local_(local), peerErrors_(options.peerErrors) {}

base::Result<UdpSocket> UdpSocket::bind(const base::SocketAddress& local, const Options& options) {
    sockaddr_storage address{};
    socklen_t length = local.toSockaddr(address);
    if (length == 0) {
        return base::fail("cannot bind a UDP socket to no address");
    }
    const bool v6 = local.ip.isV6();
    base::UniqueFd fd(::socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd || (v6 && !setOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
        (options.packetInfo && !wantPacketInfo(fd.get(), v6)) ||
        (options.peerErrors && !askForErrors(fd.get(), v6)) ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
        return bindError(local);
    }
    if (local.port != 0) {
        return UdpSocket(std::move(fd), local, options);
    }
    length = sizeof address;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        return bindError(local);
    }
    const auto bound = base::SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&address));
    return UdpSocket(std::move(fd), bound, options);
}

ReceiveStatus UdpSocket::receive(std::span<char> buffer, Datagram& out) const {
    sockaddr_storage source{};
    iovec vector{buffer.data(), buffer.size()};
    PacketInfoBuffer control;
    msghdr message{};
    message.msg_name = &source;
    message.msg_namelen = sizeof source;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;

    ssize_t length = -1;
    do {
        length = ::recvmsg(fd_.get(), &message, 0);
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        return errno == EAGAIN ? ReceiveStatus::Empty : ReceiveStatus::Error;
    }
    out = {};
    out.length = static_cast<std::size_t>(length);
    out.truncated = (message.msg_flags & MSG_TRUNC) != 0;
    out.source = base::SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&source));
    const auto info = readPacketInfo(message);
    out.destination = info.destination;
    out.interfaceIndex = info.interfaceIndex;
    return ReceiveStatus::Datagram;
}

std::expected<void, SendError> UdpSocket::send(std::string_view bytes,
                                               const base::SocketAddress& to,
                                               const base::IpAddress& from) const {
    sockaddr_storage target{};
    // sendmsg() only reads what the vector points to.
    iovec vector{const_cast<char*>(bytes.data()), bytes.size()};
    PacketInfoBuffer control{};
    msghdr message{};
    message.msg_namelen = to.toSockaddr(target);
    message.msg_name = &target;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    setSourceAddress(message, control, from);

    const auto attempt = [&] {
        ssize_t sent = -1;
        do {
            sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        return sent;
    };
    ssize_t sent = attempt();
    if (sent < 0 && errno != EAGAIN && peerErrors_) {
        // It may have been told of an ICMP error that is another peer's.
        sent = attempt();
    }
    if (sent < 0) {
        return std::unexpected(SendError::fromErrno(errno));
    }
    return {};
}

std::optional<PeerError> UdpSocket::takeError() const {
    sockaddr_storage peer{};
    union {
        cmsghdr align;
        char bytes[512];
    } control;
    char quoted[kMostQuoted];
    iovec vector{quoted, sizeof quoted};
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = sizeof peer;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    const auto length = ::recvmsg(fd_.get(), &message, MSG_ERRQUEUE);
    if (length < 0) {
        return std::nullopt;
    }
    PeerError result{base::SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&peer)),
                     {},
                     std::string(quoted, static_cast<std::size_t>(length))};
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if ((header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR) ||
            (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR)) {
            sock_extended_err report{};
            std::memcpy(&report, CMSG_DATA(header), sizeof report);
            result.error = errorOf(report);
        }
    }
    return result;
}

base::Result<void> UdpSocket::setDscp(unsigned dscp) {
    // The code point is the upper six bits of the former type of service octet.
    const int octet = static_cast<int>((dscp & 0x3fU) << 2U);
    const bool done = local_.ip.isV6() ? setOption(fd_.get(), IPPROTO_IPV6, IPV6_TCLASS, octet)
                                       : setOption(fd_.get(), IPPROTO_IP, IP_TOS, octet);
    if (!done) {
        const int number = errno;
        return base::fail("cannot set DSCP " + std::to_string(dscp) + " on " + local_.toString() +
                          ": " + std::strerror(number));
    }
    return {};
}

void UdpSocket::setReceiveBuffer(int bytes) {
    if (!setOption(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, bytes)) {
        setOption(fd_.get(), SOL_SOCKET, SO_RCVBUF, bytes);
    }
}

void UdpSocket::setSendBuffer(int bytes) {
    if (!setOption(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, bytes)) {
        setOption(fd_.get(), SOL_SOCKET, SO_SNDBUF, bytes);
    }
}

}  // namespace siproxd::net
