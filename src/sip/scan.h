// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

/// Character-level rules of RFC 3261 §25.1 that several headers share.
namespace siproxd::sip {

/// Non-empty and made of token characters only.
[[nodiscard]] bool isToken(std::string_view text);

/// Position of the first `wanted` that is neither in a quoted string nor between `<` and `>`;
/// text.size() when there is none; nothing when a quote or an angle bracket is not closed.
[[nodiscard]] std::optional<std::size_t> findOutsideQuotes(std::string_view text, char wanted);

/// The comma-separated values of a header field, trimmed; commas in quotes and in `<>` do not
/// count. Nothing when quotes or brackets are not closed.
[[nodiscard]] std::optional<std::vector<std::string_view>> splitValues(std::string_view text);

}  // namespace siproxd::sip
