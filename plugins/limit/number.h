// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace limit {

/// A number as prefixes are compared with it: the user part of a URI (escapes resolved) without its parameters and
/// without visual separators, and with `+` in place of the international prefix (empty: none).
[[nodiscard]] std::string normalised(std::string_view user, std::string_view international);

/// Which numbers somebody may dial. The longest prefix that fits says so, of two that are equally long the forbidding
/// one; where none fits the number is allowed.
class PrefixRules {
public:
    /// `prefix` is normalised; an empty one fits all numbers.
    void add(std::string prefix, bool isAllowed);
    [[nodiscard]] bool empty() const { return rules_.empty(); }
    /// The prefix that forbids this number, which is normalised; nothing: it is allowed.
    [[nodiscard]] std::optional<std::string_view> forbids(std::string_view number) const;

private:
    struct Rule {
        std::string prefix;
        bool isAllowed = false;
    };

    std::vector<Rule> rules_;  ///< those that win first
};

}  // namespace limit
