// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/suggestion.h"

#include "base/text.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace siproxd::config {

namespace {

constexpr std::size_t kMostEdits = 2;
constexpr std::size_t kLongestWord = 64;

/// Optimal string alignment: Levenshtein's distance with swaps of neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
    using Row = std::vector<std::size_t>;
    Row before(b.size() + 1);
    Row last(b.size() + 1);
    Row row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t other = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + other});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::optional<std::string_view> suggest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
    if (word.size() > kLongestWord) {
        return std::nullopt;
    }
    const std::string written = base::toLower(word);
    std::optional<std::string_view> nearest;
    std::size_t least = std::min(kMostEdits, word.size() / 3) + 1;
    for (const auto candidate : candidates) {
        if (const auto edits = distance(written, candidate); edits < least) {
            least = edits;
            nearest = candidate;
        }
    }
    return nearest;
}

}  // namespace siproxd::config
