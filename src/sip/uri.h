// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/params.h"
#include "sip/rare_text.h"

namespace siproxd::sip {

/// A SIP or SIPS URI (RFC 3261 §19.1), or any other URI as scheme and opaque rest. A value.
/// Escapes (`%xx`) stay as they came, in every part.
struct Uri {
    std::string scheme = "sip";  ///< lower case
    std::string user;
    RareText password;
    std::string host;        ///< without brackets for IPv6
    std::uint16_t port = 0;  ///< 0: none given
    Params params;
    RareText headers;     ///< behind `?`, as it came, without the `?`
    RareText opaque;      ///< for schemes other than sip and sips: all behind the colon

    [[nodiscard]] static std::optional<Uri> parse(std::string_view text);

    [[nodiscard]] bool isSip() const { return scheme == "sip" || scheme == "sips"; }
    [[nodiscard]] bool isSips() const { return scheme == "sips"; }
    /// `port`, or the default of the scheme when none is given.
    [[nodiscard]] std::uint16_t portOrDefault() const {
        return port != 0 ? port : (isSips() ? 5061 : 5060);
    }
    /// Host in brackets when it is IPv6.
    [[nodiscard]] std::string hostText() const;
    [[nodiscard]] std::string toString() const;
    void appendTo(std::string& out) const;
    /// Of toString(), at most; for reserve().
    [[nodiscard]] std::size_t lengthHint() const;
    /// `user@host` as in log lines; no scheme, no port.
    [[nodiscard]] std::string userAtHost() const;

    /// Same scheme class, user (case-sensitive), host (without case) and effective port; parameters
    /// and headers do not count. This is what tells addresses-of-record and contacts apart here.
    [[nodiscard]] bool sameAddress(const Uri& other) const;

    friend bool operator==(const Uri&, const Uri&) = default;
};

}  // namespace siproxd::sip
