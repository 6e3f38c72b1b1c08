// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"

namespace siproxd::base {

enum class Protocol : std::uint8_t { Udp, Tcp, Tls };

/// `UDP`, `TCP` or `TLS`, as in a Via (RFC 3261 §20.42).
[[nodiscard]] std::string_view viaName(Protocol protocol);

/// The protocol of that name, without case; nothing when it is none of ours.
[[nodiscard]] std::optional<Protocol> protocolFromVia(std::string_view name);

/// Whether the protocol keeps order and delivers (RFC 3261 §17 needs no retransmissions then).
[[nodiscard]] constexpr bool isReliable(Protocol protocol) { return protocol != Protocol::Udp; }

/// The way between us and a peer (RFC 5626 §2): what came by a flow is answered by the same one.
/// A value.
struct Flow {
    Protocol protocol = Protocol::Udp;
    base::SocketAddress local;
    base::SocketAddress remote;
    /// The connection; 0 for datagrams, or for any connection to the peer, opened if need be.
    std::uint64_t connection = 0;

    /// `UDP 10.0.0.1:5060 - 10.0.0.5:5060`, for log lines.
    [[nodiscard]] std::string toString() const;

    friend auto operator<=>(const Flow&, const Flow&) = default;
};

}  // namespace siproxd::base
