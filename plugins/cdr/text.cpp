// SPDX-License-Identifier: GPL-2.0-or-later
#include "text.h"

#include <algorithm>
#include <cstdint>

namespace cdr {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Character {
    std::size_t size = 0;  ///< bytes; 0: this is no UTF-8
    std::uint32_t code = 0;
};

/// The one at the beginning (RFC 3629): no overlong forms, no surrogates.
Character characterAt(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) {
        return {1, first};
    }
    const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < size) {
        return {};
    }
    std::uint32_t code = first & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xC0U) != 0x80) {
            return {};
        }
        code = code << 6U | (next & 0x3FU);
    }
    const bool isOverlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    if (isOverlong || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) {
        return {};
    }
    return {size, code};
}

bool isControl(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

}  // namespace

std::string cleaned(std::string_view text, std::size_t most) {
    std::string out;
    while (!text.empty()) {
        const auto character = characterAt(text);
        const auto shown = character.size == 0             ? kReplacement
                           : isControl(character.code) ? std::string_view(" ")
                                                       : text.substr(0, character.size);
        if (out.size() + shown.size() > most) {
            break;
        }
        out += shown;
        text.remove_prefix(character.size == 0 ? 1 : character.size);
    }
    return out;
}

bool isClean(std::string_view text, std::size_t most) {
    return text.size() <= most && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

void addCsv(std::string& line, std::string_view text) {
    const bool isFormula = !text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos;
    const bool isQuoted = text.find_first_of(",\"\r\n") != std::string_view::npos;
    line.append(isQuoted ? 1 : 0, '"').append(isFormula ? 1 : 0, '\'');
    if (!isQuoted) {
        line += text;
        return;
    }
    for (const char c : text) {
        line.append(c == '"' ? 2 : 1, c);
    }
    line += '"';
}

void addJson(std::string& line, std::string_view text) {
    line += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            line += '\\';
        }
        line += c;
    }
    line += '"';
}

}  // namespace cdr
