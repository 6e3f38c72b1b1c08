// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "event/loop.h"
#include "transport/transport.h"

namespace siproxd::net {
struct Datagram;
}

namespace siproxd::transport {

/// Limits of SIP over UDP; all but dscp at least 1.
struct UdpSettings {
    unsigned dscp = 0;                    ///< sip_dscp, 0–63; 0: not set
    std::size_t datagramsPerWakeUp = 32;  ///< read from one socket before others get a turn
    std::size_t queueDatagrams = 64;      ///< waiting to be sent by one socket; more fail to send
    std::size_t queueBytes = 256 * 1024;  ///< of those datagrams, likewise
    int receiveBuffer = 1024 * 1024;      ///< wished size of the kernel's buffer, in bytes
};

/// What has happened since the start.
struct UdpCounters {
    std::uint64_t received = 0;  ///< datagrams handed up
    std::uint64_t receivedBytes = 0;
    std::uint64_t keepalives = 0;    ///< empty ones and those of CR, LF and NUL only
    std::uint64_t unanswerable = 0;  ///< from port 0: dropped
    std::uint64_t receiveErrors = 0;
    std::uint64_t unreachable = 0;  ///< ICMP errors that were told as onUnreachable()
    std::uint64_t sent = 0;
    std::uint64_t sentBytes = 0;
    std::uint64_t queued = 0;   ///< had to wait for a socket
    std::uint64_t dropped = 0;  ///< the queue was full, or the socket was closed meanwhile
    std::uint64_t sendErrors = 0;

    friend bool operator==(const UdpCounters&, const UdpCounters&) = default;
};

/// SIP over UDP (RFC 3261 §18): one socket for each local address, added and removed at run time.
/// Datagrams of any length come whole. Keepalives (line ends as in RFC 5626 §3.5.1, empty datagrams
/// and the zero bytes that some phones send) are counted and not handed up. An ICMP error for a peer
/// that cannot be reached is told as onUnreachable(); it may be forged.
class UdpTransport final : public Transport {
public:
    /// Loop and handler must outlive it.
    UdpTransport(event::Loop& loop, Handler& handler, const UdpSettings& settings);
    ~UdpTransport() override;

    /// Starts to listen. Returns the address with the port that the kernel chose where 0 was given;
    /// the error says which address and why.
    [[nodiscard]] base::Result<base::SocketAddress> add(const base::SocketAddress& local,
                                                        SocketTag tag);

    /// Stops listening there and drops what is queued. False when there is no such socket.
    bool remove(const base::SocketAddress& local);

    /// The addresses it listens on, in the order they were added.
    [[nodiscard]] std::vector<base::SocketAddress> addresses() const;

    /// Sends from the socket on `flow.local`, or from one on all addresses of that port.
    [[nodiscard]] base::Result<void> send(std::string_view bytes, const base::Flow& flow) override;

    [[nodiscard]] const UdpCounters& counters() const { return counters_; }

private:
    class Listener;

    [[nodiscard]] base::Result<void> enqueue(Listener& listener, std::string_view bytes,
                                             const base::Flow& flow, const base::IpAddress& from);
    void flush(Listener& listener);
    void countSent(std::size_t bytes);
    void wake(const std::shared_ptr<Listener>& listener, std::uint8_t ready);
    void takeErrors(const Listener& listener);
    void handUp(const Listener& listener, const net::Datagram& datagram);

    event::Loop& loop_;
    Handler& handler_;
    UdpSettings settings_;
    UdpCounters counters_;
    // Shared, because a handler may remove the socket whose datagrams it is being handed.
    std::vector<std::shared_ptr<Listener>> listeners_;
    std::vector<char> buffer_;
};

}  // namespace siproxd::transport
