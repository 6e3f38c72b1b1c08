// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/scan.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace siproxd::sip {

namespace {

constexpr std::array<bool, 256> tokenCharacters() {
    std::array<bool, 256> is{};
    for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")) {
        is[static_cast<unsigned char>(c)] = true;
    }
    return is;
}

}  // namespace

bool isToken(std::string_view text) {
    static constexpr auto kIsToken = tokenCharacters();
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return kIsToken[static_cast<unsigned char>(c)];
    });
}

std::optional<std::size_t> findOutsideQuotes(std::string_view text, char wanted) {
    bool quoted = false;
    bool bracketed = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                quoted = false;
            }
        } else if (c == wanted && !bracketed) {
            return i;
        } else if (c == '"' && !bracketed) {
            quoted = true;
        } else if (c == '<') {
            bracketed = true;
        } else if (c == '>') {
            bracketed = false;
        }
    }
    if (quoted || bracketed) {
        return std::nullopt;
    }
    return text.size();
}

std::optional<std::vector<std::string_view>> splitValues(std::string_view text) {
    std::vector<std::string_view> values;
    for (;;) {
        const auto end = findOutsideQuotes(text, ',');
        if (!end) {
            return std::nullopt;
        }
        const auto value = base::trim(text.substr(0, *end));
        if (!value.empty()) {
            values.push_back(value);
        }
        if (*end == text.size()) {
            return values;
        }
        text.remove_prefix(*end + 1);
    }
}

}  // namespace siproxd::sip
