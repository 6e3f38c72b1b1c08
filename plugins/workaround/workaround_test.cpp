// SPDX-License-Identifier: GPL-2.0-or-later
// The plugin in a chain.
#include <utility>
#include <vector>

#include "support/log_spy.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using plugin::Stage;
using plugin::Verdict;
using test::option;

extern "C" const siproxd_plugin plugin_workaround_LTX_siproxd_plugin;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

const Pairs kAcme = {{"name", "Acme phones"}, {"match", "Acme*"}};

struct Fixture {
    explicit Fixture(const Pairs& first, const Pairs& more = {}) {
        std::vector<config::PluginOption> lines;
        for (const auto* pairs : {&first, &more}) {
            for (const auto& [name, value] : *pairs) {
                lines.push_back(option("plugin_workaround_" + name, value, static_cast<unsigned>(lines.size() + 1)));
            }
        }
        loaded = chain.add(plugin_workaround_LTX_siproxd_plugin, std::move(lines));
    }

    /// A message of that device, which comes from 192.168.1.10:5062.
    static sip::Message from(const std::string& device, const std::string& method = "INVITE") {
        auto message = test::request(method);
        message.setHeader("User-Agent", device);
        return message;
    }
    sip::Message pass(Stage stage, sip::Message message) {
        test::Shown shown(std::move(message), Direction::RequestOutgoing);
        outcome = chain.run(stage, shown.context);
        return std::move(shown.message);
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
    plugin::Outcome outcome;
    bool loaded = false;
};

std::string headerOf(const sip::Message& message, const char* name) {
    return std::string(message.header(name).value_or("-"));
}

}  // namespace

TEST_CASE("headers are taken out, set and replaced in what a device sends", "[plugin_workaround]") {
    Fixture f(kAcme, {{"strip", "X-Bad"}, {"strip", "X-Some: this"}, {"set", "X-Set: 1"}, {"replace", "Subject: other"},
                      {"replace", "X-None: 1"}});
    REQUIRE(f.loaded);
    auto message = Fixture::from("ACME 2.0");
    message.addHeader("X-Bad", "1");
    message.addHeader("X-Some", "this");
    message.addHeader("X-Some", "that");
    message.addHeader("Subject", "one");
    const auto mended = f.pass(Stage::PreProxy, message.clone());
    CHECK(headerOf(mended, "X-Bad") == "-");
    CHECK(mended.headers("X-Some") == std::vector<std::string>{"that"});
    CHECK(headerOf(mended, "X-Set") == "1");
    CHECK(headerOf(mended, "Subject") == "other");
    CHECK(headerOf(mended, "X-None") == "-");
    message.setHeader("User-Agent", "Foo");
    CHECK(headerOf(f.pass(Stage::PreProxy, std::move(message)), "X-Bad") == "1");
}

TEST_CASE("and in what it is sent, once it is known", "[plugin_workaround]") {
    Fixture f(kAcme, {{"strip_to", "Alert-Info"}, {"set_to", "X-To: 1"}, {"replace_to", "Subject: other"}});
    const auto toAcme = [&] {
        auto message = test::request("INVITE", "sip:acme@192.168.1.10:5062");
        message.addHeader("Alert-Info", "<http://x>");
        return f.pass(Stage::PostProxy, std::move(message));
    };
    CHECK(headerOf(toAcme(), "Alert-Info") != "-");
    static_cast<void>(f.pass(Stage::PreProxy, Fixture::from("Acme 1", "REGISTER")));
    const auto spared = toAcme();
    CHECK(headerOf(spared, "Alert-Info") == "-");
    CHECK(headerOf(spared, "X-To") == "1");
    CHECK(headerOf(spared, "Subject") == "-");
}

TEST_CASE("devices may be meant by their address", "[plugin_workaround]") {
    Fixture near({{"name", "here"}, {"addresses", "192.168.1.0/24"}}, {{"set", "X: 1"}});
    CHECK(headerOf(near.pass(Stage::PreProxy, Fixture::from("any")), "X") == "1");
    Fixture far({{"name", "there"}, {"addresses", "10.0.0.0/24"}}, {{"set", "X: 1"}});
    CHECK(headerOf(far.pass(Stage::PreProxy, Fixture::from("any")), "X") == "-");
    Fixture both({{"name", "both"}, {"match", "Acme*"}, {"addresses", "192.168.1.0/24"}}, {{"set", "X: 1"}});
    CHECK(headerOf(both.pass(Stage::PreProxy, Fixture::from("Acme")), "X") == "1");
    CHECK(headerOf(both.pass(Stage::PreProxy, Fixture::from("Foo")), "X") == "-");
}

