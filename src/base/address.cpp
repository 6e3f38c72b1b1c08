// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/keyed_hash.h"
#include "base/text.h"

namespace siproxd::base {

IpAddress::IpAddress(const in_addr& v4) : family_(Family::V4) {
    std::memcpy(bytes_.data(), &v4, sizeof v4);
}

IpAddress::IpAddress(const in6_addr& v6) : family_(Family::V6) {
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
        constexpr std::size_t kBefore = 12;
        family_ = Family::V4;
        std::memcpy(bytes_.data(), &v6.s6_addr[kBefore], sizeof(in_addr));
    } else {
        std::memcpy(bytes_.data(), &v6, sizeof v6);
    }
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
        text = text.substr(1, text.size() - 2);
        if (text.find(':') == std::string_view::npos) {
            return std::nullopt;
        }
    }
    if (text.empty() || text.size() >= INET6_ADDRSTRLEN) {
        return std::nullopt;
    }
    char buffer[INET6_ADDRSTRLEN];
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    if (text.find(':') != std::string_view::npos) {
        in6_addr v6{};
        return ::inet_pton(AF_INET6, buffer, &v6) == 1 ? std::optional(IpAddress(v6)) : std::nullopt;
    }
    in_addr v4{};
    return ::inet_pton(AF_INET, buffer, &v4) == 1 ? std::optional(IpAddress(v4)) : std::nullopt;
}

bool IpAddress::isUnspecified() const {
    return family_ != Family::None &&
           std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::isLoopback() const {
    if (isV4()) {
        return bytes_[0] == 127;
    }
    return isV6() && bytes_[15] == 1 &&
           std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::isMulticast() const {
    return isV4() ? (bytes_[0] & 0xf0) == 0xe0 : isV6() && bytes_[0] == 0xff;
}

bool IpAddress::isBroadcast() const {
    return isV4() && std::all_of(bytes_.begin(), bytes_.begin() + 4,
                                 [](std::uint8_t b) { return b == 0xff; });
}

bool IpAddress::isLinkLocal() const {
    return isV4() ? bytes_[0] == 169 && bytes_[1] == 254
                  : isV6() && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::isPrivate() const {
    if (isV4()) {
        return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0) == 16) ||
               (bytes_[0] == 192 && bytes_[1] == 168) ||
               (bytes_[0] == 100 && (bytes_[1] & 0xc0) == 64);
    }
    return isV6() && (bytes_[0] & 0xfe) == 0xfc;
}

std::string IpAddress::toString() const {
    char buffer[INET6_ADDRSTRLEN];
    if (isV4()) {
        // The library's way through snprintf costs more than the rest of building a message line.
        char* end = buffer;
        for (std::size_t i = 0; i < 4; ++i) {
            end = std::to_chars(end, buffer + sizeof buffer, bytes_[i]).ptr;
            *end++ = '.';
        }
        return {buffer, end - 1};
    }
    if (!isV6() || ::inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer) == nullptr) {
        return "-";
    }
    return buffer;
}

std::string IpAddress::toHost() const {
    return isV6() ? "[" + toString() + "]" : toString();
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto host = text.substr(0, colon);
    const auto ip = IpAddress::parse(host);
    const auto port = parseUnsigned(text.substr(colon + 1), UINT16_MAX);
    if (!ip || ip->isV6() != host.starts_with('[') || !port || *port == 0) {
        return std::nullopt;
    }
    return SocketAddress{*ip, static_cast<std::uint16_t>(*port)};
}

SocketAddress SocketAddress::fromSockaddr(const sockaddr* address) {
    if (address->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, address, sizeof v4);
        return {IpAddress(v4.sin_addr), ntohs(v4.sin_port)};
    }
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, address, sizeof v6);
        return {IpAddress(v6.sin6_addr), ntohs(v6.sin6_port)};
    }
    return {};
}

socklen_t SocketAddress::toSockaddr(sockaddr_storage& out) const {
    out = {};
    if (ip.isV4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&v4.sin_addr, ip.bytes().data(), sizeof v4.sin_addr);
        std::memcpy(&out, &v4, sizeof v4);
        return sizeof v4;
    }
    if (ip.isV6()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&v6.sin6_addr, ip.bytes().data(), sizeof v6.sin6_addr);
        std::memcpy(&out, &v6, sizeof v6);
        return sizeof v6;
    }
    return 0;
}

std::string SocketAddress::toString() const {
    return ip.toHost() + ":" + std::to_string(port);
}

Network::Network(const IpAddress& address, unsigned prefix) : prefix_(prefix) {
    auto bytes = address.bytes();
    for (unsigned i = 0; i < bytes.size(); ++i) {
        const unsigned kept = prefix > i * 8 ? std::min(8U, prefix - i * 8) : 0;
        bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> kept));
    }
    if (address.isV4()) {
        in_addr v4{};
        std::memcpy(&v4, bytes.data(), sizeof v4);
        address_ = IpAddress(v4);
    } else if (address.isV6()) {
        in6_addr v6{};
        std::memcpy(&v6, bytes.data(), sizeof v6);
        address_ = IpAddress(v6);
    }
}

std::optional<Network> Network::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) {
        return std::nullopt;
    }
    const unsigned bits = address->isV4() ? 32 : 128;
    if (slash == std::string_view::npos) {
        return Network(*address, bits);
    }
    // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
    const bool isMapped = address->isV4() && text.substr(0, slash).find(':') != std::string_view::npos;
    const unsigned before = isMapped ? 96 : 0;
    const auto prefix = parseUnsigned(text.substr(slash + 1), before + bits);
    if (!prefix || *prefix < before) {
        return std::nullopt;
    }
    return Network(*address, static_cast<unsigned>(*prefix) - before);
}

bool Network::contains(const IpAddress& address) const {
    return address.family() == address_.family() && address_ &&
           Network(address, prefix_).address_ == address_;
}

bool Network::isBroadcast(const IpAddress& address) const {
    if (!address.isV4() || prefix_ > 30 || !contains(address)) {
        return false;
    }
    auto bits = 32 - prefix_;
    for (std::size_t i = 4; bits > 0; --i) {
        const auto here = std::min(bits, 8U);
        const auto mask = (1U << here) - 1;
        if ((address.bytes()[i - 1] & mask) != mask) {
            return false;
        }
        bits -= here;
    }
    return true;
}

std::string Network::toString() const {
    return address_.toString() + "/" + std::to_string(prefix_);
}

std::size_t AddressHash::operator()(const IpAddress& address) const {
    return static_cast<std::size_t>(keyedHash(
        {reinterpret_cast<const char*>(address.bytes().data()), address.bytes().size()}));
}

std::size_t AddressHash::operator()(const SocketAddress& address) const {
    return (*this)(address.ip) ^ (static_cast<std::size_t>(address.port) * 0x9e3779b97f4a7c15ULL);
}

}  // namespace siproxd::base
