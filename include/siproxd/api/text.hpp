// SPDX-License-Identifier: GPL-2.0-or-later
/// What is done with the texts of configurations and header fields: letters are those of ASCII. See plugin.hpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace siproxd::api {

/// Of a text that may be missing.
[[nodiscard]] constexpr const char* orEmpty(const char* text) { return text == nullptr ? "" : text; }
[[nodiscard]] constexpr std::string_view orEmpty(std::optional<std::string_view> text) {
    return text.value_or(std::string_view());
}

[[nodiscard]] constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

[[nodiscard]] inline std::string lowered(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

/// Without regard to case.
[[nodiscard]] inline bool equals(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

/// Without what is in `space` at both ends.
[[nodiscard]] constexpr std::string_view trim(std::string_view text, std::string_view space = " \t") {
    const auto first = text.find_first_not_of(space);
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// All parts, empty ones too; at least one.
[[nodiscard]] inline std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

/// The parts between `;`, trimmed, that are not empty.
[[nodiscard]] inline std::vector<std::string> listOf(std::string_view text) {
    std::vector<std::string> all;
    for (const auto part : split(text, ';')) {
        if (const auto entry = trim(part); !entry.empty()) {
            all.emplace_back(entry);
        }
    }
    return all;
}

/// The decimal number in [least, most] that all of the text is goes to `into`. What is wrong otherwise, for Host::optionError();
/// empty: nothing.
template <class Number>
[[nodiscard]] std::string readNumber(Number& into, std::string_view text, std::uint32_t least, std::uint32_t most) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
        return "a number from " + std::to_string(least) + " to " + std::to_string(most) + " is needed";
    }
    into = value;
    return "";
}

/// Likewise the flag that the text is.
[[nodiscard]] inline std::string readFlag(bool& into, std::string_view text) {
    if (text != "0" && text != "1") {
        return "0 or 1 is needed";
    }
    into = text == "1";
    return "";
}

struct Wildcards {
    char any;                                ///< stands for any text, an empty one too
    std::optional<char> one = std::nullopt;  ///< stands for any character
};

/// Whether all of the text is as the mask says, without regard to case. Takes time in proportion to the product of the
/// lengths at most.
[[nodiscard]] constexpr bool fits(std::string_view mask, std::string_view text, Wildcards wildcards) {
    // Where the last `any` stands, and up to where the text has been taken for it.
    std::size_t any = std::string_view::npos;
    std::size_t taken = 0;
    std::size_t m = 0;
    std::size_t t = 0;
    while (t < text.size()) {
        if (m < mask.size() && mask[m] == wildcards.any) {
            any = m++;
            taken = t;
        } else if (m < mask.size() && (mask[m] == wildcards.one || lower(mask[m]) == lower(text[t]))) {
            ++m;
            ++t;
        } else if (any != std::string_view::npos) {
            m = any + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    return mask.find_first_not_of(wildcards.any, m) == std::string_view::npos;
}

}  // namespace siproxd::api
