// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using test::option;

extern "C" const siproxd_plugin plugin_regex_body_LTX_siproxd_plugin;

namespace {

struct Rule {
    std::string pattern;
    std::string replacement;
};
using Rules = std::vector<Rule>;

std::vector<config::PluginOption> linesFor(const Rules& rules) {
    std::vector<config::PluginOption> lines;
    for (const Rule& rule : rules) {
        const auto line = static_cast<unsigned>(lines.size());
        lines.push_back(option("plugin_regex_body_desc", "Rule " + rule.pattern, line + 1));
        lines.push_back(option("plugin_regex_body_pattern", rule.pattern, line + 2));
        lines.push_back(option("plugin_regex_body_replace", rule.replacement, line + 3));
    }
    return lines;
}

struct Fixture {
    explicit Fixture(const Rules& rules) {
        REQUIRE(chain.add(plugin_regex_body_LTX_siproxd_plugin, linesFor(rules)));
    }

    std::string run(const std::string& body, Direction direction = Direction::RequestOutgoing,
                    const std::string& type = "application/sdp") {
        auto message =
            direction == Direction::ResponseIncoming ? test::response() : test::request();
        message.setBody(type, body);
        test::Shown shown(std::move(message), direction);
        CHECK(chain.run(plugin::Stage::PreProxy, shown.context).goesOn());
        return std::string(shown.message.body());
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
};

}  // namespace

TEST_CASE("a body is rewritten once by each rule", "[plugin_regex_body]") {
    Fixture f(Rules{{"a=rtpmap:([0-9]+)", "a=xmap:\\1"}, {"xmap", "xmapmap"}, {"none", "x"}});
    // The groups are those of each place, and what was put in is not looked at again.
    CHECK(f.run("a=rtpmap:8 A\r\nA=RTPMAP:101 B\r\n") == "a=xmapmap:8 A\r\na=xmapmap:101 B\r\n");
}

TEST_CASE("bodies of any type, in all messages", "[plugin_regex_body]") {
    Fixture f(Rules{{"^x", "y"}});
    const auto direction = GENERATE(Direction::RequestOutgoing, Direction::RequestIncoming,
                                    Direction::ResponseIncoming, Direction::Unknown);
    CHECK(f.run("xx\nx", direction, "text/plain") == "yx\nx");
    CHECK(f.run("", direction) == "");
    using namespace std::literals;
    CHECK(f.run("x\0\xff z"s, direction, "application/octet-stream") == "y\0\xff z"s);
}

TEST_CASE("long bodies are rewritten to their end, but do not grow without bound",
          "[plugin_regex_body]") {
    const test::LogSpy spy;
    Fixture f(Rules{{"b", "cc"}, {"c", std::string(100, 'd')}});
    CHECK(f.run(std::string(5000, 'a') + "b").size() == 5200);
    CHECK_FALSE(spy.has("a text was left"));
    const std::string many(1000, 'b');
    CHECK(f.run(many) == std::string(2000, 'c'));
    CHECK(f.run(many) == std::string(2000, 'c'));
    CHECK(spy.has("siproxd.conf:5: plugin_regex_body: a text was left as it was"));
}

TEST_CASE("a body that costs too much stays", "[plugin_regex_body]") {
    const test::LogSpy spy;
    Fixture f(Rules{{"(a*)*[bc]1", "-"}});
    const std::string body = std::string(5000, 'a') + "b.1";
    CHECK(f.run(body) == body);
    CHECK(spy.has("siproxd.conf:2: plugin_regex_body: a text was left as it was"));
    CHECK(f.run("ab1") == "-");
}

TEST_CASE("rules of bodies that are none keep the plugin out", "[plugin_regex_body]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    auto lines = linesFor(Rules{{"a[", ""}});
    lines.push_back(option("plugin_regex_body_replace", "x", 4));
    CHECK_FALSE(chain.add(plugin_regex_body_LTX_siproxd_plugin, std::move(lines)));
    CHECK(spy.hasLine("siproxd.conf:2: plugin_regex_body_pattern = a[: [ without ]"));
    CHECK(spy.hasLine("siproxd.conf:4: plugin_regex_body_replace = x: a line "
                      "plugin_regex_body_desc that belongs to it is missing"));
}

TEST_CASE("regex_body without rules says so", "[plugin_regex_body]") {
    const test::LogSpy spy;
    Fixture f(Rules{});
    CHECK(spy.has("plugin_regex_body has nothing to do"));
    CHECK(f.run("x") == "x");
}
