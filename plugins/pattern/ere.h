// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace siproxd::pattern {

/// A pattern in the syntax of PCRE2.
struct Translated {
    std::string text;
    bool hasWordEdges = false;  ///< what stands behind a match decides whether it is one
    bool hasChoices = false;    ///< alternatives or repetitions: matches may have several lengths
};

/// Translates a POSIX extended regular expression (IEEE Std 1003.1, XBD 9.4) with what the C
/// libraries add to it: `\w \W \s \S \d \D \b \B \< \>` and, in `{,n}`, a missing 0. Errors say
/// what is wrong. Back-references within a pattern are refused: POSIX has none, and their cost has
/// no bound.
[[nodiscard]] std::expected<Translated, std::string> translate(std::string_view ere);

}  // namespace siproxd::pattern
