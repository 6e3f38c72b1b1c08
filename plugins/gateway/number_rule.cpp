// SPDX-License-Identifier: GPL-2.0-or-later
#include "number_rule.h"

#include <algorithm>

#include "siproxd/plugin.hpp"

namespace gateway {

using siproxd::api::split;
using siproxd::api::trim;

std::optional<NumberRule> NumberRule::parse(std::string_view prefixes, std::string_view replacement,
                                            std::string& why) {
    NumberRule rule;
    for (const auto part : split(prefixes, ';')) {
        const auto prefix = trim(part);
        if (prefix.empty() && !trim(prefixes).empty()) {
            why = "an empty prefix among others would take all numbers";
            return std::nullopt;
        }
        if (prefix.find_first_of(" \t@<>\"") != std::string_view::npos) {
            why = "\"" + std::string(prefix) + "\" cannot be the beginning of a number";
            return std::nullopt;
        }
        rule.prefixes_.emplace_back(prefix);
    }
    rule.replacement_ = trim(replacement);
    const auto& text = rule.replacement_;
    for (auto at = text.find('%'); at != std::string::npos; at = text.find('%', at + 2)) {
        if (at + 1 == text.size() || std::string_view("&^*%").find(text[at + 1]) == std::string_view::npos) {
            why = "behind % there must be &, ^, * or %";
            return std::nullopt;
        }
    }
    return rule;
}

std::optional<std::size_t> NumberRule::fit(std::string_view number) const {
    std::optional<std::size_t> longest;
    for (const auto& prefix : prefixes_) {
        if (number.starts_with(prefix)) {
            longest = std::max(longest.value_or(0), prefix.size());
        }
    }
    return longest;
}

std::string NumberRule::apply(std::string_view number, std::size_t prefix) const {
    if (replacement_.empty()) {
        return std::string(number);
    }
    std::string out;
    for (std::size_t i = 0; i < replacement_.size(); ++i) {
        if (replacement_[i] != '%') {
            out += replacement_[i];
            continue;
        }
        switch (replacement_[++i]) {
            case '&': out += number.substr(prefix); break;
            case '^': out += number.substr(0, prefix); break;
            case '*': out += number; break;
            default: out += '%'; break;
        }
    }
    return out;
}

}  // namespace gateway
