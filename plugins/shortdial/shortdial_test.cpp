// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using plugin::Verdict;
using test::option;

extern "C" const siproxd_plugin plugin_shortdial_LTX_siproxd_plugin;

namespace {

struct Fixture {
    explicit Fixture(const std::string& key = "*00", const std::string& mode = "redirect")
        : loaded(chain.add(plugin_shortdial_LTX_siproxd_plugin,
                           {option("plugin_shortdial_akey", key, 1),
                            option("plugin_shortdial_mode", mode, 1),
                            option("plugin_shortdial_entry", "17474743246", 2),
                            option("plugin_shortdial_entry", "carol@example.com:5070", 3),
                            option("plugin_shortdial_entry", "dave@", 4)})) {
        REQUIRE(loaded);
    }

    plugin::Outcome dial(std::string_view user, std::string_view method = "INVITE",
                         Direction direction = Direction::RequestOutgoing,
                         std::string_view toTag = "") {
        const std::string uri = "sip:" + std::string(user) + "@example.net:5080;transport=udp";
        test::Shown shown(test::request(method, uri, "<" + uri + ">" + std::string(toTag)),
                          direction);
        return chain.run(plugin::Stage::DetermineTarget, shown.context);
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
    bool loaded;
};

/// Where the phone is sent; empty: nowhere.
std::string target(const plugin::Outcome& outcome) {
    if (outcome.verdict != Verdict::Redirect || outcome.contacts.size() != 1) {
        return "";
    }
    CHECK(outcome.status == 302);
    CHECK(outcome.reason == "Moved Temporarily");
    return outcome.contacts[0].toString();
}

}  // namespace

TEST_CASE("a short number is redirected to its entry", "[plugin_shortdial]") {
    Fixture f;
    CHECK(target(f.dial("*01")) == "<sip:17474743246@example.net:5080;transport=udp>");
    CHECK(target(f.dial("*02")) == "<sip:carol@example.com:5070;transport=udp>");
    CHECK(target(f.dial("*03")) == "<sip:dave@example.net:5080;transport=udp>");
}

TEST_CASE("in mode retarget the call goes to the entry by itself", "[plugin_shortdial]") {
    Fixture f("*00", "Retarget");
    const auto target = [&f](const char* user) {
        const auto outcome = f.dial(user);
        REQUIRE(outcome.verdict == Verdict::Retarget);
        REQUIRE(outcome.targets.size() == 1);
        return outcome.targets[0].uri.toString();
    };
    CHECK(target("*01") == "sip:17474743246@example.net:5080;transport=udp");
    CHECK(target("*02") == "sip:carol@example.com:5070;transport=udp");
    CHECK(target("**12") == "sip:*12@example.net:5080;transport=udp");
    CHECK(f.dial("*04").goesOn());
}

TEST_CASE("another mode is named and the plugin stays out", "[plugin_shortdial]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(chain.add(plugin_shortdial_LTX_siproxd_plugin,
                          {option("plugin_shortdial_akey", "*00", 1),
                           option("plugin_shortdial_entry", "1", 2),
                           option("plugin_shortdial_mode", "forward", 3)}));
    CHECK(spy.hasLine("siproxd.conf:3: plugin_shortdial_mode = forward: "
                      "redirect or retarget is needed"));
}

TEST_CASE("other numbers pass through", "[plugin_shortdial]") {
    Fixture f;
    const auto* user =
        GENERATE("*04", "*00", "*99", "*1", "*001", "*100", "#01", "101", "*0x", "bob", "*", "**");
    INFO(user);
    CHECK(f.dial(user).goesOn());
}

TEST_CASE("the doubled key dials the real number", "[plugin_shortdial]") {
    Fixture f;
    const auto outcome = f.dial("**12");
    REQUIRE(outcome.verdict == Verdict::Retarget);
    REQUIRE(outcome.targets.size() == 1);
    CHECK(outcome.targets[0].uri.toString() == "sip:*12@example.net:5080;transport=udp");
    CHECK(f.dial("**1").goesOn());
    CHECK(f.dial("**ab").goesOn());
    CHECK(f.dial("***1").goesOn());
}

TEST_CASE("an escaped key is the same key", "[plugin_shortdial]") {
    Fixture f("#00");
    CHECK(target(f.dial("%2301")) == "<sip:17474743246@example.net:5080;transport=udp>");
    CHECK(f.dial("%23%2312").targets.at(0).uri.user == "%2312");
}

TEST_CASE("only calls that a phone begins are looked at", "[plugin_shortdial]") {
    Fixture f;
    CHECK(f.dial("*01", "INVITE", Direction::RequestIncoming).goesOn());
    CHECK(f.dial("*01", "INVITE", Direction::Unknown).goesOn());
    CHECK(f.dial("*01", "INVITE", Direction::RequestOutgoing, ";tag=t1").goesOn());
    CHECK(f.dial("*01", "MESSAGE").goesOn());
    // Such an ACK belongs to a call that somebody else has accepted.
    CHECK(f.dial("*01", "ACK").goesOn());
}

TEST_CASE("entries that lead nowhere are named and the plugin stays out", "[plugin_shortdial]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(chain.add(plugin_shortdial_LTX_siproxd_plugin,
                          {option("plugin_shortdial_akey", "*", 1),
                           option("plugin_shortdial_entry", "123", 2),
                           option("plugin_shortdial_entry", "a@b c", 3),
                           option("plugin_shortdial_entry", "@example.net", 4)}));
    CHECK(spy.hasLine("siproxd.conf:1: plugin_shortdial_akey = *: "
                      "at least one digit has to follow the key"));
    CHECK(spy.hasLine("siproxd.conf:3: plugin_shortdial_entry = a@b c: "
                      "neither user nor user@host"));
    CHECK(spy.hasLine("siproxd.conf:4: plugin_shortdial_entry = @example.net: "
                      "neither user nor user@host"));
}

TEST_CASE("shortdial without entries says so and does nothing", "[plugin_shortdial]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK(chain.add(plugin_shortdial_LTX_siproxd_plugin));
    CHECK(spy.has("plugin_shortdial has nothing to do"));
}
