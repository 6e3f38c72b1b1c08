// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../pattern/rules.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;
namespace pattern = siproxd::pattern;

/// To which bodies may grow.
constexpr std::size_t kLongest = 65'535;

/// Rewrites the bodies of all messages by patterns.
class RegexBody {
public:
    static constexpr const char* kDescription = "Rewrites the bodies of messages by patterns";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::PreProxy);
    static constexpr Option kOptions[] = {
        pattern::kRuleOptions[0],
        pattern::kRuleOptions[1],
        pattern::kRuleOptions[2],
    };

    static std::unique_ptr<RegexBody> create(Host host) {
        auto rules = pattern::readRules(host, "plugin_regex_body");
        if (!rules) {
            return nullptr;
        }
        if (rules->empty()) {
            host.warning("plugin_regex_body has nothing to do: it needs plugin_regex_body_desc, "
                         "plugin_regex_body_pattern and plugin_regex_body_replace");
            host.restrictStages(0);
        }
        return std::make_unique<RegexBody>(host, std::move(*rules));
    }

    RegexBody(Host host, std::vector<pattern::Rule> rules)
        : host_(host), rules_(std::move(rules)) {}

    Verdict process(Stage, Message& message) {
        if (message.body().empty()) {
            return Verdict::Continue;
        }
        std::string body(message.body());
        const auto most = std::max(kLongest, body.size());
        auto effort = pattern::Effort::forText(body.size());
        bool isChanged = false;
        for (pattern::Rule& rule : rules_) {
            auto result = pattern::replace(rule.pattern, rule.replacement, body, most, effort);
            if (result.found == pattern::Found::TooHard) {
                pattern::reportTooHard(host_, "plugin_regex_body", rule);
            } else if (result.found == pattern::Found::Yes) {
                host_.debug("Matched rexec rule: " + rule.description);
                isChanged = isChanged || result.text != body;
                body = std::move(result.text);
            }
        }
        return !isChanged || message.setBody(body) ? Verdict::Continue : Verdict::Failed;
    }

private:
    Host host_;
    std::vector<pattern::Rule> rules_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_regex_body, RegexBody)
