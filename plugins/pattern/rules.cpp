// SPDX-License-Identifier: GPL-2.0-or-later
#include "rules.h"

#include <algorithm>
#include <utility>

namespace siproxd::pattern {

std::optional<std::vector<Rule>> readRules(const api::Host& host, const std::string& plugin) {
    const auto names = host.list("desc");
    const auto patterns = host.list("pattern");
    const auto replacements = host.list("replace");
    bool good = true;
    for (const char* having : {"desc", "pattern", "replace"}) {
        for (const char* missing : {"desc", "pattern", "replace"}) {
            // The first line that stands alone.
            const auto line = host.list(missing).size();
            if (line < host.list(having).size()) {
                host.optionError(having, line,
                                 "a line " + plugin + "_" + missing +
                                     " that belongs to it is missing");
                good = false;
            }
        }
    }
    std::vector<Rule> rules;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        auto pattern = Pattern::compile(patterns[i]);
        if (!pattern) {
            host.optionError("pattern", i, pattern.error());
            good = false;
            continue;
        }
        Replacement replacement(i < replacements.size() ? replacements[i] : "");
        if (replacement.highestGroup() > pattern->groups()) {
            host.optionError("replace", i,
                             "the pattern has " + std::to_string(pattern->groups()) + " groups");
            good = false;
        }
        rules.push_back({std::string(i < names.size() ? names[i] : ""), std::move(*pattern),
                         std::move(replacement),
                         host.table()->option_where(host.self(), "pattern", i)});
    }
    return good ? std::optional(std::move(rules)) : std::nullopt;
}

void reportTooHard(const api::Host& host, const std::string& plugin, Rule& rule) {
    if (!rule.isTooHard) {
        rule.isTooHard = true;
        host.warning(rule.where + ": " + plugin +
                     ": a text was left as it was, as the pattern costs "
                     "too much or the text would grow too long; this is said once");
    }
}

}  // namespace siproxd::pattern
