// SPDX-License-Identifier: GPL-2.0-or-later
#include "frames.h"

#include <arpa/inet.h>
#include <pcap/dlt.h>

#include <algorithm>
#include <cstring>

namespace capture {

namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kTcpHeader = 20;
constexpr std::size_t kLongestIpHeader = 40;
constexpr std::size_t kMostData = 65'000;  // with all headers a packet stays below 64 kB
constexpr std::size_t kMostConnections = 5000;
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86DD;

void put16(std::string& out, std::size_t value) {
    out += static_cast<char>(value >> 8U & 0xFFU);
    out += static_cast<char>(value & 0xFFU);
}

void put16At(std::string& out, std::size_t at, std::uint16_t value) {
    out[at] = static_cast<char>(value >> 8U);
    out[at + 1] = static_cast<char>(value & 0xFFU);
}

void put32(std::string& out, std::uint32_t value) {
    put16(out, value >> 16U);
    put16(out, value & 0xFFFFU);
}

std::uint16_t u16(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8U |
                                      static_cast<std::uint8_t>(bytes[at + 1]));
}

/// 4 or 16 bytes; empty: it is no address.
std::string bytesOf(const std::string& ip) {
    std::string out(16, '\0');
    if (::inet_pton(AF_INET, ip.c_str(), out.data()) == 1) {
        return out.substr(0, 4);
    }
    return ::inet_pton(AF_INET6, ip.c_str(), out.data()) == 1 ? out : "";
}

/// RFC 1071, not complemented yet. Four bytes at once, in the order of this machine (§2 (B)).
std::uint32_t sum(std::string_view bytes) {
    std::uint64_t total = 0;
    std::size_t at = 0;
    for (; at + 4 <= bytes.size(); at += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        total += word;
    }
    char rest[4] = {};
    bytes.copy(rest, sizeof rest, at);
    std::uint32_t word = 0;
    std::memcpy(&word, rest, sizeof word);
    total += word;
    while (total > 0xFFFF) {
        total = (total & 0xFFFFU) + (total >> 16U);
    }
    return ntohs(static_cast<std::uint16_t>(total));
}

std::uint16_t checksum(std::uint32_t total) {
    while (total > 0xFFFF) {
        total = (total & 0xFFFFU) + (total >> 16U);
    }
    return static_cast<std::uint16_t>(~total);
}

/// `header` is one of UDP or TCP, whose checksum is 0 so far and stands at `place`.
std::string ipPacket(const End& from, const End& to, std::uint8_t protocol, const std::string& header,
                     std::size_t place, std::string_view data) {
    const auto source = bytesOf(from.ip);
    const auto target = bytesOf(to.ip);
    if (source.empty() || source.size() != target.size()) {
        return "";
    }
    const std::size_t size = header.size() + data.size();
    // Both headers have an even length.
    auto check = checksum(sum(source) + sum(target) + protocol + static_cast<std::uint32_t>(size) + sum(header) +
                          sum(data));
    if (check == 0 && protocol == kUdp) {
        check = 0xFFFF;
    }
    std::string packet;
    packet.reserve(kLongestIpHeader + size);
    if (source.size() == 4) {
        put16(packet, 0x4500);
        put16(packet, 20 + size);
        put32(packet, 0x00004000);  // don't fragment
        packet += static_cast<char>(64);
        packet += static_cast<char>(protocol);
        put16(packet, 0);
        packet += source + target;
        put16At(packet, 10, checksum(sum(packet)));
    } else {
        put32(packet, 0x60000000);
        put16(packet, size);
        packet += static_cast<char>(protocol);
        packet += static_cast<char>(64);
        packet += source + target;
    }
    place += packet.size();
    packet += header;
    packet += data;
    put16At(packet, place, check);
    return packet;
}

}  // namespace

std::string udpPacket(const End& from, const End& to, std::string_view data) {
    data = data.substr(0, kMostData);
    std::string header;
    put16(header, from.port);
    put16(header, to.port);
    put16(header, kUdpHeader + data.size());
    put16(header, 0);
    return ipPacket(from, to, kUdp, header, 6, data);
}

TcpPackets::Sent& TcpPackets::sentOf(const std::string& key) {
    if (const auto known = index_.find(key); known != index_.end()) {
        order_.splice(order_.begin(), order_, known->second);
        return order_.front();
    }
    order_.push_front({.key = key});
    index_.emplace(key, order_.begin());
    if (order_.size() > kMostConnections) {
        index_.erase(order_.back().key);
        order_.pop_back();
    }
    return order_.front();
}

std::vector<std::string> TcpPackets::packets(const End& from, const End& to, std::uint64_t connection,
                                             std::string_view data) {
    const auto text = [](const End& end) { return end.ip + "," + std::to_string(end.port); };
    const auto a = text(from);
    const auto b = text(to);
    const bool isLower = a < b;
    Sent& sent = sentOf(std::to_string(connection) + " " + std::min(a, b) + " " + std::max(a, b));
    auto& mine = isLower ? sent.lower : sent.higher;
    const auto& other = isLower ? sent.higher : sent.lower;
    std::vector<std::string> all;
    while (!data.empty()) {
        const auto part = data.substr(0, kMostData);
        std::string header;
        put16(header, from.port);
        put16(header, to.port);
        put32(header, mine);
        put32(header, other);
        put16(header, 0x5018);  // 20 bytes of header; PSH, ACK
        put16(header, 0xFFFF);
        put32(header, 0);
        all.push_back(ipPacket(from, to, kTcp, header, 16, part));
        mine += static_cast<std::uint32_t>(part.size());
        data.remove_prefix(part.size());
    }
    std::erase(all, "");
    return all;
}

std::string_view ipIn(std::string_view frame, int linkType) {
    std::size_t at = 0;
    std::uint16_t type = 0;
    switch (linkType) {
        case DLT_EN10MB:
            for (at = 12; at + 2 <= frame.size(); at += 4) {
                type = u16(frame, at);
                if (type != 0x8100 && type != 0x88A8) {  // VLAN
                    break;
                }
            }
            at += 2;
            break;
        case DLT_LINUX_SLL:
            type = frame.size() >= 16 ? u16(frame, 14) : std::uint16_t{0};
            at = 16;
            break;
        case DLT_LINUX_SLL2:
            type = frame.size() >= 20 ? u16(frame, 0) : std::uint16_t{0};
            at = 20;
            break;
        case DLT_RAW: type = frame.empty() ? std::uint16_t{0} : (static_cast<std::uint8_t>(frame[0]) >> 4U) == 6U ? kIpv6 : kIpv4; break;
        case DLT_NULL:
        case DLT_LOOP: type = frame.size() > 4 ? kIpv4 : std::uint16_t{0}; at = 4; break;
        default: return {};
    }
    if (at >= frame.size() || (type != kIpv4 && type != kIpv6)) {
        return {};
    }
    return frame.substr(at);
}

Ports udpPorts(std::string_view packet) {
    if (packet.empty()) {
        return {};
    }
    const auto first = static_cast<std::uint8_t>(packet[0]);
    std::size_t at = 0;
    if (first >> 4U == 4 && packet.size() >= 20 && static_cast<std::uint8_t>(packet[9]) == kUdp &&
        (u16(packet, 6) & 0x1FFFU) == 0) {
        at = (first & 0xFU) * 4U;
    } else if (first >> 4U == 6 && packet.size() >= 40 && static_cast<std::uint8_t>(packet[6]) == kUdp) {
        at = 40;
    }
    return at < 20 || packet.size() < at + kUdpHeader ? Ports{} : Ports{u16(packet, at), u16(packet, at + 2)};
}

}  // namespace capture
