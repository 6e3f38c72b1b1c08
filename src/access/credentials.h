// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "access/auth_params.h"
#include "access/digest.h"

namespace siproxd::access {

/// Digest credentials: the value of an Authorization or Proxy-Authorization field (RFC 7616 §3.4).
/// A value.
struct Credentials {
    std::string username;
    std::string realm;
    std::string nonce;
    std::string uri;
    std::string response;  ///< lower-case hexadecimal digits, as many as the algorithm gives
    Algorithm algorithm = Algorithm::Md5;  ///< MD5 when none was named
    std::string nonceCount;  ///< 8 hexadecimal digits as they came; empty: sent without qop
    std::string cnonce;
    std::string opaque;

    /// Strict (see AuthParams), and: username, realm, nonce, uri and response must be there; with
    /// qop also cnonce and nc. Unsupported are qop other than `auth`, other algorithms, userhash
    /// and `username*`. The error has the realm where that was legible.
    [[nodiscard]] static std::expected<Credentials, AuthProblem> parse(std::string_view field);

    /// Value of nc; 0 without qop.
    [[nodiscard]] std::uint32_t count() const;

    /// Whether `uri` means the Request-URI: the same text, or SIP URIs with the same scheme, user,
    /// host and port. A proxy may have added parameters.
    [[nodiscard]] bool isFor(std::string_view requestUri) const;

    /// Whether the response proves the secret. Neither nonce, realm nor uri are judged.
    [[nodiscard]] bool proves(std::string_view method, std::string_view ha1) const;

    /// The value for a header field.
    [[nodiscard]] std::string toString() const;

    friend bool operator==(const Credentials&, const Credentials&) = default;
};

}  // namespace siproxd::access
