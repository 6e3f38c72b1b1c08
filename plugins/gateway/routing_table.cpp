// SPDX-License-Identifier: GPL-2.0-or-later
#include "routing_table.h"

#include <algorithm>
#include <charconv>

#include "siproxd/plugin.hpp"

namespace gateway {

using siproxd::api::lower;
using siproxd::api::split;
using siproxd::api::trim;

namespace {

constexpr std::size_t kAnyLength = static_cast<std::size_t>(-1);

bool isDigit(char c) { return c >= '0' && c <= '9'; }

bool isSame(std::string_view a, std::string_view b, bool exactCase) {
    return std::ranges::equal(a, b, [exactCase](char x, char y) {
        return exactCase ? x == y : lower(x) == lower(y);
    });
}

/// Takes a number off the front.
std::optional<std::size_t> takeNumber(std::string_view& text) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number > 100) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

/// Without what says which kind of traffic it is for.
std::string_view withoutQualifiers(std::string_view left) {
    const auto bracket = left.find('<');
    if (bracket == std::string_view::npos) {
        return left;
    }
    constexpr std::string_view kKnown[] = {"norelay", "relay", "signal", "n", "r", "s"};
    for (const auto part : split(left.substr(0, bracket), ':')) {
        const auto word = trim(part);
        if (!word.empty() && std::ranges::none_of(kKnown, [word](std::string_view known) {
                return isSame(word, known, false);
            })) {
            return left;
        }
    }
    return left.substr(bracket);
}

}  // namespace

std::optional<Route::Pattern> Route::Pattern::parse(std::string_view text, std::string& why) {
    Pattern pattern;
    const auto at = text.find_first_of("*(");
    pattern.before = text.substr(0, at);
    if (at == std::string_view::npos) {
        return pattern;
    }
    auto rest = text.substr(at + 1);
    if (text[at] == '*') {
        pattern.wildcard = Wildcard{.digits = false, .fewest = 0, .most = kAnyLength};
    } else {
        const auto fewest = takeNumber(rest);
        std::optional<std::size_t> most = fewest;
        if (rest.starts_with('+')) {
            rest.remove_prefix(1);
            most = kAnyLength;
        } else if (rest.starts_with('-')) {
            rest.remove_prefix(1);
            most = takeNumber(rest);
        }
        if (!fewest || !most || *most < *fewest || !rest.starts_with("d)")) {
            why = "behind ( there must be a count of digits: (10d), (10+d) or (3-5d)";
            return std::nullopt;
        }
        rest.remove_prefix(2);
        pattern.wildcard = Wildcard{.digits = true, .fewest = *fewest, .most = *most};
    }
    if (rest.find_first_of("*(") != std::string_view::npos) {
        why = "only one wildcard can stand on each side of the @";
        return std::nullopt;
    }
    pattern.behind = rest;
    return pattern;
}

std::optional<std::string> Route::Pattern::match(std::string_view text, bool exactCase) const {
    if (!wildcard) {
        return isSame(text, before, exactCase) ? std::optional<std::string>("") : std::nullopt;
    }
    if (text.size() < before.size() + behind.size() ||
        !isSame(text.substr(0, before.size()), before, exactCase) ||
        !isSame(text.substr(text.size() - behind.size()), behind, exactCase)) {
        return std::nullopt;
    }
    const auto middle = text.substr(before.size(), text.size() - before.size() - behind.size());
    const bool fits = middle.size() >= wildcard->fewest && middle.size() <= wildcard->most &&
                      (!wildcard->digits || std::ranges::all_of(middle, isDigit));
    return fits ? std::optional(std::string(middle)) : std::nullopt;
}

std::optional<Route> Route::parse(std::string_view line, std::string& why) {
    Route route;
    route.text_ = trim(line);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) {
        why = "there is no =";
        return std::nullopt;
    }
    auto left = withoutQualifiers(trim(line.substr(0, equals)));
    const auto right = trim(line.substr(equals + 1));
    if (left.size() < 2 || !left.starts_with('<') || !left.ends_with('>')) {
        why = "on the left there must be an address in <>";
        return std::nullopt;
    }
    left = left.substr(1, left.size() - 2);
    const auto at = left.rfind('@');
    auto user = Pattern::parse(left.substr(0, at), why);
    auto domain = Pattern::parse(at == std::string_view::npos ? "*" : left.substr(at + 1), why);
    if (!user || !domain) {
        return std::nullopt;
    }
    const auto to = right.rfind('@');
    if (to == std::string_view::npos || to == 0 || to + 1 == right.size() ||
        right.find_first_of(" \t<>()\"") != std::string_view::npos) {
        why = "on the right there must be number@gateway, or an address";
        return std::nullopt;
    }
    route.user_ = std::move(*user);
    route.domain_ = std::move(*domain);
    route.target_ = {std::string(right.substr(0, to)), std::string(right.substr(to + 1))};
    return route;
}

std::optional<Address> Route::apply(const Address& address) const {
    const auto user = user_.match(address.user, true);
    const auto domain = domain_.match(address.domain, false);
    if (!user || !domain) {
        return std::nullopt;
    }
    const auto& wild = user_.wildcard ? *user : *domain;
    const auto filled = [&wild](std::string_view text) {
        std::string out;
        for (const char c : text) {
            c == '*' ? out += wild : out += c;
        }
        return out;
    };
    return Address{filled(target_.user), filled(target_.domain)};
}

}  // namespace gateway
