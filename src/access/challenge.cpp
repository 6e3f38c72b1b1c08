// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/challenge.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace siproxd::access {

namespace {

bool offersAuth(std::string_view qop) {
    return std::ranges::any_of(base::split(qop, ','), [](std::string_view option) {
        return base::equalsIgnoreCase(base::trim(option), "auth");
    });
}

}  // namespace

std::expected<Challenge, AuthProblem> Challenge::parse(std::string_view field) {
    using Kind = AuthProblem::Kind;
    const auto params = AuthParams::parse(field);
    if (!params) {
        return std::unexpected(params.error());
    }
    const auto text = [&](std::string_view name) {
        return std::string(params->value(name).value_or(""));
    };
    Challenge challenge{.realm = text("realm"), .nonce = text("nonce"), .opaque = text("opaque")};
    const auto fail = [&](Kind kind, std::string why) {
        return std::unexpected(AuthProblem{kind, std::move(why), challenge.realm});
    };
    if (challenge.nonce.empty() || !params->value("realm")) {
        return fail(Kind::Malformed, "no realm or no nonce");
    }
    const auto algorithm = algorithmFrom(params->value("algorithm").value_or("MD5"));
    if (!algorithm) {
        return fail(Kind::Unsupported,
                    fmt::format("algorithm {}", base::printable(text("algorithm"), 32)));
    }
    challenge.algorithm = *algorithm;
    challenge.stale = base::equalsIgnoreCase(text("stale"), "true");
    challenge.qop = params->value("qop").has_value();
    if (challenge.qop && !offersAuth(*params->value("qop"))) {
        return fail(Kind::Unsupported, fmt::format("qop {}", base::printable(text("qop"), 32)));
    }
    return challenge;
}

std::string Challenge::toString() const {
    auto text = fmt::format("Digest realm={}, nonce={}", quoted(realm), quoted(nonce));
    if (!opaque.empty()) {
        text += fmt::format(", opaque={}", quoted(opaque));
    }
    if (stale) {
        text += ", stale=true";
    }
    text += fmt::format(", algorithm={}", algorithmName(algorithm));
    return qop ? text + ", qop=\"auth\"" : text;
}

std::optional<Challenge> firstSupported(std::span<const std::string> fields,
                                        std::optional<std::string_view> realm) {
    for (const auto& field : fields) {
        if (auto challenge = Challenge::parse(field);
            challenge && (!realm || challenge->realm == *realm)) {
            return *std::move(challenge);
        }
    }
    return std::nullopt;
}

Credentials answer(const Challenge& challenge, const Answer& how) {
    Credentials credentials{.username = std::string(how.user),
                            .realm = challenge.realm,
                            .nonce = challenge.nonce,
                            .uri = std::string(how.uri),
                            .response = {},
                            .algorithm = challenge.algorithm,
                            .nonceCount = {},
                            .cnonce = {},
                            .opaque = challenge.opaque};
    if (challenge.qop) {
        credentials.nonceCount = fmt::format("{:08x}", how.nonceCount);
        credentials.cnonce = std::string(how.cnonce);
    }
    credentials.response =
        responseOf({.algorithm = challenge.algorithm,
                    .nonce = challenge.nonce,
                    .nonceCount = credentials.nonceCount,
                    .cnonce = credentials.cnonce,
                    .method = how.method,
                    .uri = how.uri},
                   ha1Of(challenge.algorithm, how.user, challenge.realm, how.password));
    return credentials;
}

}  // namespace siproxd::access
