// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace siproxd::base {

/// A set of bytes that texts are checked against, as a table. Made when compiled.
class CharacterSet {
public:
    consteval explicit CharacterSet(std::string_view members) {
        for (const char c : members) {
            is_[static_cast<unsigned char>(c)] = true;
        }
    }

    /// This set and all bytes from `first` to `last`, both included.
    [[nodiscard]] consteval CharacterSet with(unsigned char first, unsigned char last) const {
        CharacterSet set = *this;
        for (unsigned c = first; c <= last; ++c) {
            set.is_[c] = true;
        }
        return set;
    }

    [[nodiscard]] constexpr bool has(char c) const { return is_[static_cast<unsigned char>(c)]; }

    [[nodiscard]] bool hasAllOf(std::string_view text) const {
        return std::ranges::all_of(text, [this](char c) { return has(c); });
    }

    [[nodiscard]] bool hasAnyOf(std::string_view text) const {
        return std::ranges::any_of(text, [this](char c) { return has(c); });
    }

private:
    std::array<bool, 256> is_{};
};

/// The letters and digits of ASCII.
inline constexpr CharacterSet kAlphanumeric =
    CharacterSet("").with('a', 'z').with('A', 'Z').with('0', '9');

}  // namespace siproxd::base
