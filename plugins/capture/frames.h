// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace capture {

/// One end of a conversation.
struct End {
    std::string ip;  ///< IPv4 or IPv6, as text
    std::uint16_t port = 0;
};

/// The IP packet that carries a datagram; empty: the addresses are none, or of two versions. Longer data is cut.
[[nodiscard]] std::string udpPacket(const End& from, const End& to, std::string_view data);

/// Makes TCP segments of messages, with numbers that go on, so that readers put them together. What is known of most
/// connections is forgotten in the course of time.
class TcpPackets {
public:
    /// The IP packets that carry a message, one after the other. `connection` tells apart those between the same ends.
    [[nodiscard]] std::vector<std::string> packets(const End& from, const End& to, std::uint64_t connection,
                                                   std::string_view data);
    [[nodiscard]] std::size_t size() const { return order_.size(); }

private:
    /// How many bytes each end has sent.
    struct Sent {
        std::string key;
        std::uint32_t lower = 1;   ///< the end whose text is the lower one
        std::uint32_t higher = 1;
    };

    [[nodiscard]] Sent& sentOf(const std::string& key);

    std::list<Sent> order_;  ///< the latest first
    std::unordered_map<std::string, std::list<Sent>::iterator> index_;
};

/// The IP packet within a frame of that link type (DLT_…); empty: there is none.
[[nodiscard]] std::string_view ipIn(std::string_view frame, int linkType);

/// Of an IP packet with UDP: its ports; 0 and 0: it has none.
struct Ports {
    std::uint16_t from = 0;
    std::uint16_t to = 0;
};
[[nodiscard]] Ports udpPorts(std::string_view packet);

}  // namespace capture
