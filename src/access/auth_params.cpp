// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/auth_params.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "sip/scan.h"

namespace siproxd::access {

namespace {

constexpr std::size_t kLongestField = 4096;
constexpr std::size_t kMostParams = 32;

bool isSpace(char c) {
    return c == ' ' || c == '\t';
}

void skipSpace(std::string_view& rest) {
    const auto end = std::find_if_not(rest.begin(), rest.end(), isSpace);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.begin()));
}

/// What stands before the first of `ends`.
std::string_view takeUntil(std::string_view& rest, std::string_view ends) {
    const auto word = rest.substr(0, rest.find_first_of(ends));
    rest.remove_prefix(word.size());
    return word;
}

bool isControl(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

/// Reads a quoted string, of which `rest` holds the opening quote.
std::optional<std::string> takeQuoted(std::string_view& rest) {
    std::string value;
    for (std::size_t i = 1; i < rest.size(); ++i) {
        if (rest[i] == '"') {
            rest.remove_prefix(i + 1);
            return value;
        }
        if (rest[i] == '\\' && ++i == rest.size()) {
            break;
        }
        if (isControl(rest[i])) {
            break;
        }
        value += rest[i];
    }
    return std::nullopt;
}

std::unexpected<AuthProblem> problem(AuthProblem::Kind kind, std::string why) {
    return std::unexpected(AuthProblem{kind, std::move(why), {}});
}

}  // namespace

std::expected<AuthParams, AuthProblem> AuthParams::parse(std::string_view field) {
    using Kind = AuthProblem::Kind;
    if (field.size() > kLongestField) {
        return problem(Kind::Malformed, fmt::format("{} bytes are too many", field.size()));
    }
    auto rest = base::trim(field);
    const auto scheme = takeUntil(rest, " \t");
    if (!base::equalsIgnoreCase(scheme, "Digest")) {
        return problem(Kind::OtherScheme, fmt::format("scheme [{}]", base::printable(scheme, 32)));
    }
    AuthParams params;
    std::string why;
    skipSpace(rest);
    while (params.add(rest, why)) {
        skipSpace(rest);
        if (rest.empty()) {
            return params;
        }
        if (rest.front() != ',') {
            why = "no comma between parameters";
            break;
        }
        rest.remove_prefix(1);
        skipSpace(rest);
    }
    return problem(Kind::Malformed, std::move(why));
}

bool AuthParams::add(std::string_view& rest, std::string& why) {
    const auto name = base::trim(takeUntil(rest, "=,\""));
    if (!sip::isToken(name) || rest.empty() || rest.front() != '=') {
        why = fmt::format("no parameter at [{}]", base::printable(name, 32));
        return false;
    }
    rest.remove_prefix(1);
    skipSpace(rest);
    Param param{base::toLower(name), {}};
    if (!rest.empty() && rest.front() == '"') {
        auto text = takeQuoted(rest);
        if (!text) {
            why = fmt::format("{} has no proper end or a control character", param.name);
            return false;
        }
        param.value = *std::move(text);
    } else {
        param.value = std::string(takeUntil(rest, ", \t"));
        if (!sip::isToken(param.value)) {
            why = fmt::format("{} is neither a token nor quoted", param.name);
            return false;
        }
    }
    if (value(param.name)) {
        why = fmt::format("{} twice", param.name);
        return false;
    }
    if (list_.size() == kMostParams) {
        why = "too many parameters";
        return false;
    }
    list_.push_back(std::move(param));
    return true;
}

std::optional<std::string_view> AuthParams::value(std::string_view name) const {
    const auto found =
        std::ranges::find_if(list_, [name](const Param& param) { return param.name == name; });
    if (found == list_.end()) {
        return std::nullopt;
    }
    return found->value;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out += '"';
}

}  // namespace siproxd::access
