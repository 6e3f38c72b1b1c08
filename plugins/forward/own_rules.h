// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "rules.h"

namespace forward {

/// What users have set from their phones: for each user and condition where calls go.
class OwnRules {
public:
    /// Nothing: there is no rule. Empty: calls are rejected.
    [[nodiscard]] std::optional<std::string> find(std::string_view owner, When when) const;
    [[nodiscard]] bool has(std::string_view owner) const;
    /// `target` is a URI, or empty. A rule for all calls takes the place of the others and the other way round.
    /// False: there are too many rules.
    bool set(std::string_view owner, When when, std::string_view target);
    /// Whether there was any.
    bool reset(std::string_view owner);
    [[nodiscard]] std::size_t size() const { return rules_.size(); }

    /// As the file has them.
    [[nodiscard]] std::string text() const;
    /// Takes what a file has. How many lines make no sense; they are left out.
    std::size_t read(std::string_view text);

private:
    std::map<std::pair<std::string, When>, std::string, std::less<>> rules_;  ///< by owner and condition
};

}  // namespace forward
