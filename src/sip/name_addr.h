// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/uri.h"

namespace siproxd::sip {

/// `"Display" <uri>;params` of From, To, Contact, Route, Record-Route, Path (RFC 3261 §20.10).
struct NameAddr {
    std::string display;  ///< as it came, quotes included
    Uri uri;
    Params params;

    /// Without angle brackets every parameter is one of the header, not of the URI (§20).
    [[nodiscard]] static std::optional<NameAddr> parse(std::string_view text);

    /// The `q` parameter of a Contact in thousandths, 0 to 1000; 1000 without one, or when it cannot
    /// be read.
    [[nodiscard]] std::uint16_t preference() const;

    /// Always with angle brackets.
    [[nodiscard]] std::string toString() const;

    friend bool operator==(const NameAddr&, const NameAddr&) = default;
};

}  // namespace siproxd::sip
