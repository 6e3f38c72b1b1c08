// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "net/udp_socket.h"
#include "support/addresses.h"
#include "support/catch.h"

namespace siproxd::test {

/// Whether this machine has an IPv6 loopback.
inline bool hasIpv6() {
    return net::UdpSocket::bind({ip("::1"), 0}).has_value();
}

/// First of `count` ports for a test: apart from those that the kernel gives out by itself, and
/// other ones in test runs that go on at the same time.
inline std::uint16_t testPorts(unsigned count) {
    static unsigned next = 10000 + static_cast<unsigned>(::getpid()) % 200 * 100;
    const auto first = next;
    next += count + count % 2;
    return static_cast<std::uint16_t>(first);
}

/// Waits until `done` or until 5 s are over, and tells which.
inline bool eventually(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        ::poll(nullptr, 0, 1);
    }
    return true;
}

/// A bare RTP packet.
inline std::string rtp(std::uint32_t ssrc, unsigned sequence, std::string_view payload = "audio") {
    const auto byte = [](std::uint32_t value) {
        return static_cast<char>(static_cast<unsigned char>(value & 0xffU));
    };
    std::string packet(12, '\0');
    packet[0] = byte(0x80);
    packet[1] = byte(8);
    packet[2] = byte(sequence >> 8U);
    packet[3] = byte(sequence);
    for (unsigned i = 0; i < 4; ++i) {
        packet[8 + i] = byte(ssrc >> (24 - 8 * i));
    }
    packet += payload;
    return packet;
}

/// A bare RTCP receiver report.
inline std::string rtcp(std::uint32_t ssrc) {
    std::string packet = rtp(0, 1, "").substr(0, 8);
    packet[1] = static_cast<char>(static_cast<unsigned char>(201));
    packet.replace(4, 4, rtp(ssrc, 0, "").substr(8, 4));
    return packet;
}

/// A party of a call: a socket on loopback.
class MediaPeer {
public:
    explicit MediaPeer(std::string_view address, std::uint16_t port = 0)
        : socket_(net::UdpSocket::bind({ip(address), port}).value()) {}

    [[nodiscard]] const base::SocketAddress& address() const { return socket_.local(); }

    void send(std::string_view bytes, const base::SocketAddress& to) const {
        REQUIRE(socket_.send(bytes, to));
    }

    /// Next datagram within 5 s, else nothing.
    std::string receive() {
        pollfd ready{socket_.fd(), POLLIN, 0};
        ::poll(&ready, 1, 5000);
        return receiveNow();
    }

    /// Datagram that is there already, else nothing.
    std::string receiveNow() {
        std::array<char, 65536> buffer;
        net::Datagram datagram;
        if (socket_.receive(buffer, datagram) != net::ReceiveStatus::Datagram) {
            return "";
        }
        from_ = datagram.source;
        return {buffer.data(), datagram.length};
    }

    /// Where the last datagram came from.
    [[nodiscard]] const base::SocketAddress& from() const { return from_; }
    [[nodiscard]] int fd() const { return socket_.fd(); }

private:
    net::UdpSocket socket_;
    base::SocketAddress from_;
};

}  // namespace siproxd::test
