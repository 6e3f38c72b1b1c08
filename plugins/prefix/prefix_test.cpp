// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using plugin::Verdict;
using test::option;

extern "C" const siproxd_plugin plugin_prefix_LTX_siproxd_plugin;

namespace {

struct Fixture {
    explicit Fixture(const std::string& akey = "00", const std::string& mode = "") {
        std::vector<config::PluginOption> lines{option("plugin_prefix_akey", akey)};
        if (!mode.empty()) {
            lines.push_back(option("plugin_prefix_mode", mode, 2));
        }
        REQUIRE(chain.add(plugin_prefix_LTX_siproxd_plugin, std::move(lines)));
    }

    plugin::Outcome dial(const std::string& uri, std::string_view method = "INVITE",
                         Direction direction = Direction::RequestOutgoing,
                         const std::string& to = "") {
        test::Shown shown(test::request(method, uri, to.empty() ? "<" + uri + ">" : to), direction);
        return chain.run(plugin::Stage::DetermineTarget, shown.context);
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
};

/// Where the phone is sent; empty: nowhere.
std::string contact(const plugin::Outcome& outcome) {
    return outcome.verdict == Verdict::Redirect && outcome.contacts.size() == 1
               ? outcome.contacts[0].toString()
               : "";
}

std::string target(const plugin::Outcome& outcome) {
    return outcome.verdict == Verdict::Retarget && outcome.targets.size() == 1
               ? outcome.targets[0].uri.toString()
               : "";
}

}  // namespace

TEST_CASE("a number gets its prefix", "[plugin_prefix]") {
    const test::LogSpy spy;
    Fixture f;
    CHECK(contact(f.dial("sip:123@example.net:5080;user=phone")) ==
          "<sip:00123@example.net:5080;user=phone;redirected=prefix>");
    CHECK(spy.hasLine("redirecting 123 -> 00123"));
    // The To is what was dialled.
    CHECK(contact(f.dial("sip:x@198.51.100.1", "INVITE", Direction::RequestOutgoing,
                         "\"Bob\" <sip:123@example.net>")) ==
          "<sip:00123@example.net;redirected=prefix>");
    CHECK(contact(f.dial("tel:123;phone-context=+49")) ==
          "<tel:00123;phone-context=+49;redirected=prefix>");
}

TEST_CASE("a number gets its prefix once", "[plugin_prefix]") {
    Fixture f;
    CHECK(f.dial("sip:00123@example.net;redirected=prefix").goesOn());
    CHECK(f.dial("sip:00123@example.net", "INVITE", Direction::RequestOutgoing,
                 "<sip:00123@example.net;redirected=prefix>")
              .goesOn());
    CHECK(f.dial("sip:00123@example.net;redirected=prefix", "INVITE", Direction::RequestOutgoing,
                 "<sip:123@example.net>")
              .goesOn());
    CHECK(f.dial("tel:00123;redirected=prefix").goesOn());
    // Another plugin's mark is none, but has to stay.
    CHECK(contact(f.dial("sip:123@example.net;redirected=regex")) ==
          "<sip:00123@example.net;redirected=regex-prefix>");
    CHECK(f.dial("sip:00123@example.net;redirected=regex-prefix").goesOn());
}

TEST_CASE("in mode retarget the call goes there itself", "[plugin_prefix]") {
    const test::LogSpy spy;
    Fixture f("00", "retarget");
    CHECK(target(f.dial("sip:123@198.51.100.1", "INVITE", Direction::RequestOutgoing,
                        "<sip:bob@example.net>")) == "sip:00123@198.51.100.1;redirected=prefix");
    CHECK(spy.hasLine("redirecting 123 -> 00123"));
    CHECK(f.dial("sip:00123@198.51.100.1;redirected=prefix").goesOn());
}

TEST_CASE("a prefix of any characters that can be dialled", "[plugin_prefix]") {
    Fixture f("#31#");
    CHECK(contact(f.dial("sip:123@example.net")) ==
          "<sip:%2331%23123@example.net;redirected=prefix>");
}

TEST_CASE("only calls that a phone begins get a prefix", "[plugin_prefix]") {
    Fixture f;
    CHECK(f.dial("sip:1@example.net", "INVITE", Direction::RequestIncoming).goesOn());
    CHECK(f.dial("sip:1@example.net", "INVITE", Direction::Unknown).goesOn());
    CHECK(f.dial("sip:1@example.net", "MESSAGE").goesOn());
    CHECK(f.dial("sip:1@example.net", "ACK").goesOn());
    CHECK(f.dial("sip:1@example.net", "INVITE", Direction::RequestOutgoing,
                 "<sip:1@example.net>;tag=t1")
              .goesOn());
    CHECK(f.dial("sip:example.net").goesOn());
    CHECK(f.dial("urn:service:sos").goesOn());
}

TEST_CASE("without a prefix the plugin says so and does nothing", "[plugin_prefix]") {
    const test::LogSpy spy;
    Fixture f("");
    CHECK(spy.has("plugin_prefix has nothing to do"));
    CHECK(f.dial("sip:1@example.net").goesOn());
}

TEST_CASE("what cannot be is named and keeps the plugin out", "[plugin_prefix]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(
        chain.add(plugin_prefix_LTX_siproxd_plugin, {option("plugin_prefix_akey", "00", 1),
                                                     option("plugin_prefix_mode", "forward", 2)}));
    CHECK(spy.hasLine(
        "siproxd.conf:2: plugin_prefix_mode = forward: redirect or retarget is needed"));
}
