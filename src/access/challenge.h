// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "access/auth_params.h"
#include "access/credentials.h"
#include "access/digest.h"

namespace siproxd::access {

/// A Digest challenge: the value of a WWW-Authenticate or Proxy-Authenticate field (RFC 7616 §3.3).
/// A value.
struct Challenge {
    std::string realm;
    std::string nonce;
    std::string opaque;  ///< empty: none
    bool stale = false;  ///< the password may be right, only the nonce is not good any more
    Algorithm algorithm = Algorithm::Md5;
    bool qop = true;  ///< qop `auth` is offered; false: RFC 2069

    /// Strict (see AuthParams); realm and nonce must be there. Unsupported are other algorithms and
    /// a qop without `auth`.
    [[nodiscard]] static std::expected<Challenge, AuthProblem> parse(std::string_view field);

    /// The value for a header field.
    [[nodiscard]] std::string toString() const;

    friend bool operator==(const Challenge&, const Challenge&) = default;
};

/// Of several challenges the first that we can answer: the server names the strongest first (RFC
/// 8760 §2.4). With `realm`, only those of that realm.
[[nodiscard]] std::optional<Challenge> firstSupported(std::span<const std::string> fields,
                                                      std::optional<std::string_view> realm = {});

/// Whom to answer as, and what for.
struct Answer {
    std::string_view user;
    std::string_view password;
    std::string_view method;
    std::string_view uri;          ///< the Request-URI as it is sent
    std::uint32_t nonceCount = 1;  ///< how often this nonce has been used, with this time
    std::string_view cnonce;       ///< fresh randomness of ours, not empty
};

/// The client's side: credentials that answer a challenge.
[[nodiscard]] Credentials answer(const Challenge& challenge, const Answer& how);

}  // namespace siproxd::access
