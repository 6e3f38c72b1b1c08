// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace siproxd::net {

/// What came with a datagram besides its bytes.
struct Datagram {
    std::size_t length = 0;  ///< bytes of the buffer that are used
    bool truncated = false;  ///< the buffer was too short, the rest is lost
    base::SocketAddress source;
    base::IpAddress destination;  ///< no address unless the socket asks for packet information
    unsigned interfaceIndex = 0;  ///< 0 likewise
};

enum class ReceiveStatus : std::uint8_t {
    Datagram,  ///< one was read
    Empty,     ///< none is waiting
    Error,     ///< this one was lost, there may be more (errno says why)
};

/// Why a datagram did not leave.
struct SendError {
    enum class Kind : std::uint8_t {
        WouldBlock,   ///< the socket's buffer is full: try again when it is writable
        Unreachable,  ///< no route, no neighbour, or an ICMP error has come back before
        TooBig,       ///< longer than a datagram can be, or than the path allows
        Denied,       ///< a firewall rule or the kind of address forbids it
        Other,
    };
    Kind kind = Kind::Other;
    int number = 0;  ///< errno

    [[nodiscard]] static SendError fromErrno(int number);
    [[nodiscard]] std::string message() const;
};

/// An ICMP error that has come back for something that was sent. Anybody can make one up who knows
/// both addresses.
struct PeerError {
    base::SocketAddress peer;  ///< that was sent to
    SendError error;           ///< Unreachable only for RFC 792 type 3 and RFC 4443 type 1
    /// How the datagram began, as far as the error quotes it: all of it or some hundred bytes
    /// (RFC 1812 §4.3.2.3, RFC 4443 §2.4), 100 (RFC 4884), or none (RFC 792). What is known of it
    /// cannot be guessed by others.
    std::string quoted{};
};

/// A bound, non-blocking UDP socket that is closed on exec.
class UdpSocket {
public:
    struct Options {
        /// receive() tells destination and interface (IP_PKTINFO, RFC 3542 IPV6_PKTINFO).
        bool packetInfo = false;
        /// takeError() tells of ICMP errors (IP_RECVERR, IPV6_RECVERR). While some wait the
        /// descriptor counts as readable, and one receive() may return an Error for them.
        bool peerErrors = false;
    };

    /// Binds to `local`; port 0 lets the kernel choose, an unspecified address takes datagrams for
    /// all addresses of its family (IPv6 sockets never take IPv4). The error names the address.
    [[nodiscard]] static base::Result<UdpSocket> bind(const base::SocketAddress& local,
                                                      const Options& options);
    [[nodiscard]] static base::Result<UdpSocket> bind(const base::SocketAddress& local) {
        return bind(local, Options{});
    }

    /// Where it is bound, with the port the kernel chose.
    [[nodiscard]] const base::SocketAddress& local() const { return local_; }
    [[nodiscard]] int fd() const { return fd_.get(); }

    /// Reads one datagram. Never blocks.
    ReceiveStatus receive(std::span<char> buffer, Datagram& out) const;

    /// Sends one datagram. Never blocks. `from` chooses the source address on a socket bound to
    /// all addresses; no address leaves it to the kernel.
    std::expected<void, SendError> send(std::string_view bytes, const base::SocketAddress& to,
                                        const base::IpAddress& from = {}) const;

    /// Takes the oldest ICMP error that waits; nothing: there is none.
    [[nodiscard]] std::optional<PeerError> takeError() const;

    /// Differentiated services code point of what is sent, 0–63 (RFC 2474).
    base::Result<void> setDscp(unsigned dscp);

    /// Wished sizes of the kernel's buffers in bytes: beyond the kernel's own limits with the
    /// privilege to administer the network, silently cut to them without.
    void setReceiveBuffer(int bytes);
    void setSendBuffer(int bytes);

private:
    UdpSocket(base::UniqueFd fd, const base::SocketAddress& local, const Options& options);

    base::UniqueFd fd_;
    base::SocketAddress local_;
    bool peerErrors_;
};

}  // namespace siproxd::net
