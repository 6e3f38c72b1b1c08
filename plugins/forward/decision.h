// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "own_rules.h"
#include "party.h"
#include "rules.h"

namespace forward {

/// One way that a call may take instead.
struct Leg {
    When when = When::Always;
    std::string uri;
    std::uint32_t ring = 0;  ///< NoAnswer: seconds
    std::string owner;       ///< in whose name: user or user@host
};

/// What becomes of a call.
struct Decision {
    enum class Kind : std::uint8_t { None, Reject, Drop, Forward } kind = Kind::None;
    int status = 0;          ///< Reject
    std::vector<Leg> legs;   ///< Forward; those for Always alone, or any others
    std::string why;         ///< for the log
};

/// What rules say about a call of `caller` for `callee`. Nobody in `history` is called again.
[[nodiscard]] Decision decide(const Settings& settings, const OwnRules& own, const Party& caller,
                              const Party& callee, const std::vector<Party>& history);

/// What somebody has dialled to set a rule of his own.
struct Order {
    enum class Kind : std::uint8_t { Away, Reset, Redial } kind = Kind::Away;
    When when = When::Always;
    std::string target;   ///< Away: a URI; empty: calls are rejected
    bool isSound = true;  ///< the target is none
};

/// Nothing: it is no code. `caller` is who dials `dialled`.
[[nodiscard]] std::optional<Order> orderIn(const Codes& codes, const Party& caller, const Party& dialled);

/// User and host of a sip or sips URI as `sip:user@host:port;params`; empty: it is none.
[[nodiscard]] Party partyOf(const std::string& uri);

}  // namespace forward
