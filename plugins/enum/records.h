// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../pattern/pattern.h"
#include "siproxd/plugin.hpp"

namespace enumlookup {

/// What NAPTR records say of a number.
struct Meaning {
    std::string uri;     ///< sip: or sips:; empty: there is none
    std::string domain;  ///< to be asked next instead (RFC 6116 §2.4.1: non-terminal); empty: none
};

/// A call to a sips: URI has to stay one (RFC 3261 §19.1: protected all the way).
enum class Wanted : std::uint8_t { SipOrSips, Sips };

/// What the expressions of one answer may cost together: a tenth of what others may, as they come from strangers.
inline constexpr std::uint64_t kEffort = siproxd::pattern::Effort::kMost / 10;

/// By RFC 6116 §3.4: of the records with the best order that are of use to SIP the one with the best preference. Records
/// whose expressions are not well-formed are passed over, as are all behind those that have cost kEffort. The URI
/// has no header fields: they would be a stranger's.
[[nodiscard]] Meaning meaningOf(const std::vector<siproxd::api::Naptr>& records, std::string_view e164,
                                Wanted wanted = Wanted::SipOrSips);

/// Whether `E2U+sip` or the like means SIP (RFC 6117 §8, RFC 3764; the older sip+E2U, too).
[[nodiscard]] bool isSipService(std::string_view service);

/// What the expression `!pattern!replacement!flags` (RFC 3402 §3.2) makes of the number; empty: nothing.
[[nodiscard]] std::string substitute(std::string_view regexp, std::string_view e164, siproxd::pattern::Effort& effort);

}  // namespace enumlookup
