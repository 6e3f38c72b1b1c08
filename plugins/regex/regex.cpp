// SPDX-License-Identifier: GPL-2.0-or-later
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../pattern/rules.h"
#include "../redirect/mark.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;
namespace redirect = siproxd::redirect;
namespace pattern = siproxd::pattern;

constexpr std::string_view kSelf = "regex";
/// Longer URIs are none.
constexpr std::size_t kLongest = 4096;

/// Rewrites what is dialled by patterns.
class Regex {
public:
    static constexpr const char* kDescription = "Rewrites the target of outgoing calls by patterns";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget);
    static constexpr Option kOptions[] = {
        pattern::kRuleOptions[0],
        pattern::kRuleOptions[1],
        pattern::kRuleOptions[2],
        stringOption("mode", "redirect: the phone is told by 302; retarget: the call is sent there",
                     "redirect"),
    };

    static std::unique_ptr<Regex> create(Host host) {
        auto rules = pattern::readRules(host, "plugin_regex");
        const auto mode = host.choice("mode", {"redirect", "retarget"});
        if (!rules || !mode) {
            return nullptr;
        }
        if (rules->empty()) {
            host.warning("plugin_regex has nothing to do: it needs plugin_regex_desc, "
                         "plugin_regex_pattern and plugin_regex_replace");
            host.restrictStages(0);
        }
        return std::make_unique<Regex>(host, std::move(*rules), mode == 1U);
    }

    Regex(Host host, std::vector<pattern::Rule> rules, bool retargets)
        : host_(host), rules_(std::move(rules)), retargets_(retargets) {}

    Verdict process(Stage, Message& message) {
        if (message.direction() != Direction::RequestOutgoing || message.method() != "INVITE" ||
            message.param(At::To, "tag") || redirect::isMarked(message, At::RequestUri, kSelf) ||
            redirect::isMarked(message, At::To, kSelf)) {
            return Verdict::Continue;
        }
        // The phone knows what it has dialled by the To; where it goes stands in the request URI.
        const At at = retargets_ ? At::RequestUri : At::To;
        const std::string dialled(orEmpty(message.uri(at, Part::Text)));
        const auto rewritten = rewrite(dialled);
        if (!rewritten) {
            return Verdict::Continue;
        }
        auto target = host_.uri(*rewritten);
        if (!target) {
            host_.warning("plugin_regex: " + *rewritten + " is no URI, " + dialled + " is dialled");
            return Verdict::Continue;
        }
        host_.info("redirecting " + dialled + " -> " + *rewritten);
        redirect::mark(*target, kSelf);
        return retargets_ ? message.retarget(target->toString())
                          : message.redirect(target->toString());
    }

private:
    /// By the first rule that matches.
    std::optional<std::string> rewrite(std::string_view dialled) {
        auto effort = pattern::Effort::forText(dialled.size());
        for (pattern::Rule& rule : rules_) {
            // With a first group that took part the pattern means one place, without one all.
            auto result = pattern::replace(
                rule.pattern, rule.replacement, dialled, kLongest, effort,
                [](const pattern::Match& first) { return first.size() > 1 && first[1].tookPart; });
            if (result.found == pattern::Found::TooHard) {
                pattern::reportTooHard(host_, "plugin_regex", rule);
            } else if (result.found == pattern::Found::Yes) {
                host_.info("Matched rexec rule: " + rule.description);
                return std::move(result.text);
            }
        }
        return std::nullopt;
    }

    Host host_;
    std::vector<pattern::Rule> rules_;
    bool retargets_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_regex, Regex)
