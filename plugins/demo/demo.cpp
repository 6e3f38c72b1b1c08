// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "siproxd/plugin.hpp"

namespace {

using namespace siproxd::api;

/// Shows what a plugin needs: an option, two stages, and a line in the log.
class Demo {
public:
    static constexpr const char* kDescription = "This is just a demo plugin without any purpose";
    static constexpr const char* kVersion = "1.0";
    static constexpr std::uint32_t kStages = stages(Stage::DetermineTarget, Stage::PreProxy);
    static constexpr Option kOptions[] = {stringOption("string", "A text for the log")};

    explicit Demo(Host host) : host_(host) {
        if (const Text text = host_.string("string")) {
            host_.info("plugin_demo: the string is [" + std::string(*text) + "]");
        }
    }

    Verdict process(Stage stage, Message&) {
        host_.info("plugin_demo: processing - stage " + std::to_string(static_cast<int>(stage)));
        return Verdict::Continue;
    }

private:
    Host host_;
};

}  // namespace

SIPROXD_PLUGIN(plugin_demo, Demo)
