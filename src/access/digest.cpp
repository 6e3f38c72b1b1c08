// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <initializer_list>

#include "base/text.h"

namespace siproxd::access {

namespace {

/// The digest of the parts with colons between them.
std::string hash(Algorithm algorithm, std::initializer_list<std::string_view> parts) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const auto& part : parts) {
        if (&part != parts.begin()) {
            text += ':';
        }
        text += part;
    }
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    const auto* md = algorithm == Algorithm::Sha256 ? ::EVP_sha256() : ::EVP_md5();
    const bool done = ::EVP_Digest(text.data(), text.size(), raw, &length, md, nullptr) == 1;
    ::OPENSSL_cleanse(text.data(), text.size());
    std::string out;
    if (done) {
        out.reserve(std::size_t{2} * length);
        for (unsigned i = 0; i < length; ++i) {
            out += kDigits[raw[i] >> 4];
            out += kDigits[raw[i] & 15];
        }
    }
    return out;
}

}  // namespace

std::string_view algorithmName(Algorithm algorithm) {
    return algorithm == Algorithm::Sha256 ? "SHA-256" : "MD5";
}

std::optional<Algorithm> algorithmFrom(std::string_view name) {
    for (const auto algorithm : {Algorithm::Md5, Algorithm::Sha256}) {
        if (base::equalsIgnoreCase(name, algorithmName(algorithm))) {
            return algorithm;
        }
    }
    return std::nullopt;
}

std::size_t digestLength(Algorithm algorithm) {
    return algorithm == Algorithm::Sha256 ? 64 : 32;
}

std::string ha1Of(Algorithm algorithm, std::string_view user, std::string_view realm,
                  std::string_view password) {
    return hash(algorithm, {user, realm, password});
}

std::string responseOf(const ResponseParts& parts, std::string_view ha1) {
    const auto ha2 = hash(parts.algorithm, {parts.method, parts.uri});
    if (ha1.empty() || ha2.empty()) {
        return {};
    }
    if (parts.nonceCount.empty()) {
        return hash(parts.algorithm, {ha1, parts.nonce, ha2});
    }
    return hash(parts.algorithm, {ha1, parts.nonce, parts.nonceCount, parts.cnonce, "auth", ha2});
}

bool sameSecret(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace siproxd::access
