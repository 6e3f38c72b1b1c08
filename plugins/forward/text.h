// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace forward {

[[nodiscard]] inline char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline std::string lowered(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), lower);
    return result;
}

[[nodiscard]] inline std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t";
    const auto first = text.find_first_not_of(kSpace);
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// The parts between `;` that are not empty.
[[nodiscard]] inline std::vector<std::string> listOf(std::string_view text) {
    std::vector<std::string> all;
    for (;;) {
        const auto end = text.find(';');
        if (const auto part = trim(text.substr(0, end)); !part.empty()) {
            all.emplace_back(part);
        }
        if (end == std::string_view::npos) {
            return all;
        }
        text.remove_prefix(end + 1);
    }
}

}  // namespace forward
