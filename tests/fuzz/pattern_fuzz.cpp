// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "../../plugins/pattern/pattern.h"
#include "../../plugins/pattern/replacement.h"
#include "demand.h"

using namespace siproxd;
using fuzz::demand;

/// The first line is an expression, the second its replacement, the rest the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kMost = 4096;
    auto input = fuzz::text(data, size);
    const auto line = [&input] {
        const auto found = input.substr(0, input.find('\n'));
        input.remove_prefix(std::min(found.size() + 1, input.size()));
        return found;
    };
    const auto ere = line();
    const pattern::Replacement replacement(line());
    const auto compiled = pattern::Pattern::compile(ere);
    if (!compiled) {
        demand(!compiled.error().empty(), "errors say what is wrong");
        return 0;
    }
    pattern::Effort effort{.left = 20'000};
    pattern::Match match;
    if (compiled->find(input, 0, match, effort) == pattern::Found::Yes) {
        demand(match.size() == compiled->groups() + 1, "a match has all groups");
        for (const auto& span : match) {
            demand(!span.tookPart || (span.begin <= span.end && span.end <= input.size()), "groups are in the text");
        }
    }
    const auto replaced = pattern::replace(*compiled, replacement, input, kMost, effort);
    demand(replaced.text.size() <= kMost, "what is replaced is bounded");
    demand(replaced.found != pattern::Found::No || replaced.text == input, "no match, no change");
    return 0;
}
