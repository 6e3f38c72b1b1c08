// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace siproxd::net {

/// A connection that a peer has opened: its non-blocking socket and who is at both ends.
struct Accepted {
    base::UniqueFd fd;
    base::SocketAddress local;
    base::SocketAddress remote;
    unsigned interfaceIndex = 0;  ///< that the peer's packets come by; 0: unknown
};

enum class AcceptStatus : std::uint8_t {
    Accepted,
    Empty,      ///< nobody is waiting
    Exhausted,  ///< no descriptors or memory: the peer stays in the queue, try again later
    Error,      ///< this one was lost, there may be more
};

/// A bound, listening, non-blocking TCP socket that is closed on exec.
class TcpListener {
public:
    /// Listens on `local`; port 0 lets the kernel choose. IPv6 sockets never take IPv4. The error
    /// names the address.
    [[nodiscard]] static base::Result<TcpListener> listen(const base::SocketAddress& local,
                                                          int backlog = 128);

    /// Where it listens, with the port the kernel chose.
    [[nodiscard]] const base::SocketAddress& local() const { return local_; }
    [[nodiscard]] int fd() const { return fd_.get(); }

    /// Takes one connection. Never blocks.
    [[nodiscard]] AcceptStatus accept(Accepted& out) const;

private:
    TcpListener(base::UniqueFd fd, const base::SocketAddress& local);

    base::UniqueFd fd_;
    base::SocketAddress local_;
};

/// Begins to connect from `from` (no address leaves the choice to the kernel) and any port. The
/// descriptor becomes writable when that is decided, SO_ERROR says how. The error names the peer.
[[nodiscard]] base::Result<base::UniqueFd> connectTcp(const base::IpAddress& from,
                                                      const base::SocketAddress& to);

/// What the socket is bound to; no address when that cannot be told.
[[nodiscard]] base::SocketAddress localAddress(int fd);

/// For small messages that wait for answers: sends at once (TCP_NODELAY), with the code point 0–63
/// (RFC 2474), and the connection breaks when the peer's TCP acknowledges nothing for 30 s
/// (TCP_USER_TIMEOUT, RFC 5482). What the kernel refuses is left as it is.
void tuneForMessages(int fd, base::Family family, unsigned dscp);

}  // namespace siproxd::net
