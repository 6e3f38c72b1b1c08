// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/text.h"
#include "dns/resolver.h"

namespace siproxd::dns {

namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

// Not <cctype>: its answers depend on the locale.
bool isDigit(char c) { return c >= '0' && c <= '9'; }

bool isLabel(std::string_view label) {
    return label.size() <= kMaxLabel && base::hasHostCharacters(label) && label.front() != '-' &&
           label.back() != '-';
}

}  // namespace

bool isHostName(std::string_view name) {
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    if (name.empty() || name.size() > kMaxName) {
        return false;
    }
    const auto labels = base::split(name, '.');
    // A name that ends in a number is a mistyped address (RFC 3696 §2).
    return std::ranges::all_of(labels, isLabel) && !std::ranges::all_of(labels.back(), isDigit);
}

}  // namespace siproxd::dns
