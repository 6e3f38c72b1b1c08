// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using plugin::Verdict;
using test::option;

extern "C" const siproxd_plugin plugin_regex_LTX_siproxd_plugin;

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
        lines.push_back(option("plugin_regex_desc", "Rule " + rule.pattern, line + 1));
        lines.push_back(option("plugin_regex_pattern", rule.pattern, line + 2));
        lines.push_back(option("plugin_regex_replace", rule.replacement, line + 3));
    }
    return lines;
}

struct Fixture {
    explicit Fixture(const Rules& rules, const std::string& mode = "redirect") {
        auto lines = linesFor(rules);
        lines.push_back(option("plugin_regex_mode", mode, 99));
        REQUIRE(chain.add(plugin_regex_LTX_siproxd_plugin, std::move(lines)));
    }

    plugin::Outcome dial(const std::string& uri, std::string_view method = "INVITE",
                         Direction direction = Direction::RequestOutgoing,
                         const std::string& to = "") {
        test::Shown shown(test::request(method, uri, to.empty() ? "<" + uri + ">" : to), direction);
        return chain.run(plugin::Stage::DetermineTarget, shown.context);
    }

    /// Where the phone or the call is sent; empty: nowhere.
    std::string target(const std::string& uri) {
        const auto outcome = dial(uri);
        if (outcome.verdict == Verdict::Redirect && outcome.contacts.size() == 1) {
            return outcome.contacts[0].toString();
        }
        return outcome.verdict == Verdict::Retarget && outcome.targets.size() == 1
                   ? outcome.targets[0].uri.toString()
                   : "";
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
};

}  // namespace

TEST_CASE("a number is rewritten by a pattern", "[plugin_regex]") {
    const test::LogSpy spy;
    Fixture f(Rules{{"^(sips?:)\\+", "\\100"}, {"^(sips?:)00", "\\1+"}});
    CHECK(f.target("sip:+4179@example.net;user=phone") ==
          "<sip:004179@example.net;user=phone;redirected=regex>");
    CHECK(spy.hasLine("Matched rexec rule: Rule ^(sips?:)\\+"));
    CHECK(spy.hasLine(
        "redirecting sip:+4179@example.net;user=phone -> sip:004179@example.net;user=phone"));
    CHECK(f.target("SIP:0041@example.net").ends_with("+41@example.net;redirected=regex>"));
    CHECK(f.target("sip:41@example.net").empty());
}

TEST_CASE("the To is what was dialled", "[plugin_regex]") {
    Fixture f(Rules{{"example\\.net", "example.org"}});
    const auto outcome = f.dial("sip:x@198.51.100.1", "INVITE", Direction::RequestOutgoing,
                                "\"Bob\" <sip:1@example.net>");
    REQUIRE(outcome.contacts.size() == 1);
    CHECK(outcome.contacts[0].toString() == "<sip:1@example.org;redirected=regex>");
}

TEST_CASE("with its first group a pattern means one place, else all", "[plugin_regex]") {
    CHECK(Fixture(Rules{{"12", "9"}}).target("sip:121212@h") == "<sip:999@h;redirected=regex>");
    CHECK(Fixture(Rules{{"(1)2", "\\19"}}).target("sip:121212@h") ==
          "<sip:191212@h;redirected=regex>");
    CHECK(Fixture(Rules{{"(x)|12", "9"}}).target("sip:121212@h") == "<sip:999@h;redirected=regex>");
    CHECK(Fixture(Rules{{"1", "11"}}).target("sip:121@h") == "<sip:11211@h;redirected=regex>");
}

