// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace forward {

/// Somebody who calls or is called: the user (perhaps a number) and the host of a URI. The host is in lower case, an
/// IPv6 address in brackets.
struct Party {
    std::string user;
    std::string host;

    [[nodiscard]] std::string toString() const { return user.empty() ? host : user + "@" + host; }
    /// `sip:user@host`
    [[nodiscard]] std::string uri() const { return "sip:" + toString(); }
    [[nodiscard]] bool empty() const { return user.empty() && host.empty(); }

    friend bool operator==(const Party&, const Party&) = default;
};

/// Whether the text is a telephone number: digits, `*`, `#`, a `+` at its beginning, and what is written between them.
[[nodiscard]] bool isNumber(std::string_view text);
/// Without the visual separators (RFC 3966 §5.1.1) if it is a number, else as it is.
[[nodiscard]] std::string dialled(std::string_view text);

/// Whether `text` is what `mask` says, in which every `%` stands for any text, empty ones included. Without regard to
/// case; takes time in proportion to the product of the lengths at most.
[[nodiscard]] bool matches(std::string_view mask, std::string_view text);
/// Whether the mask is for the party: for its user, or for user@host.
[[nodiscard]] bool matches(std::string_view mask, const Party& party);

/// The URI of what somebody has written as the new recipient: a URI, user@host, or a number or user of `home`. Empty:
/// it is none of them.
[[nodiscard]] std::string uriOf(std::string_view recipient, std::string_view home);

}  // namespace forward