TEST_CASE("what a device does not support it does not say", "[plugin_workaround]") {
    Fixture f(kAcme, {{"unsupported", "100rel; Timer"}, {"no_methods", "UPDATE"}});
    auto message = Fixture::from("Acme");
    message.addHeader("Supported", "100rel, replaces");
    message.addHeader("Supported", "timer");
    message.addHeader("Session-Expires", "90");
    message.addHeader("Allow", "INVITE, UPDATE, BYE");
    const auto mended = f.pass(Stage::PreProxy, message.clone());
    CHECK(mended.headers("Supported") == std::vector<std::string>{"replaces"});
    CHECK(headerOf(mended, "Session-Expires") == "-");
    CHECK(headerOf(mended, "Allow") == "INVITE, BYE");
    SECTION("but what a request requires stays") {
        message.addHeader("Require", "100rel");
        message.addHeader("Require", "Timer");
        const auto strict = f.pass(Stage::PreProxy, std::move(message));
        CHECK(strict.headers("Require") == std::vector<std::string>{"100rel", "Timer"});
        CHECK(headerOf(strict, "Session-Expires") == "90");
    }
    SECTION("and it does not hear of it either") {
        auto call = test::request("INVITE", "sip:acme@192.168.1.10:5062");
        call.addHeader("Supported", "100rel");
        CHECK(headerOf(f.pass(Stage::PostProxy, std::move(call)), "Supported") == "-");
    }
}

TEST_CASE("answers go where they are meant to go", "[plugin_workaround]") {
    const auto rportAfter = [](const char* name, const char* before) {
        Fixture f(kAcme, {{name, "1"}});
        auto message = Fixture::from("Acme");
        auto via = *message.via();
        via.params.remove("rport");
        if (before != nullptr) {
            via.params.set("rport", before);
        }
        message.popVia();
        message.pushVia(via);
        const auto mended = f.pass(Stage::Validate, std::move(message));
        return mended.via()->params.has("rport");
    };
    CHECK_FALSE(rportAfter("ignore_rport", ""));
    CHECK_FALSE(rportAfter("ignore_rport", nullptr));
    CHECK(rportAfter("force_rport", nullptr));
    CHECK(rportAfter("force_rport", ""));
    CHECK_FALSE(rportAfter("answer_options", nullptr));
}

TEST_CASE("OPTIONS are answered here", "[plugin_workaround]") {
    Fixture f(kAcme, {{"answer_options", "1"}});
    static_cast<void>(f.pass(Stage::DetermineTarget, Fixture::from("Acme", "OPTIONS")));
    REQUIRE(f.outcome.verdict == Verdict::Answered);
    CHECK(f.outcome.reply->status() == 200);
    CHECK(headerOf(*f.outcome.reply, "Allow").find("INVITE") != std::string::npos);
    static_cast<void>(f.pass(Stage::DetermineTarget, Fixture::from("Foo", "OPTIONS")));
    CHECK(f.outcome.verdict == Verdict::Continue);
    static_cast<void>(f.pass(Stage::DetermineTarget, Fixture::from("Acme", "MESSAGE")));
    CHECK(f.outcome.verdict == Verdict::Continue);
}

TEST_CASE("media is sent where the messages come from", "[plugin_workaround]") {
    Fixture f(kAcme, {{"force_connection", "1"}});
    auto message = Fixture::from("Acme");
    message.setBody("application/sdp", "v=0\r\nc=IN IP4 10.9.9.9\r\nm=audio 4000 RTP/AVP 0\r\n");
    CHECK(f.pass(Stage::PreProxy, message.clone()).body() ==
          "v=0\r\nc=IN IP4 192.168.1.10\r\nm=audio 4000 RTP/AVP 0\r\n");
    message.setBody("text/plain", "v=0\r\nc=IN IP4 10.9.9.9\r\n");
    CHECK(f.pass(Stage::PreProxy, message.clone()).body() == "v=0\r\nc=IN IP4 10.9.9.9\r\n");
}

TEST_CASE("wrong records are refused with their place", "[plugin_workaround]") {
    struct Row {
        Pairs pairs;
        const char* complaint;
    };
    const Row rows[] = {
        {{{"strip", "X"}, {"name", "a"}}, "siproxd.conf:1: plugin_workaround_strip = X: a plugin_workaround_name has to come before"},
        {{{"name", "a"}, {"strip", "X"}}, "it has neither plugin_workaround_match nor plugin_workaround_addresses"},
        {{{"name", "a"}, {"match", "x"}, {"set", "X"}}, "plugin_workaround_set = X: Header: value is needed"},
        {{{"name", "a"}, {"match", "x"}, {"strip", "no header"}}, "a header, or Header: value, is needed"},
        {{{"name", "a"}, {"match", "x"}, {"strip", "Via"}}, "siproxd writes Via itself"},
        {{{"name", "a"}, {"match", "x"}, {"set", "v: SIP/2.0"}}, "siproxd writes v itself"},
        {{{"name", "a"}, {"match", ";"}, {"strip", "X"}}, "a mask is needed"},
        {{{"name", "a"}, {"addresses", "here"}, {"strip", "X"}}, "plugin_workaround_addresses = here"},
        {{{"name", "a"}, {"match", "x"}, {"unsupported", "a b"}}, "words with ; between them are needed"},
        {{{"name", "a"}, {"match", "x"}, {"force_rport", "yes"}}, "0 or 1 is needed"},
        {{{"name", "a"}, {"match", "x"}, {"force_rport", "1"}, {"ignore_rport", "1"}}, "rport can be ignored or forced, not both"}};
    for (const auto& row : rows) {
        const test::LogSpy log;
        INFO(row.complaint);
        CHECK_FALSE(Fixture(row.pairs).loaded);
        CHECK(log.has(row.complaint));
    }
    const test::LogSpy log;
    CHECK(Fixture(Pairs{}).loaded);
    CHECK(log.has("plugin_workaround has nothing to do"));
}
