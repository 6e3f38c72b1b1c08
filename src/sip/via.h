// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "sip/params.h"

namespace siproxd::sip {

/// The first seven characters of every RFC 3261 branch (§8.1.1.7).
inline constexpr std::string_view kBranchCookie = "z9hG4bK";

/// One hop of the Via path (RFC 3261 §20.42). A value.
struct Via {
    std::string transport = "UDP";
    std::string host;        ///< sent-by host, without brackets for IPv6
    std::uint16_t port = 0;  ///< sent-by port; 0: none given
    Params params;

    [[nodiscard]] static std::optional<Via> parse(std::string_view text);

    [[nodiscard]] std::string_view branch() const;
    [[nodiscard]] std::uint16_t portOrDefault() const;
    [[nodiscard]] std::string toString() const;

    /// Where a response over UDP goes (RFC 3261 §18.2.2, RFC 3581 §4): `received` and `rport` when
    /// present, else sent-by. Nothing when the host is a name and there is no `received`.
    [[nodiscard]] std::optional<base::SocketAddress> responseAddress() const;

    friend bool operator==(const Via&, const Via&) = default;
};

}  // namespace siproxd::sip
