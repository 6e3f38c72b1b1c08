// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/packet_info.h"

#include <cstring>

namespace siproxd::net {

bool wantPacketInfo(int fd, bool v6, bool wanted) {
    const int value = wanted ? 1 : 0;
    return v6 ? ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &value, sizeof value) == 0
              : ::setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &value, sizeof value) == 0;
}

PacketInfo readPacketInfo(msghdr& message) {
    PacketInfo out;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(header), sizeof info);
            // Not ipi_addr: for a broadcast that is no address that could be answered from.
            out.destination = base::IpAddress(info.ipi_spec_dst);
            out.interfaceIndex = static_cast<unsigned>(info.ipi_ifindex);
        } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(header), sizeof info);
            out.destination = base::IpAddress(info.ipi6_addr);
            out.interfaceIndex = info.ipi6_ifindex;
        }
    }
    return out;
}

unsigned interfaceOfAccepted(int fd, bool v6) {
    // There is no call that only asks: the kernel answers with what it would tell of packets. It
    // remembers the interface of the handshake whether that was wanted then or not.
    if (!wantPacketInfo(fd, v6)) {
        return 0;
    }
    PacketInfoBuffer buffer{};
    socklen_t length = sizeof buffer.bytes;
    const bool told = v6 ? ::getsockopt(fd, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, buffer.bytes,
                                        &length) == 0
                         : ::getsockopt(fd, IPPROTO_IP, IP_PKTOPTIONS, buffer.bytes, &length) == 0;
    // IPv6 would keep a copy of each packet.
    wantPacketInfo(fd, v6, false);
    if (!told) {
        return 0;
    }
    msghdr message{};
    message.msg_control = buffer.bytes;
    message.msg_controllen = length;
    return readPacketInfo(message).interfaceIndex;
}

}  // namespace siproxd::net
