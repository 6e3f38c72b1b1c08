// SPDX-License-Identifier: GPL-2.0-or-later
// Real modules: the good ones of plugins/ and the bad ones of tests/bad_plugins/.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "plugin/check.h"
#include "plugin/module.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace siproxd::plugin;
using test::Shown;

namespace {

/// Where make has put the modules.
const std::string kGood = GOOD_PLUGINS;
const std::string kBad = BAD_PLUGINS;

config::PluginSettings settings(const std::string& directory, std::vector<std::string> names,
                                std::vector<config::PluginOption> options = {}) {
    config::PluginSettings out;
    out.plugindir = directory;
    for (auto& name : names) {
        out.loadPlugin.push_back({std::move(name), {"siproxd.conf", 1}});
    }
    out.options = std::move(options);
    return out;
}

}  // namespace

TEST_CASE("the module's name is what is left of the path", "[plugin]") {
    CHECK(moduleName("plugin_demo") == "plugin_demo");
    CHECK(moduleName("plugin_demo.la") == "plugin_demo");
    CHECK(moduleName(" plugin_demo.so ") == "plugin_demo");
    CHECK(moduleName("/usr/lib/siproxd/plugin_demo.so") == "plugin_demo");
    CHECK(moduleName("plugin_x.y") == "plugin_x.y");
    CHECK(moduleName(".la").empty());
}

TEST_CASE("a module is found by all of its names, with and without a slash", "[plugin]") {
    const std::string name =
        GENERATE("plugin_demo", "plugin_demo.la", "plugin_demo.so", GOOD_PLUGINS "/plugin_demo.la");
    const std::string directory = GENERATE(GOOD_PLUGINS, GOOD_PLUGINS "/");
    test::FakeLoop loop;
    Chain chain(loop);
    const test::LogSpy spy;
    REQUIRE(chain.load(settings(directory, {name})) == 1);
    CHECK(spy.hasLine("Plugin 'plugin_demo' [This is just a demo plugin without any purpose] "
                      "loaded with success, exemask=0x60"));
}

TEST_CASE("all plugins are loaded together and know their options", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    const test::LogSpy spy;
    const auto loaded =
        chain.load(settings(kGood, {"plugin_demo.la", "plugin_logcall.la", "plugin_shortdial.la"},
                            {test::option("plugin_demo_string", "A_string", 2),
                             test::option("plugin_shortdial_akey", "*00", 3),
                             test::option("plugin_shortdial_entry", "123", 4),
                             test::option("plugin_shortdial_enrty", "123", 5),
                             test::option("plugin_other_thing", "x", 6)}));
    CHECK(loaded == 3);
    CHECK(spy.hasLine("Plugin 'plugin_logcall' [Logs calls to syslog] loaded with success, "
                      "exemask=0x40"));
    CHECK(spy.hasLine("siproxd.conf:5: plugin_shortdial_enrty is no option of plugin_shortdial, "
                      "line ignored"));
    CHECK_FALSE(spy.has("plugin_other_thing"));
    CHECK(chain.wants(Stage::DetermineTarget));
}

TEST_CASE("a module named twice is loaded once", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    const test::LogSpy spy;
    CHECK(chain.load(settings(kGood, {"plugin_logcall.la", "plugin_logcall.so"})) == 1);
    CHECK(spy.hasLine("siproxd.conf:1: plugin plugin_logcall.so is loaded already - skipped"));
}

TEST_CASE("a module that is not there is skipped and the next one loaded", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    const test::LogSpy spy;
    CHECK(chain.load(settings(kGood, {"plugin_none.la", "plugin_logcall.la"})) == 1);
    CHECK(spy.hasLine("plugin plugin_none.la not found - skipped"));
}

TEST_CASE("a file that is no module is skipped, with the reason", "[plugin]") {
    const auto directory = std::filesystem::temp_directory_path() /
                           ("siproxd-module-test-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
    std::ofstream(directory / "plugin_text.so") << "not a shared object\n";
    test::FakeLoop loop;
    Chain chain(loop);
    const test::LogSpy spy;
    CHECK(chain.load(settings(directory.string(), {"plugin_text.la"})) == 0);
    CHECK(spy.hasLine("plugin plugin_text.la not found - skipped"));
    CHECK(spy.has("plugin_text.so: "));
    std::filesystem::remove_all(directory);
}

TEST_CASE("modules that are no plugins are refused before their code runs", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    const test::LogSpy spy;
    const std::string name = GENERATE("plugin_bad_magic", "plugin_bad_size", "plugin_bad_symbol",
                                      "plugin_bad_callbacks");
    CHECK(chain.load(settings(kBad, {name})) == 0);
    CHECK(spy.hasLine("plugin " + name + " does not provide correct API functions - skipped"));
}

TEST_CASE("a plugin of another interface is refused before its code runs", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    const test::LogSpy spy;
    CHECK(chain.load(settings(kBad, {"plugin_bad_version.la"})) == 0);
    CHECK(spy.hasLine("Plugin 'plugin_bad_version' does not support correct API version. "
                      "Please compile plugin with correct siproxd version."));
}

TEST_CASE("a module that throws does no harm", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    const test::LogSpy spy;
    REQUIRE(chain.load(settings(kBad, {"plugin_bad_throw.la"})) == 1);
    Shown shown(test::request());
    CHECK(chain.run(Stage::PreProxy, shown.context).goesOn());
    CHECK(chain.run(Stage::PostProxy, shown.context).goesOn());
    chain.tick();
    CHECK(spy.hasLine("Plugin 'plugin_bad_throw' threw at stage 0x40: bad day"));
    CHECK(spy.hasLine("Plugin 'plugin_bad_throw' threw at stage 0x100: an unknown exception"));
    CHECK(spy.hasLine("Plugin 'plugin_bad_throw' threw at tick(): bad hour"));
    CHECK(chain.status()[0].failures == 3);
}

TEST_CASE("a module that blocks is measured and disabled", "[plugin]") {
    // Here time is real: the module burns 10 ms for each call.
    const auto loop = event::makeLoop();
    REQUIRE(loop);
    Chain chain(**loop, {.call = std::chrono::milliseconds(5), .strikes = 2});
    REQUIRE(chain.load(settings(kBad, {"plugin_bad_block.la"})) == 1);
    Shown shown(test::request());
    CHECK(chain.run(Stage::PreProxy, shown.context).goesOn());
    CHECK(chain.run(Stage::PreProxy, shown.context).goesOn());
    CHECK(chain.status()[0].disabled);
    CHECK_FALSE(chain.wants(Stage::PreProxy));
}

TEST_CASE("--check-plugin tells what a plugin is", "[plugin]") {
    const auto text = checkPlugin(kGood + "/plugin_shortdial.la");
    REQUIRE(text);
    CHECK(text->starts_with("plugin_shortdial 1.0: "));
    CHECK(text->find("interface 1.1, exemask=0x20\n") != std::string::npos);
    CHECK(text->find("  plugin_shortdial_entry (list): ") != std::string::npos);
}

TEST_CASE("--check-plugin tells why something is no plugin", "[plugin]") {
    CHECK_FALSE(checkPlugin(kGood + "/plugin_none.so"));
    const auto checked = checkPlugin(kBad + "/plugin_bad_version.la");
    REQUIRE_FALSE(checked);
    CHECK(checked.error().message.find("it needs version 2.0 of the interface") !=
          std::string::npos);
}
