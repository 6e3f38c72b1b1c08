// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace siproxd::base {

enum class Family : std::uint8_t { None, V4, V6 };

/// An IPv4 or IPv6 address. A value; the default one is no address.
class IpAddress {
public:
    IpAddress() = default;
    explicit IpAddress(const in_addr& v4);
    /// One that stands for an IPv4 address (::ffff:192.0.2.1, RFC 4291 §2.5.5.2) becomes that: whatever
    /// holds for that address holds for it.
    explicit IpAddress(const in6_addr& v6);

    /// Dotted quad or RFC 4291 text, the latter with or without the brackets of a SIP host.
    /// Host names give nothing.
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

    [[nodiscard]] Family family() const { return family_; }
    [[nodiscard]] bool isV4() const { return family_ == Family::V4; }
    [[nodiscard]] bool isV6() const { return family_ == Family::V6; }
    [[nodiscard]] explicit operator bool() const { return family_ != Family::None; }

    /// 4 or 16 significant bytes in network order, the rest zero.
    [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

    [[nodiscard]] bool isUnspecified() const;  ///< 0.0.0.0 or ::
    [[nodiscard]] bool isLoopback() const;     ///< 127/8 or ::1
    [[nodiscard]] bool isMulticast() const;
    [[nodiscard]] bool isBroadcast() const;    ///< 255.255.255.255
    [[nodiscard]] bool isLinkLocal() const;    ///< 169.254/16 or fe80::/10
    /// RFC 1918, RFC 6598 (shared address space) or RFC 4193.
    [[nodiscard]] bool isPrivate() const;

    /// Text as in SDP and log lines: no brackets.
    [[nodiscard]] std::string toString() const;
    /// Text as in a SIP URI or Via: IPv6 in brackets.
    [[nodiscard]] std::string toHost() const;

    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
    friend bool operator==(const IpAddress& a, const IpAddress& b) {
        // Of two words: these are compared for every packet, and a call of memcmp() costs more.
        return a.family_ == b.family_ && std::bit_cast<Words>(a.bytes_) == std::bit_cast<Words>(b.bytes_);
    }

private:
    struct Words {
        std::uint64_t first;
        std::uint64_t second;
        friend bool operator==(const Words&, const Words&) = default;
    };
    Family family_ = Family::None;
    std::array<std::uint8_t, 16> bytes_{};
};

/// Address and UDP or TCP port (host byte order).
struct SocketAddress {
    IpAddress ip;
    std::uint16_t port = 0;

    /// What toString() gives; nothing when it is not that, or the port is 0.
    [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view text);
    [[nodiscard]] static SocketAddress fromSockaddr(const sockaddr* address);

    /// Fills `out` and returns its used length; 0 when there is no address.
    socklen_t toSockaddr(sockaddr_storage& out) const;

    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(ip) && port != 0; }

    /// `192.0.2.1:5060` or `[2001:db8::1]:5060`.
    [[nodiscard]] std::string toString() const;

    friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

/// An address block such as 10.0.0.0/8.
class Network {
public:
    Network() = default;
    /// `prefix` bits count; the address's host bits are cleared.
    Network(const IpAddress& address, unsigned prefix);

    /// `address/prefix`, or a lone address (all bits count).
    [[nodiscard]] static std::optional<Network> parse(std::string_view text);

    [[nodiscard]] bool contains(const IpAddress& address) const;
    /// Whether it reaches all hosts of this IPv4 network; never for /31 and /32 (RFC 3021).
    [[nodiscard]] bool isBroadcast(const IpAddress& address) const;
    [[nodiscard]] std::string toString() const;
    [[nodiscard]] const IpAddress& address() const { return address_; }
    [[nodiscard]] unsigned prefix() const { return prefix_; }

    friend bool operator==(const Network&, const Network&) = default;

private:
    IpAddress address_;
    unsigned prefix_ = 0;
};

struct AddressHash {
    [[nodiscard]] std::size_t operator()(const IpAddress& address) const;
    [[nodiscard]] std::size_t operator()(const SocketAddress& address) const;
};

}  // namespace siproxd::base
