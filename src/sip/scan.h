// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Character-level rules of RFC 3261 §25.1 that several headers share.
namespace siproxd::sip {

/// Non-empty and made of token characters only.
[[nodiscard]] bool isToken(std::string_view text);

/// One whole `"quoted string"` and nothing else.
[[nodiscard]] bool isQuotedString(std::string_view text);

/// What may stand behind the `=` of a parameter: a quoted string, or text without white space and
/// without anything that ends a value (`,` `;` `<` `>` `"`). Nothing at all is tolerated.
[[nodiscard]] bool isParamValue(std::string_view text);

/// Whether every `%` begins an escape of two hexadecimal digits.
[[nodiscard]] bool isEscaped(std::string_view text);

/// Host and port as they stand in a URI or a Via.
struct HostPort {
    std::string host;        ///< without brackets for IPv6
    std::uint16_t port = 0;  ///< 0: none given

    friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// Reads `host[:port]`: a name of at most 255 characters, an IPv4 address, or an IPv6 address in
/// brackets, in which `:::` in front of an IPv4 part is mended (RFC 5118 §4.10). A port is 1 to
/// 65535.
[[nodiscard]] std::optional<HostPort> readHostPort(std::string_view text);

/// Writes a host as URIs and Vias have it: in brackets when it is IPv6.
void appendHost(std::string& out, std::string_view host);

/// Position of the first `wanted` that is neither in a quoted string nor between `<` and `>`;
/// text.size() when there is none; nothing when a quote or an angle bracket is not closed.
[[nodiscard]] std::optional<std::size_t> findOutsideQuotes(std::string_view text, char wanted);

/// The comma-separated values of a header field, trimmed; commas in quotes and in `<>` do not
/// count. Nothing when quotes or brackets are not closed.
[[nodiscard]] std::optional<std::vector<std::string_view>> splitValues(std::string_view text);

}  // namespace siproxd::sip
