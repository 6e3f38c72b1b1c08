// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace cdr {

/// What comes from the wire, fit for a record: UTF-8, what is none replaced by U+FFFD, control characters by
/// spaces, and no longer than `most` bytes.
[[nodiscard]] std::string cleaned(std::string_view text, std::size_t most = 512);

/// A field of a CSV line (RFC 4180), quoted where it has to be. `text` is clean.
[[nodiscard]] std::string csvField(std::string_view text);

/// The same of what others may have written: where a spreadsheet would take it for a formula, with `'` before it.
[[nodiscard]] std::string csvText(std::string_view text);

/// A JSON string (RFC 8259) with its quotes. `text` is clean.
[[nodiscard]] std::string jsonString(std::string_view text);

}  // namespace cdr
