// SPDX-License-Identifier: GPL-2.0-or-later
#include "number.h"

#include <algorithm>
#include <utility>

namespace limit {

std::string normalised(std::string_view user, std::string_view international) {
    std::string number(user.substr(0, user.find(';')));
    // RFC 3966 §5.1.1, and what people write besides.
    std::erase_if(number, [](char c) { return std::string_view("-.()/ \t").find(c) != std::string_view::npos; });
    if (!international.empty() && number.starts_with(international)) {
        number.replace(0, international.size(), "+");
    }
    return number;
}

void PrefixRules::add(std::string prefix, bool isAllowed) {
    const auto rank = [](const Rule& rule) {
        return std::pair(-static_cast<long>(rule.prefix.size()), rule.isAllowed);
    };
    rules_.push_back({std::move(prefix), isAllowed});
    std::ranges::stable_sort(rules_, {}, rank);
}

std::optional<std::string_view> PrefixRules::forbids(std::string_view number) const {
    const auto rule =
        std::ranges::find_if(rules_, [number](const Rule& one) { return number.starts_with(one.prefix); });
    return rule == rules_.end() || rule->isAllowed ? std::nullopt : std::optional<std::string_view>(rule->prefix);
}

}  // namespace limit
