// SPDX-License-Identifier: GPL-2.0-or-later
#include "rules.h"

#include <algorithm>
#include <functional>
#include <map>

namespace forward {

using siproxd::api::Complaints;
using siproxd::api::Host;
using siproxd::api::listOf;
using siproxd::api::lowered;
using siproxd::api::OptionLine;
using siproxd::api::orEmpty;
using siproxd::api::readFlag;
using siproxd::api::readNumber;

namespace {

/// A rule and where it begins.
struct Draft {
    Rule rule;
    OptionLine line;
};

/// Gives the complaint; empty: none.
using Setter = std::function<std::string(Draft&, std::string_view)>;

std::string setWhen(Rule& rule, std::string_view text) {
    rule.when.clear();
    for (const auto& name : listOf(text)) {
        const auto when = whenFrom(name);
        if (!when) {
            return "always, busy, noanswer or unreachable is needed, with ; between them";
        }
        rule.when.push_back(*when);
    }
    return rule.when.empty() ? "it says nothing" : "";
}

std::string setAction(Rule& rule, std::string_view text) {
    constexpr std::pair<std::string_view, Action> kActions[] = {{"forward", Action::Forward},
                                                                {"accept", Action::Accept},
                                                                {"reject", Action::Reject},
                                                                {"drop", Action::Drop}};
    const auto* const found =
        std::ranges::find(kActions, lowered(text), [](const auto& pair) { return pair.first; });
    if (found == std::end(kActions)) {
        return "forward, accept, reject or drop is needed";
    }
    rule.action = found->second;
    return "";
}

std::string setTargets(const Host& host, Rule& rule, std::string_view text) {
    rule.targets = listOf(text);
    for (const auto& target : rule.targets) {
        if (!host.uri(uriOf(target, "example.invalid"))) {
            return target + " is no number and no address";
        }
    }
    return rule.targets.empty() ? "a number or an address is needed" : "";
}

std::map<std::string_view, Setter> setters(const Host& host) {
    return {
        {"to", [&host](Draft& d, std::string_view v) { return setTargets(host, d.rule, v); }},
        {"description", [](Draft& d, std::string_view v) { d.rule.name = v; return std::string(); }},
        {"owner", [](Draft& d, std::string_view v) { d.rule.owner = v; return std::string(); }},
        {"caller", [](Draft& d, std::string_view v) { d.rule.callers = listOf(v); return std::string(); }},
        {"when", [](Draft& d, std::string_view v) { return setWhen(d.rule, v); }},
        {"after", [](Draft& d, std::string_view v) { return readNumber(d.rule.ring, v, 1, 600); }},
        {"action", [](Draft& d, std::string_view v) { return setAction(d.rule, v); }},
        {"status", [](Draft& d, std::string_view v) {
             std::uint32_t status = 0;
             auto why = readNumber(status, v, 400, 699);
             d.rule.status = why.empty() ? static_cast<int>(status) : d.rule.status;
             return why;
         }},
        {"active", [](Draft& d, std::string_view v) { return readFlag(d.rule.active, v); }}};
}

std::string incompleteness(const Rule& rule) {
    if (rule.action == Action::Forward && rule.targets.empty()) {
        return "it has no plugin_forward_to";
    }
    return rule.action != Action::Forward && !rule.targets.empty()
               ? "it has a plugin_forward_to, and plugin_forward_action is not forward"
               : "";
}

/// Codes that are alike, or of which one begins another that is followed by digits.
std::string ambiguity(const Codes& codes) {
    const std::pair<std::string_view, std::string_view> all[] = {{codes.away, "away"},
                                                                 {codes.awayBusy, "away_busy"},
                                                                 {codes.awayNoAnswer, "away_noanswer"},
                                                                 {codes.reset, "reset"},
                                                                 {codes.redial, "redial"}};
    for (const auto& one : all) {
        for (const auto& other : all) {
            if (&one != &other && !one.first.empty() && one.first == other.first) {
                return "plugin_forward_" + std::string(one.second) + " and plugin_forward_" +
                       std::string(other.second) + " are the same";
            }
        }
    }
    return "";
}

}  // namespace

std::string_view nameOf(When when) {
    switch (when) {
        case When::Always: return "always";
        case When::Busy: return "busy";
        case When::NoAnswer: return "noanswer";
        case When::Unreachable: return "unreachable";
    }
    return "";
}

std::optional<When> whenFrom(std::string_view name) {
    const auto* const found = std::ranges::find(kWhen, lowered(name), nameOf);
    return found == std::end(kWhen) ? std::nullopt : std::optional(*found);
}

bool Rule::isFor(const Party& caller, const Party& callee) const {
    const auto fits = [](const std::vector<std::string>& masks, const Party& party) {
        return std::ranges::any_of(masks, [&](const std::string& mask) { return matches(mask, party); });
    };
    return active && fits(numbers, callee) && (callers.empty() || fits(callers, caller));
}

bool Rule::isFor(When condition) const {
    return std::ranges::find(when, condition) != when.end();
}

std::optional<Settings> Settings::read(const Host& host) {
    Settings settings;
    const auto known = setters(host);
    std::vector<Draft> drafts;
    Complaints complaints(host);
    for (const auto& line : host.lines()) {
        if (line.name == "number") {
            Draft draft{.rule = {}, .line = line};
            draft.rule.numbers = listOf(line.value);
            draft.rule.name = line.value;
            draft.rule.when = {When::Always};
            complaints.add(line, draft.rule.numbers.empty() ? "a number, an address or a mask is needed" : "");
            drafts.push_back(std::move(draft));
        } else if (const auto setter = known.find(line.name); setter != known.end()) {
            complaints.add(line, drafts.empty() ? "a plugin_forward_number has to come before"
                                          : setter->second(drafts.back(), line.value));
        }
    }
    for (auto& draft : drafts) {
        complaints.add(draft.line, incompleteness(draft.rule));
        settings.rules.push_back(std::move(draft.rule));
    }
    const auto text = [&host](const char* option) {
        return std::string(orEmpty(host.string(option)));
    };
    settings.codes = {text("away"), text("away_busy"), text("away_noanswer"), text("reset"), text("redial")};
    const auto why = ambiguity(settings.codes);
    if (!why.empty()) {
        host.error("plugin_forward: " + why);
    }
    settings.ring = static_cast<std::uint32_t>(host.integer("ring").value_or(settings.ring));
    settings.confirmation = static_cast<int>(host.integer("confirm").value_or(settings.confirmation));
    settings.diversion = host.integer("diversion").value_or(1) != 0;
    settings.file = text("file");
    return complaints.isEmpty() && why.empty() ? std::optional(std::move(settings)) : std::nullopt;
}

}  // namespace forward