TEST_CASE("a number is rewritten once", "[plugin_regex]") {
    Fixture f(Rules{{"^(sip:)", "\\10"}});
    CHECK(f.dial("sip:01@h;redirected=regex").goesOn());
    CHECK(f.dial("sip:01@h", "INVITE", Direction::RequestOutgoing, "<sip:1@h;redirected=regex>")
              .goesOn());
    CHECK(f.dial("sip:01@h;redirected=regex", "INVITE", Direction::RequestOutgoing, "<sip:1@h>")
              .goesOn());
    CHECK(f.dial("sip:01@h;redirected=prefix-regex").goesOn());
    CHECK(f.target("sip:1@h;redirected=prefix") == "<sip:01@h;redirected=prefix-regex>");
}

TEST_CASE("tel: numbers are rewritten, too", "[plugin_regex]") {
    Fixture f(Rules{{"^(tel:)\\+", "\\100"}});
    CHECK(f.target("tel:+41") == "<tel:0041;redirected=regex>");
    CHECK(f.dial("tel:+41;redirected=regex").goesOn());
}

TEST_CASE("regex in mode retarget sends the call there itself", "[plugin_regex]") {
    const test::LogSpy spy;
    Fixture f(Rules{{"^(sip:)0", "\\1+"}}, "retarget");
    CHECK(f.target("sip:041@h") == "sip:+41@h;redirected=regex");
    CHECK(spy.hasLine("redirecting sip:041@h -> sip:+41@h"));
}

TEST_CASE("regex looks at calls that a phone begins only", "[plugin_regex]") {
    Fixture f(Rules{{"1", "2"}});
    CHECK(f.dial("sip:1@h", "INVITE", Direction::RequestIncoming).goesOn());
    CHECK(f.dial("sip:1@h", "INVITE", Direction::Unknown).goesOn());
    CHECK(f.dial("sip:1@h", "MESSAGE").goesOn());
    CHECK(f.dial("sip:1@h", "ACK").goesOn());
    CHECK(f.dial("sip:1@h", "INVITE", Direction::RequestOutgoing, "<sip:1@h>;tag=t1").goesOn());
}

TEST_CASE("what is no URI is not dialled", "[plugin_regex]") {
    const test::LogSpy spy;
    Fixture f(Rules{{"^sip:", "x y"}});
    CHECK(f.dial("sip:1@h").goesOn());
    CHECK(spy.has("plugin_regex: x y1@h is no URI, sip:1@h is dialled"));
}

TEST_CASE("a pattern that costs too much is named once", "[plugin_regex]") {
    const test::LogSpy spy;
    Fixture f(Rules{{"(0*)*[1-3]h", "x"}});
    const std::string number = std::string(900, '0') + "3@h";
    CHECK(f.dial("sip:" + number).goesOn());
    CHECK(f.dial("sip:" + number).goesOn());
    CHECK(spy.has("siproxd.conf:2: plugin_regex: a text was left as it was"));
}

TEST_CASE("rules that are none keep the plugin out, with their lines", "[plugin_regex]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    auto lines = linesFor({{"a(b", ""}, {"a(b)", "\\2"}});
    lines.push_back(option("plugin_regex_desc", "third", 7));
    lines.push_back(option("plugin_regex_mode", "forward", 8));
    CHECK_FALSE(chain.add(plugin_regex_LTX_siproxd_plugin, std::move(lines)));
    CHECK(spy.hasLine("siproxd.conf:2: plugin_regex_pattern = a(b: ( without )"));
    CHECK(spy.hasLine("siproxd.conf:6: plugin_regex_replace = \\2: the pattern has 1 groups"));
    CHECK(spy.hasLine("siproxd.conf:7: plugin_regex_desc = third: a line plugin_regex_pattern that "
                      "belongs to it is missing"));
    CHECK(
        spy.hasLine("siproxd.conf:8: plugin_regex_mode = forward: redirect or retarget is needed"));
}

TEST_CASE("regex without rules says so", "[plugin_regex]") {
    const test::LogSpy spy;
    Fixture f(Rules{});
    CHECK(spy.has("plugin_regex has nothing to do"));
    CHECK(f.dial("sip:1@h").goesOn());
}
