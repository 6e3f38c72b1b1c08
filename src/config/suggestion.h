// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace siproxd::config {

/// What somebody may have meant who wrote `word`: the candidate that differs least, without regard to
/// case, by at most two letters left out, put in, taken for another or swapped with the next. Nothing
/// when there is none, or when that would be more than a third of the word.
[[nodiscard]] std::optional<std::string_view> suggest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

}  // namespace siproxd::config
