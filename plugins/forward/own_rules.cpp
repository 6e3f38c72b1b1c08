// SPDX-License-Identifier: GPL-2.0-or-later
#include "own_rules.h"

#include <algorithm>

namespace forward {

namespace {

constexpr std::size_t kMostRules = 10'000;
constexpr std::size_t kLongestField = 512;
constexpr std::string_view kHeading =
    "# Call forwarding that users have set from their phones: user, when, where to (- : rejected)\n";
constexpr std::string_view kReject = "-";

/// The next field of a line, and the rest.
std::string_view field(std::string_view& line) {
    const auto end = line.find('\t');
    const auto text = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return text;
}

bool isField(std::string_view text) {
    return !text.empty() && text.size() <= kLongestField &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20; });
}

}  // namespace

std::optional<std::string> OwnRules::find(std::string_view owner, When when) const {
    const auto found = rules_.find(std::pair(std::string(owner), when));
    return found == rules_.end() ? std::nullopt : std::optional(found->second);
}

bool OwnRules::has(std::string_view owner) const {
    return std::ranges::any_of(kWhen, [&](When when) { return find(owner, when).has_value(); });
}

bool OwnRules::set(std::string_view owner, When when, std::string_view target) {
    if (!isField(owner) || (!target.empty() && !isField(target))) {
        return false;
    }
    for (const auto other : kWhen) {
        if ((other == When::Always) != (when == When::Always)) {
            rules_.erase(std::pair(std::string(owner), other));
        }
    }
    const auto key = std::pair(std::string(owner), when);
    if (rules_.size() >= kMostRules && !rules_.contains(key)) {
        return false;
    }
    rules_.insert_or_assign(key, std::string(target));
    return true;
}

bool OwnRules::reset(std::string_view owner) {
    std::size_t erased = 0;
    for (const auto when : kWhen) {
        erased += rules_.erase(std::pair(std::string(owner), when));
    }
    return erased > 0;
}

std::string OwnRules::text() const {
    std::string text(kHeading);
    for (const auto& [key, target] : rules_) {
        text.append(key.first).append("\t").append(nameOf(key.second)).append("\t");
        text.append(target.empty() ? kReject : std::string_view(target)).append("\n");
    }
    return text;
}

std::size_t OwnRules::read(std::string_view text) {
    std::size_t senseless = 0;
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const auto owner = field(line);
        const auto when = whenFrom(field(line));
        const auto target = field(line);
        const bool isSound = when && line.empty() && !target.empty() &&
                             set(owner, *when, target == kReject ? std::string_view() : target);
        senseless += isSound ? 0 : 1;
    }
    return senseless;
}

}  // namespace forward
