// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::access {

/// Why a header field of an authentication is of no use.
struct AuthProblem {
    enum class Kind : std::uint8_t {
        OtherScheme,  ///< not Digest
        Malformed,
        Unsupported,  ///< well-formed, but asks for what we do not do (auth-int, userhash …)
    };
    Kind kind;
    std::string why;    ///< for the log, fit to be printed
    std::string realm;  ///< where it is known
};

/// The parameters of one Digest challenge or credentials, as in Authorization, WWW-Authenticate and
/// their Proxy- kin (RFC 3261 §25.1).
///
/// Strict: at most 4096 bytes and 32 parameters; each name once; tokens or quoted strings without
/// control characters (`\"` is read as `"`); nothing behind the last parameter.
class AuthParams {
public:
    [[nodiscard]] static std::expected<AuthParams, AuthProblem> parse(std::string_view field);

    /// The value without quotes; nothing when there is no such parameter. Lower-case name.
    [[nodiscard]] std::optional<std::string_view> value(std::string_view name) const;
    [[nodiscard]] std::size_t size() const { return list_.size(); }

private:
    struct Param {
        std::string name;  ///< lower case
        std::string value;
    };

    [[nodiscard]] bool add(std::string_view& rest, std::string& why);

    std::vector<Param> list_;
};

/// As a quoted string.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace siproxd::access
