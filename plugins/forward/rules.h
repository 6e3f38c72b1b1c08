// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "party.h"
#include "siproxd/plugin.hpp"

namespace forward {

/// When a call is forwarded.
enum class When : std::uint8_t { Always, Busy, NoAnswer, Unreachable };
inline constexpr When kWhen[] = {When::Always, When::Busy, When::NoAnswer, When::Unreachable};

/// `always`, `busy`, `noanswer`, `unreachable`.
[[nodiscard]] std::string_view nameOf(When when);
[[nodiscard]] std::optional<When> whenFrom(std::string_view name);

enum class Action : std::uint8_t { Forward, Accept, Reject, Drop };

/// What the administrator has said about calls.
struct Rule {
    std::string name;                  ///< for logs: the description, or the numbers
    std::vector<std::string> numbers;  ///< masks of who is called
    std::vector<std::string> callers;  ///< masks of who calls; empty: everybody
    Action action = Action::Forward;
    std::vector<When> when;            ///< Forward; never empty
    std::vector<std::string> targets;  ///< Forward; at least one
    std::uint32_t ring = 20;           ///< NoAnswer: seconds
    int status = 603;                  ///< Reject
    std::string owner;                 ///< in whose name it is forwarded; empty: of who is called
    bool active = true;

    [[nodiscard]] bool isFor(const Party& caller, const Party& callee) const;
    [[nodiscard]] bool isFor(When condition) const;
};

/// What users dial to set rules of their own; empty ones are not there.
struct Codes {
    std::string away;
    std::string awayBusy;
    std::string awayNoAnswer;
    std::string reset;
    std::string redial;

    friend bool operator==(const Codes&, const Codes&) = default;
};

struct Settings {
    std::vector<Rule> rules;
    Codes codes;
    std::uint32_t ring = 20;  ///< seconds, of users' own rules
    int confirmation = 486;   ///< the answer to who has dialled a code
    bool diversion = true;    ///< who is called at last is told why
    std::string file;         ///< of the users' own rules; empty: they are forgotten

    /// Nothing: what is wrong has been logged with file and line.
    [[nodiscard]] static std::optional<Settings> read(const siproxd::api::Host& host);
    /// Nobody has a rule, nor can make one.
    [[nodiscard]] bool isEmpty() const { return rules.empty() && codes == Codes{} && file.empty(); }
};

}  // namespace forward
