// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using plugin::Verdict;
using test::option;

extern "C" const siproxd_plugin plugin_defaulttarget_LTX_siproxd_plugin;

namespace {

struct Fixture {
    explicit Fixture(const std::string& target = "sip:desk@example.com:5070",
                     const std::string& mode = "redirect", const std::string& log = "1") {
        REQUIRE(chain.add(plugin_defaulttarget_LTX_siproxd_plugin,
                          {option("plugin_defaulttarget_target", target),
                           option("plugin_defaulttarget_mode", mode),
                           option("plugin_defaulttarget_log", log)}));
    }

    plugin::Outcome call(const std::string& uri = "sip:999@203.0.113.1",
                         std::string_view method = "INVITE",
                         Direction direction = Direction::Unknown, const std::string& tag = "") {
        test::Shown shown(test::request(method, uri, "<sip:999@example.net>" + tag), direction);
        shown.context.flow.remote = test::address("203.0.113.50", 5063);
        return chain.run(plugin::Stage::DetermineTarget, shown.context);
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
};

bool refused(std::vector<config::PluginOption> lines, const std::string& line) {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(chain.add(plugin_defaulttarget_LTX_siproxd_plugin, std::move(lines)));
    return spy.hasLine(line);
}

}  // namespace

TEST_CASE("a call for nobody is redirected to the target", "[plugin_defaulttarget]") {
    const test::LogSpy spy;
    Fixture f;
    const auto outcome = f.call();
    CHECK(outcome.verdict == Verdict::Redirect);
    CHECK(outcome.status == 302);
    REQUIRE(outcome.contacts.size() == 1);
    CHECK(outcome.contacts[0].toString() == "<sip:desk@example.com:5070>");
    CHECK(spy.hasLine("Unknown Target [rcvd IP=203.0.113.50:5063], From: alice@example.org, "
                      "redirecting To: 999@example.net -> sip:desk@example.com:5070"));
}

TEST_CASE("the line of a call that names little", "[plugin_defaulttarget]") {
    const test::LogSpy spy;
    Fixture f("sip:desk@[2001:db8::7]");
    test::Shown shown(test::request("INVITE", "sip:203.0.113.1", "<sip:[2001:db8::1]>"),
                      Direction::Unknown);
    shown.context.flow.remote = test::address("2001:db8::50", 5060);
    CHECK(f.chain.run(plugin::Stage::DetermineTarget, shown.context).contacts.size() == 1);
    CHECK(spy.hasLine("Unknown Target [rcvd IP=[2001:db8::50]:5060], From: alice@example.org, "
                      "redirecting To: *NULL*@[2001:db8::1] -> sip:desk@[2001:db8::7]"));
}

TEST_CASE("the target may have a name and parameters, or be a number", "[plugin_defaulttarget]") {
    const std::string target =
        GENERATE("\"The Desk\" <sip:desk@example.com;transport=tcp>", "<tel:+49123>");
    const test::LogSpy spy;
    Fixture f(target, "redirect", "0");
    const auto outcome = f.call();
    REQUIRE(outcome.contacts.size() == 1);
    CHECK(outcome.contacts[0].toString() == target);
    CHECK_FALSE(spy.has("Unknown Target"));
}

TEST_CASE("in mode retarget the call goes there itself", "[plugin_defaulttarget]") {
    const test::LogSpy spy;
    Fixture f("\"Desk\" <sips:desk@example.com>", "retarget");
    const auto outcome = f.call();
    REQUIRE(outcome.verdict == Verdict::Retarget);
    REQUIRE(outcome.targets.size() == 1);
    CHECK(outcome.targets[0].uri.toString() == "sips:desk@example.com");
    CHECK_FALSE(outcome.targets[0].nextHop);
    CHECK(spy.has("Unknown Target [rcvd IP="));
}

TEST_CASE("only calls that begin and are for nobody are sent there", "[plugin_defaulttarget]") {
    Fixture f("sip:desk@example.com", GENERATE("redirect", "retarget"));
    CHECK(f.call("sip:999@203.0.113.1", "INVITE", Direction::RequestIncoming).goesOn());
    CHECK(f.call("sip:999@203.0.113.1", "INVITE", Direction::RequestOutgoing).goesOn());
    CHECK(f.call("sip:999@203.0.113.1", "MESSAGE").goesOn());
    CHECK(f.call("sip:999@203.0.113.1", "ACK").goesOn());
    CHECK(f.call("sip:999@203.0.113.1", "INVITE", Direction::Unknown, ";tag=t1").goesOn());
}

TEST_CASE("a target that is nobody does not go round in circles", "[plugin_defaulttarget]") {
    Fixture f("sip:desk@example.com", GENERATE("redirect", "retarget"));
    CHECK(f.call("sip:desk@EXAMPLE.com:5060;x=y").goesOn());
    CHECK_FALSE(f.call("sip:Desk@example.com").goesOn());
}

TEST_CASE("without a good target the plugin stays out", "[plugin_defaulttarget]") {
    CHECK(refused({}, "plugin_defaulttarget_target: plugin_defaulttarget needs a target"));
    const std::string target =
        GENERATE("sip:desk@some.sip.domain:port", "desk", "<sip:a@b", "http://example.com/");
    CHECK(refused({option("plugin_defaulttarget_target", "sip:desk@example.com", 2),
                   option("plugin_defaulttarget_target", target, 3)},
                  "siproxd.conf:3: plugin_defaulttarget_target = " + target +
                      ": sip:user@host[:port] is needed"));
    CHECK(refused({option("plugin_defaulttarget_target", "tel:+49123", 3),
                   option("plugin_defaulttarget_mode", "retarget", 4)},
                  "siproxd.conf:3: plugin_defaulttarget_target = tel:+49123: "
                  "sip:user@host[:port] is needed"));
    CHECK(refused({option("plugin_defaulttarget_target", "sip:desk@example.com", 3),
                   option("plugin_defaulttarget_mode", "send", 4)},
                  "siproxd.conf:4: plugin_defaulttarget_mode = send: "
                  "redirect or retarget is needed"));
}
