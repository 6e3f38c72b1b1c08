// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"
#include "config/problem.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::config {

/// One `key = value`. Neither is empty; both are free of surrounding blanks, control characters
/// and comments.
struct Line {
    std::string key;
    std::string value;
    Origin origin;
    /// The value was ended by a `#` that follows it without a blank: perhaps meant as part of it.
    bool cutShort = false;
};

/// Understands one line. Nothing for a blank line or a comment; an error text for one that is no
/// `key = value`. A `#` starts a comment wherever it stands; there is no quoting.
[[nodiscard]] base::Result<std::optional<Line>> parseLine(std::string_view text,
                                                          const Origin& origin);

struct ParsedText {
    std::vector<Line> lines;
    std::vector<Problem> problems;  ///< warnings for lines that were skipped
};

/// Understands the text of a whole file; `file` is its name for messages.
[[nodiscard]] ParsedText parseText(std::string_view text, const std::string& file);

/// The bytes of a line made fit for a message; a password in it is left out.
[[nodiscard]] std::string quoted(std::string_view line);

}  // namespace siproxd::config
