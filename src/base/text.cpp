// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include <algorithm>
#include <cstring>

#include "base/character_set.h"

namespace siproxd::base {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool equalLettersIgnoreCase(std::string_view a, std::string_view b) {
    return a == b || std::equal(a.begin(), a.end(), b.begin(),
                                [](char x, char y) { return lower(x) == lower(y); });
}

bool startsWithIgnoreCase(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() && equalsIgnoreCase(text.substr(0, prefix.size()), prefix);
}

std::string toLower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

bool hasHostCharacters(std::string_view text) {
    static constexpr auto kHost = kAlphanumeric.with('-', '-').with('.', '.').with('_', '_');
    return !text.empty() && kHost.hasAllOf(text);
}

bool hasControlBytes(std::string_view text) {
    // Eight bytes at once: a byte below 32 borrows from its top bit when 32 is taken off, a byte that is
    // 127 becomes 0 and borrows for 1. Only bytes whose own top bit was clear count.
    constexpr std::uint64_t kEach = 0x0101010101010101;
    constexpr std::uint64_t kTop = kEach * 0x80;
    while (text.size() >= sizeof(std::uint64_t)) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, text.data(), sizeof eight);
        const std::uint64_t deleted = eight ^ kEach * 127;
        if ((((eight - kEach * 32) & ~eight) | ((deleted - kEach) & ~deleted)) & kTop) {
            return true;
        }
        text.remove_prefix(sizeof eight);
    }
    return std::ranges::any_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 32 || byte == 127;
    });
}

std::string_view trim(std::string_view text) {
    const auto isSpace = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && isSpace(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && isSpace(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(at + 1);
    }
}

std::optional<std::uint64_t> parseUnsigned(std::string_view text, std::uint64_t max) {
    if (text.empty()) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (digit > max || value > (max - digit) / 10) {
            return std::nullopt;
        }
        value = value * 10 + digit;
    }
    return value;
}

std::string printable(std::string_view bytes, std::size_t limit) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (const char c : bytes.substr(0, limit)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 32 && byte <= 126) {
            out.push_back(c);
        } else {
            out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
        }
    }
    if (bytes.size() > limit) {
        out += "...";
    }
    return out;
}

}  // namespace siproxd::base
