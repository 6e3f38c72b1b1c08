// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pattern.h"

namespace siproxd::pattern {

/// What a match is replaced by: text in which `\1` to `\9` stand for what the groups have matched
/// (nothing, where a group has taken no part). All other backslashes mean themselves.
class Replacement {
public:
    explicit Replacement(std::string_view text);

    /// The highest group that is named; 0: none.
    [[nodiscard]] std::size_t highestGroup() const;

    /// Appends it for a match in `text`.
    void appendTo(std::string& out, std::string_view text, const Match& match) const;

private:
    struct Piece {
        std::string text;
        std::size_t group = 0;  ///< behind the text; 0: none
    };

    std::vector<Piece> pieces_;
};

struct Replaced {
    Found found = Found::No;  ///< TooHard, or a text that has become too long: nothing is replaced
    std::string text;
};

/// Replaces the first match, or, unless `firstOnly` says so of that one, all that do not overlap.
/// What has been replaced is not looked at again. The result has at most `mostBytes`.
[[nodiscard]] Replaced replace(const Pattern& pattern, const Replacement& replacement,
                               std::string_view text, std::size_t mostBytes, Effort& effort,
                               bool (*firstOnly)(const Match& first) = nullptr);

}  // namespace siproxd::pattern
