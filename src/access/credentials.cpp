// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "sip/uri.h"

namespace siproxd::access {

namespace {

using Kind = AuthProblem::Kind;

constexpr std::size_t kLongestName = 256;
constexpr std::size_t kLongestUri = 2048;
constexpr std::size_t kNonceCountDigits = 8;

bool isHex(std::string_view text, std::size_t length) {
    return text.size() == length &&
           text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// Moves parameters into credentials and keeps the first thing that is wrong.
class Reader {
public:
    explicit Reader(const AuthParams& params) : params_(params) {}

    std::string text(std::string_view name, std::size_t most, bool needed) {
        const auto value = params_.value(name);
        if (needed && (!value || value->empty())) {
            fail(Kind::Malformed, fmt::format("no {}", name));
        } else if (value && value->size() > most) {
            fail(Kind::Malformed, fmt::format("{} is too long", name));
        } else if (value) {
            return std::string(*value);
        }
        return {};
    }

    std::string hex(std::string_view name, std::size_t length) {
        const auto digits = params_.value(name).value_or("");
        if (!isHex(digits, length)) {
            fail(Kind::Malformed, fmt::format("{} is not {} hexadecimal digits", name, length));
        }
        return std::string(digits);
    }

    Algorithm algorithm() {
        const auto name = params_.value("algorithm");
        const auto known = name ? algorithmFrom(*name) : Algorithm::Md5;
        if (!known) {
            fail(Kind::Unsupported, fmt::format("algorithm {}", base::printable(*name, 32)));
        }
        return known.value_or(Algorithm::Md5);
    }

    bool qop() {
        const auto value = params_.value("qop");
        if (value && !base::equalsIgnoreCase(*value, "auth")) {
            fail(Kind::Unsupported, fmt::format("qop {}", base::printable(*value, 32)));
        }
        return value.has_value();
    }

    void refuseUserHash() {
        const auto userHash = params_.value("userhash");
        if (params_.value("username*") ||
            (userHash && !base::equalsIgnoreCase(*userHash, "false"))) {
            fail(Kind::Unsupported, "userhash or an encoded user name");
        }
    }

    void fail(Kind kind, std::string why) {
        if (!problem_) {
            problem_ =
                AuthProblem{kind, std::move(why), std::string(params_.value("realm").value_or(""))};
        }
    }

    [[nodiscard]] const std::optional<AuthProblem>& problem() const { return problem_; }

private:
    const AuthParams& params_;
    std::optional<AuthProblem> problem_;
};

}  // namespace

std::expected<Credentials, AuthProblem> Credentials::parse(std::string_view field) {
    const auto params = AuthParams::parse(field);
    if (!params) {
        return std::unexpected(params.error());
    }
    Reader reader(*params);
    Credentials credentials;
    reader.refuseUserHash();
    const bool qop = reader.qop();
    credentials.algorithm = reader.algorithm();
    credentials.username = reader.text("username", kLongestName, true);
    credentials.realm = reader.text("realm", kLongestName, true);
    credentials.nonce = reader.text("nonce", kLongestName, true);
    credentials.uri = reader.text("uri", kLongestUri, true);
    credentials.response =
        base::toLower(reader.hex("response", digestLength(credentials.algorithm)));
    credentials.opaque = reader.text("opaque", kLongestName, false);
    if (qop) {
        credentials.nonceCount = reader.hex("nc", kNonceCountDigits);
        credentials.cnonce = reader.text("cnonce", kLongestName, true);
    }
    if (reader.problem()) {
        return std::unexpected(*reader.problem());
    }
    return credentials;
}

std::uint32_t Credentials::count() const {
    std::uint32_t number = 0;
    std::from_chars(nonceCount.data(), nonceCount.data() + nonceCount.size(), number, 16);
    return number;
}

bool Credentials::isFor(std::string_view requestUri) const {
    if (uri == requestUri) {
        return true;
    }
    const auto mine = sip::Uri::parse(uri);
    const auto wanted = sip::Uri::parse(requestUri);
    return mine && wanted && mine->isSip() && wanted->isSip() && mine->sameAddress(*wanted);
}

bool Credentials::proves(std::string_view method, std::string_view ha1) const {
    const auto expected = responseOf({.algorithm = algorithm,
                                      .nonce = nonce,
                                      .nonceCount = nonceCount,
                                      .cnonce = cnonce,
                                      .method = method,
                                      .uri = uri},
                                     ha1);
    return !expected.empty() && sameSecret(expected, response);
}

std::string Credentials::toString() const {
    auto text = fmt::format("Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\", "
                            "algorithm={}",
                            quoted(username), quoted(realm), quoted(nonce), quoted(uri), response,
                            algorithmName(algorithm));
    if (!nonceCount.empty()) {
        text += fmt::format(", qop=auth, nc={}, cnonce={}", nonceCount, quoted(cnonce));
    }
    if (!opaque.empty()) {
        text += fmt::format(", opaque={}", quoted(opaque));
    }
    return text;
}

}  // namespace siproxd::access
