// SPDX-License-Identifier: GPL-2.0-or-later
#include "in_use.h"

#include <utility>

namespace siproxd::lines {

void InUse::take(std::uint64_t call, const std::string& label, Way way) {
    ++counts_[label];
    lines_.emplace(call, Line{label, way});
}

void InUse::leave(std::uint64_t call, std::string_view label) {
    bool isDone = false;
    giveBack(call, [&](const Line& line) {
        const bool isIt = !isDone && line.way == Way::To && line.label == label;
        isDone = isDone || isIt;
        return isIt;
    });
}

void InUse::settle(std::uint64_t call, std::string_view label) {
    bool isKept = false;
    giveBack(call, [&](const Line& line) {
        if (line.way == Way::From) {
            return false;
        }
        const bool isIt = !isKept && line.label == label;
        isKept = isKept || isIt;
        return !isIt;
    });
}

void InUse::end(std::uint64_t call) {
    giveBack(call, [](const Line&) { return true; });
}

std::uint32_t InUse::count(std::string_view label) const {
    const auto found = counts_.find(label);
    return found == counts_.end() ? 0 : found->second;
}

template <class Which>
void InUse::giveBack(std::uint64_t call, const Which& which) {
    const auto [first, last] = lines_.equal_range(call);
    for (auto it = first; it != last;) {
        if (!which(it->second)) {
            ++it;
            continue;
        }
        const auto counted = counts_.find(it->second.label);
        if (--counted->second == 0) {
            counts_.erase(counted);
        }
        it = lines_.erase(it);
    }
}

}  // namespace siproxd::lines
