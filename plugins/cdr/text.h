// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace cdr {

/// What comes from the wire, fit for a record: UTF-8, what is none replaced by U+FFFD, control characters by
/// spaces, and no longer than `most` bytes.
[[nodiscard]] std::string cleaned(std::string_view text, std::size_t most = 512);
/// Whether cleaned() would leave it as it is, at a glance: what it says of plain ASCII is true, of others false.
[[nodiscard]] bool isClean(std::string_view text, std::size_t most = 512);

/// Adds a field of a CSV line (RFC 4180), quoted where it has to be. `text` is clean. Where a spreadsheet would take it
/// for a formula it gets `'` before it.
void addCsv(std::string& line, std::string_view text);

/// Adds a JSON string (RFC 8259) with its quotes. `text` is clean.
void addJson(std::string& line, std::string_view text);

}  // namespace cdr
