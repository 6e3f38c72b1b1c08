// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"

namespace siproxd::net {

/// Room for what the kernel tells in either family, aligned as the CMSG macros want it.
union PacketInfoBuffer {
    cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo))];
};

/// Where a packet came to us.
struct PacketInfo {
    base::IpAddress destination;  ///< could be answered from; none when the kernel did not tell
    unsigned interfaceIndex = 0;  ///< 0 likewise
};

/// Has the kernel tell with each packet of the socket from now on, or not any more. False: it does
/// not want to, errno says why.
bool wantPacketInfo(int fd, bool v6, bool wanted = true);

/// What ancillary data says.
[[nodiscard]] PacketInfo readPacketInfo(msghdr& message);

/// The interface by which the peer of an accepted TCP socket finished its handshake, which nobody
/// can do who does not receive our packets; 0: the kernel does not tell. A connection that we opened
/// has none.
[[nodiscard]] unsigned interfaceOfAccepted(int fd, bool v6);

}  // namespace siproxd::net
