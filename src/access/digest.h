// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The arithmetic of Digest authentication (RFC 7616, for SIP RFC 3261 §22.4 and RFC 8760). All
/// digests are lower-case hexadecimal text.
namespace siproxd::access {

enum class Algorithm : std::uint8_t { Md5, Sha256 };

/// `MD5` or `SHA-256`.
[[nodiscard]] std::string_view algorithmName(Algorithm algorithm);

/// Without case; nothing for algorithms that are not supported (`-sess`, SHA-512-256).
[[nodiscard]] std::optional<Algorithm> algorithmFrom(std::string_view name);

/// Hexadecimal digits of a digest: 32 or 64.
[[nodiscard]] std::size_t digestLength(Algorithm algorithm);

/// H(user:realm:password), what htdigest files keep. Empty when the library does not provide the
/// algorithm (MD5 under FIPS rules).
[[nodiscard]] std::string ha1Of(Algorithm algorithm, std::string_view user, std::string_view realm,
                                std::string_view password);

/// What goes into a response beside the user's secret.
struct ResponseParts {
    Algorithm algorithm = Algorithm::Md5;
    std::string_view nonce;
    std::string_view nonceCount;  ///< 8 hexadecimal digits; empty: without qop, as in RFC 2069
    std::string_view cnonce;
    std::string_view method;
    std::string_view uri;
};

/// The response for qop `auth`, or without qop (RFC 7616 §3.4.1). Empty as in ha1Of().
[[nodiscard]] std::string responseOf(const ResponseParts& parts, std::string_view ha1);

/// Whether two texts are the same, in a time that does not depend on where they differ.
[[nodiscard]] bool sameSecret(std::string_view a, std::string_view b);

}  // namespace siproxd::access
