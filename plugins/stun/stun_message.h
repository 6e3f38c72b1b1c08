// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stun {

/// 96 bits that nobody can guess (RFC 8489 §5).
using TransactionId = std::array<std::uint8_t, 12>;

[[nodiscard]] TransactionId randomId();

/// A Binding request without attributes.
[[nodiscard]] std::string bindingRequest(const TransactionId& id);

/// What the answer to a Binding request says.
struct Answer {
    std::string ip;          ///< our address as the server sees it; empty: it says none
    std::uint16_t port = 0;  ///< likewise
    int error = 0;           ///< 300 to 699; 0: none
};

/// Nothing: it is not the answer to that request, or not well-formed (lengths, FINGERPRINT, attributes that have to be
/// understood and are not). XOR-MAPPED-ADDRESS goes before its old number 0x8020 and MAPPED-ADDRESS, which routers are
/// known to rewrite.
[[nodiscard]] std::optional<Answer> readAnswer(std::string_view datagram, const TransactionId& id);

}  // namespace stun
