// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pattern.h"
#include "replacement.h"
#include "siproxd/plugin.hpp"

namespace siproxd::pattern {

/// A triple of the options `desc`, `pattern` and `replace`.
struct Rule {
    std::string description;
    Pattern pattern;
    Replacement replacement;
    std::string where;       ///< of its pattern in the configuration
    bool isTooHard = false;  ///< that has been said already
};

inline constexpr api::Option kRuleOptions[] = {
    api::listOption("desc", "What the rule is called in the log; one for each pattern"),
    api::listOption("pattern", "POSIX extended regular expression, without regard to case"),
    api::listOption("replace",
                    "What replaces a match; \\1 to \\9 are what its groups have matched"),
};

/// The rules of a plugin with these options, in order. Nothing: some cannot be read, or there are
/// not as many of each, which has been logged with file and line.
[[nodiscard]] std::optional<std::vector<Rule>> readRules(const api::Host& host,
                                                         const std::string& plugin);

/// Says, once for each rule, that a text has not been looked at for all it would have cost.
void reportTooHard(const api::Host& host, const std::string& plugin, Rule& rule);

}  // namespace siproxd::pattern
