// SPDX-License-Identifier: GPL-2.0-or-later
#include <memory>
#include <string>
#include <vector>

#include "filter.h"
#include "parts.h"
#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;
namespace codecfilter = siproxd::codecfilter;

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) {
        all.append(all.empty() ? "" : ", ").append(text);
    }
    return all;
}

/// Takes codecs that nobody shall use out of all session descriptions.
class CodecFilter {
public:
    static constexpr const char* kDescription = "Filters out unwanted codecs";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::PreProxy);
    static constexpr Option kOptions[] = {
        listOption("blacklist", "A codec, or a part of its name, that nobody shall use"),
    };

    static std::unique_ptr<CodecFilter> create(Host host) {
        auto plugin = std::make_unique<CodecFilter>(host);
        return plugin->configure() ? std::move(plugin) : nullptr;
    }

    explicit CodecFilter(Host host) : host_(host) {}

    Verdict process(Stage, Message& message) {
        if (words_.empty() || message.body().empty()) {
            return Verdict::Continue;
        }
        const std::string type(orEmpty(message.header("Content-Type")));
        std::string body(message.body());
        const auto parts = codecfilter::findDescriptions(type, body);
        bool isChanged = false;
        // From behind, so that places in front stay right.
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
            const std::string before = body.substr(part->begin, part->size);
            const auto after = codecfilter::filter(before, words_);
            report(message, after);
            if (after.text != before) {
                body.replace(part->begin, part->size, after.text);
                isChanged = true;
            }
        }
        if (isChanged && !message.setBody(body)) {
            return Verdict::Failed;
        }
        return Verdict::Continue;
    }

private:
    bool configure() {
        bool good = true;
        const auto texts = host_.list("blacklist");
        for (std::size_t i = 0; i < texts.size(); ++i) {
            if (texts[i].empty()) {
                host_.optionError("blacklist", i, "the name of a codec is needed");
                good = false;
            }
            words_.emplace_back(texts[i]);
        }
        if (words_.empty()) {
            host_.warning("plugin_codecfilter has nothing to do: it needs "
                          "plugin_codecfilter_blacklist");
            host_.restrictStages(0);
        }
        return good;
    }

    void report(const Message& message, const codecfilter::Filtered& result) const {
        if (!result.removed.empty()) {
            host_.debug("plugin_codecfilter: removed " + joined(result.removed) +
                        (result.refused > 0 ? " and a stream that has no other codec" : ""));
        }
        if (result.kept > 0) {
            host_.warning(
                "plugin_codecfilter: a call has no codec but unwanted ones, which are left "
                "in [CID: " +
                std::string(message.callId()) + "]");
        }
    }

    Host host_;
    std::vector<std::string> words_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_codecfilter, CodecFilter)
