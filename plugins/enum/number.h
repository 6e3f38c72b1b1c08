// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace enumlookup {

/// How numbers are dialled where the callers are.
struct NumberPlan {
    std::string country;        ///< country code; empty: national numbers are not looked up
    std::string international;  ///< what is dialled before a country code, as 00; empty: nothing
    std::string national;       ///< before an area code, as 0; empty: nothing
};

/// `+` and the digits of the E.164 number that has been dialled; empty: it is none.
[[nodiscard]] std::string e164(std::string_view dialled, const NumberPlan& plan);

/// RFC 6116 §3.2: 4.3.2.1.e164.arpa for +1234.
[[nodiscard]] std::string domainOf(std::string_view e164, std::string_view suffix);

}  // namespace enumlookup
