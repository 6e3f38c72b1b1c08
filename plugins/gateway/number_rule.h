// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

/// Which numbers a gateway takes, by how they begin, and what becomes of them on the way there.
class NumberRule {
public:
    /// `prefixes`: one or several, separated by semicolons; an empty text: all numbers, with the empty prefix.
    /// `replacement`: the number that is dialled there; in it `%&` stands for the number without the prefix, `%^` for
    /// the prefix, `%*` for the whole number, and `%%` for a percent sign. Empty: the whole number.
    /// Nothing: `why` says what is wrong.
    [[nodiscard]] static std::optional<NumberRule> parse(std::string_view prefixes,
                                                         std::string_view replacement,
                                                         std::string& why);

    /// The length of the longest prefix that the number begins with; nothing: none fits.
    [[nodiscard]] std::optional<std::size_t> fit(std::string_view number) const;

    /// What is dialled; `prefix` is what fit() has said.
    [[nodiscard]] std::string apply(std::string_view number, std::size_t prefix) const;

    [[nodiscard]] const std::vector<std::string>& prefixes() const { return prefixes_; }

private:
    std::vector<std::string> prefixes_;  ///< at least one
    std::string replacement_;
};

}  // namespace gateway
