// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/scanner_signatures.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace siproxd::access {

namespace {

using Traits = ScannerSignatures::Traits;

constexpr std::size_t kLongestPattern = 128;
constexpr std::size_t kLongestTrait = 256;

struct FieldName {
    std::string_view name;
    std::string_view Traits::*field;
};
constexpr FieldName kFields[] = {
    {"user-agent", &Traits::userAgent}, {"from-display", &Traits::fromDisplay},
    {"from-user", &Traits::fromUser},   {"from-host", &Traits::fromHost},
    {"to-user", &Traits::toUser},
};

/// What the tools send unless somebody has changed them.
// clang-format off
constexpr std::string_view kBuiltIn[] = {
    "user-agent:*friendly-scanner*", "user-agent:*friendly-request*", "user-agent:*sipvicious*",
    "user-agent:*sundayddr*",        "user-agent:sipcli*",            "user-agent:sip-scan*",
    "user-agent:sipscan*",           "user-agent:sipsak*",            "user-agent:smap*",
    "user-agent:vaxsipuseragent*",   "user-agent:vaxipuseragent*",    "user-agent:iwar*",
    "user-agent:sivus*",             "user-agent:sip-attacker*",      "user-agent:siparmyknife*",
    "user-agent:pplsip*",            "user-agent:sipptk*",            "user-agent:gulp*",
    "user-agent:random-scanner*",    "from-display:*sipvicious*",     "from-user:sipvicious",
    "from-user:nm",                  "to-user:nm2",                   "to-user:sipvicious",
};
// clang-format on

bool equalChar(char pattern, char c) {
    return pattern == (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
}

/// Where `part` first occurs in `text`; npos when it does not.
std::size_t findPart(std::string_view text, std::string_view part) {
    const auto found =
        std::ranges::search(text, part, [](char c, char wanted) { return equalChar(wanted, c); });
    return found.empty() && !part.empty() ? std::string_view::npos
                                          : static_cast<std::size_t>(found.begin() - text.begin());
}

bool startsWith(std::string_view text, std::string_view part) {
    return text.size() >= part.size() &&
           std::ranges::equal(text.substr(0, part.size()), part,
                              [](char c, char wanted) { return equalChar(wanted, c); });
}

/// The parts between the stars from left to right, each where it first fits: no backtracking.
bool fits(std::string_view pattern, std::string_view text) {
    const auto parts = base::split(pattern, '*');
    if (parts.size() == 1) {
        return text.size() == pattern.size() && startsWith(text, pattern);
    }
    if (!startsWith(text, parts.front())) {
        return false;
    }
    text.remove_prefix(parts.front().size());
    for (std::size_t i = 1; i + 1 < parts.size(); ++i) {
        const auto at = findPart(text, parts[i]);
        if (at == std::string_view::npos) {
            return false;
        }
        text.remove_prefix(at + parts[i].size());
    }
    const auto last = parts.back();
    return text.size() >= last.size() && startsWith(text.substr(text.size() - last.size()), last);
}

}  // namespace

ScannerSignatures ScannerSignatures::builtIn() {
    ScannerSignatures signatures;
    for (const auto text : kBuiltIn) {
        (void)signatures.add(text);
    }
    return signatures;
}

base::Result<void> ScannerSignatures::add(std::string_view text) {
    const auto colon = text.find(':');
    const auto name = base::trim(text.substr(0, colon));
    const auto pattern =
        colon == std::string_view::npos ? std::string_view() : base::trim(text.substr(colon + 1));
    const auto known = std::ranges::find_if(
        kFields, [name](const FieldName& f) { return base::equalsIgnoreCase(f.name, name); });
    if (known == std::end(kFields) || pattern.size() > kLongestPattern ||
        pattern.find_first_not_of('*') == std::string_view::npos) {
        return base::fail(
            fmt::format("scanner signature [{}] is not `field:pattern` with a field of user-agent, "
                        "from-display, from-user, from-host, to-user",
                        base::printable(text)));
    }
    list_.push_back({known->field, base::toLower(pattern), std::string(base::trim(text))});
    return {};
}

std::string_view ScannerSignatures::match(const Traits& traits) const {
    for (const auto& signature : list_) {
        const auto trait = (traits.*signature.field).substr(0, kLongestTrait);
        if (!trait.empty() && fits(signature.pattern, trait)) {
            return signature.text;
        }
    }
    return {};
}

}  // namespace siproxd::access
