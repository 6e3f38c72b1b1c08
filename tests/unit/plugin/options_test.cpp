// SPDX-License-Identifier: GPL-2.0-or-later
#include "plugin/options.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace siproxd::plugin;
using test::option;
using test::str;

namespace {

std::vector<siproxd_option> declared() {
    return {{"text", SIPROXD_OPTION_STRING, 0, "standard", 0, 0, ""},
            {"number", SIPROXD_OPTION_INTEGER, 0, "3478", 1, 65535, ""},
            {"any", SIPROXD_OPTION_INTEGER, 0, nullptr, 0, 0, ""},
            {"many", SIPROXD_OPTION_LIST, 0, nullptr, 0, 0, ""}};
}

}  // namespace

TEST_CASE("options have their defaults", "[plugin]") {
    Options options("plugin_x", declared(), {});
    CHECK(options.check());
    CHECK(str(options.string("text")) == "standard");
    CHECK(options.integer("number") == 3478);
    CHECK_FALSE(options.integer("any"));
    CHECK(options.string("any") == nullptr);
    CHECK(options.count("text") == 0);
    CHECK(options.value("text", 0) == nullptr);
}

TEST_CASE("the last line counts, lists keep them all", "[plugin]") {
    Options options("plugin_x", declared(),
                    {option("plugin_x_text", "one", 3), option("plugin_x_many", "a", 4),
                     option("plugin_x_text", "two", 5), option("plugin_x_many", "b", 6),
                     option("plugin_x_number", "0x10", 7), option("plugin_x_any", "-5", 8)});
    CHECK(options.check());
    CHECK(str(options.string("text")) == "two");
    CHECK(options.count("many") == 2);
    CHECK(str(options.value("many", 1)) == "b");
    CHECK(str(options.where("many", 1)) == "siproxd.conf:6");
    CHECK(options.where("many", 2) == nullptr);
    CHECK(options.integer("number") == 16);
    CHECK(options.integer("any") == -5);
}

TEST_CASE("all lines are there in their order", "[plugin]") {
    Options options("plugin_x", declared(),
                    {option("plugin_x_many", "a", 4), option("plugin_x_text", "one", 5),
                     option("plugin_x_many", "b", 6)});
    std::string all;
    for (std::size_t i = 0; const auto line = options.line(i); ++i) {
        all += std::string(line->name) + std::to_string(line->index) + line->value + " ";
    }
    CHECK(all == "many0a text0one many1b ");
}

TEST_CASE("values that do not fit are named with their line, all of them", "[plugin]") {
    const Options options("plugin_x", declared(),
                          {option("plugin_x_number", "ten", 3), option("plugin_x_number", "0", 4),
                           option("plugin_x_any", "1k", 5)});
    const test::LogSpy spy;
    CHECK_FALSE(options.check());
    CHECK(spy.lines() ==
          std::vector<std::string>{"siproxd.conf:3: plugin_x_number = ten: an integer is needed",
                                   "siproxd.conf:4: plugin_x_number = 0: out of range (1 to 65535)",
                                   "siproxd.conf:5: plugin_x_any = 1k: an integer is needed"});
}

TEST_CASE("lines that nobody knows are warned about", "[plugin]") {
    Options options("plugin_x", declared(),
                    {option("plugin_x_text", "a", 3), option("plugin_x_txet", "b", 4),
                     option("plugin_x_asked", "c", 5)});
    CHECK(str(options.string("asked")) == "c");  // not declared, but the plugin knows it
    const test::LogSpy spy;
    options.warnAboutUnknown();
    CHECK(spy.lines() ==
          std::vector<std::string>{
              "siproxd.conf:4: plugin_x_txet is no option of plugin_x, line ignored"});
}

TEST_CASE("a plugin's own complaint names file and line", "[plugin]") {
    const Options options("plugin_x", declared(), {option("plugin_x_many", "a", 9)});
    const test::LogSpy spy;
    options.error("many", 0, "not good");
    options.error("text", 0, "missing");
    CHECK(spy.lines() == std::vector<std::string>{"siproxd.conf:9: plugin_x_many = a: not good",
                                                  "plugin_x_text: missing"});
}

TEST_CASE("a line belongs to the plugin with the longest name that fits", "[plugin]") {
    const std::vector<std::string> plugins{"plugin_regex", "plugin_regex_body", "plugin_stun"};
    CHECK(ownerOf("plugin_regex_desc", plugins) == "plugin_regex");
    CHECK(ownerOf("plugin_regex_body_desc", plugins) == "plugin_regex_body");
    CHECK(ownerOf("plugin_regex_body", plugins) == "plugin_regex");
    CHECK(ownerOf("plugin_stun_", plugins).empty());
    CHECK(ownerOf("plugin_stunning_server", plugins).empty());
    CHECK(ownerOf("", plugins).empty());
}

TEST_CASE("a wrong option stops its plugin and no other", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    test::Probe wrong;
    test::Probe right;
    bool created = false;
    wrong.options = declared();
    wrong.create = [&] {
        created = true;
        return SIPROXD_CREATED;
    };
    const test::LogSpy spy;
    CHECK_FALSE(wrong.join(chain, "plugin_wrong", SIPROXD_STAGE_PRE_PROXY,
                           {option("plugin_wrong_number", "x", 2)}));
    CHECK_FALSE(created);
    CHECK(spy.hasLine("Plugin 'plugin_wrong' [Made for a test] loaded with failure, exemask=0x40"));
    CHECK(right.join(chain, "plugin_right"));
    CHECK(chain.status().size() == 1);
}
