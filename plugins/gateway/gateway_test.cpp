// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <utility>
#include <vector>

#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace std::chrono_literals;
using plugin::Direction;
using plugin::Verdict;
using test::option;

extern "C" const siproxd_plugin plugin_gateway_LTX_siproxd_plugin;

namespace {

/// Takes requests of the plugin; the test answers them.
struct Wire final : plugin::Services {
    void bindings(plugin::BindingQuery, std::string_view,
                  const std::function<bool(const plugin::BindingView&)>&) override {}
    std::uint64_t send(plugin::OwnRequest request) override {
        sent.push_back(std::move(request));
        return sent.size();
    }
    void forget(std::uint64_t) override {}
    void calls(const std::function<bool(const plugin::CallView&)>&) override {}
    bool endCall(std::uint64_t, int, std::string_view) override { return false; }

    std::vector<plugin::OwnRequest> sent;
};

std::vector<config::PluginOption> lines(
    std::initializer_list<std::pair<const char*, const char*>> pairs) {
    std::vector<config::PluginOption> all;
    for (const auto& [name, value] : pairs) {
        all.push_back(option("plugin_gateway_" + std::string(name), value,
                             static_cast<unsigned>(all.size() + 1)));
    }
    return all;
}

struct Fixture {
    explicit Fixture(std::initializer_list<std::pair<const char*, const char*>> pairs)
        : loaded(chain.add(plugin_gateway_LTX_siproxd_plugin, lines(pairs))) {
        chain.setServices(&wire);
        loop.advance(1ms);
    }
    ~Fixture() { chain.setServices(nullptr); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    plugin::Outcome dial(std::string_view number, const std::string& user = "",
                         std::string_view domain = "example.net", const std::string& scheme = "sip") {
        const auto uri = scheme + ":" + std::string(number) + "@" + std::string(domain);
        test::Shown shown(test::request("INVITE", uri, "<" + uri + ">"));
        shown.context.user = user;
        return chain.run(plugin::Stage::DetermineTarget, shown.context);
    }
    plugin::Outcome comeIn(const std::string& label, std::string_view host = "203.0.113.1") {
        test::Shown shown(test::request("INVITE", "sip:acme@" + std::string(host), "<sip:0123@x.example>"),
                          Direction::Unknown);
        shown.context.label = label;
        return chain.run(plugin::Stage::DetermineTarget, shown.context);
    }
    void answer(int status, std::string_view header = "", std::string_view value = "") {
        REQUIRE_FALSE(wire.sent.empty());
        auto& request = wire.sent.back();
        auto response = sip::Message::response(request.message, status, "", "t");
        if (!header.empty()) {
            response.addHeader(header, value);
        }
        const auto done = request.done;
        base::Flow from;
        from.remote = test::address("198.51.100.1", 5060);
        done(response, from);
    }
    int tell(plugin::CallEvent event, std::uint64_t id, const std::string& label = "",
             const std::string& callId = "other") {
        plugin::CallView view;
        view.id = id;
        view.label = label;
        view.callId = callId;
        return chain.tell(event, view);
    }

    test::FakeLoop loop;
    Wire wire;
    plugin::Chain chain{loop};
    bool loaded;
};

const std::initializer_list<std::pair<const char*, const char*>> kUk = {
    {"title", "uk"},      {"server", "gw.example:5070;transport=tcp"},
    {"username", "acme"}, {"password", "secret"},
    {"realm", "gw"},      {"rewrite_from", "1"},
    {"rewrite_to", "1"},  {"prefix", "0044;44;+44"},
    {"replace", "0%&"},   {"max_calls", "1"},
    {"incoming", "alice;carol@home.test"}};

}  // namespace

TEST_CASE("a call by sips: is one by sips: at the gateway, too", "[plugin_gateway]") {
    Fixture f(kUk);
    const auto outcome = f.dial("+4479795551234", "", "example.net", "sips");
    REQUIRE(outcome.targets.size() == 1);
    CHECK(outcome.targets[0].uri.toString() == "sips:079795551234@gw.example:5070;transport=tcp");
}

TEST_CASE("a route keeps hosts that are IPv6 addresses", "[plugin_gateway]") {
    Fixture f({{"title", "uk"}, {"server", "gw.example"}, {"route", "<911@*> = 112@*"}});
    REQUIRE(f.loaded);
    const auto outcome = f.dial("911", "", "[2001:db8::5]");
    REQUIRE(outcome.verdict == Verdict::Retarget);
    CHECK(outcome.targets.at(0).uri.toString() == "sip:112@[2001:db8::5]");
}

TEST_CASE("what routes have made undiallable is refused", "[plugin_gateway]") {
    Fixture f({{"title", "uk"}, {"server", "gw.example"}, {"route", "<9*@*> = *@no,host"}});
    REQUIRE(f.loaded);
    const test::LogSpy spy;
    const auto outcome = f.dial("9123");
    CHECK(outcome.verdict == Verdict::Reject);
    CHECK(outcome.status == 404);
    CHECK(spy.has("plugin_gateway: 123@no,host cannot be dialled"));
    CHECK(f.chain.status()[0].failures == 0);
}

TEST_CASE("one user who cannot be called leaves the others", "[plugin_gateway]") {
    const auto* incoming = GENERATE("alice;no user@home.test", "no user@home.test;alice");
    Fixture f({{"title", "uk"}, {"server", "gw.example"}, {"incoming", incoming}});
    REQUIRE(f.loaded);
    const auto outcome = f.comeIn("uk");
    CHECK(outcome.verdict == Verdict::Retarget);
    CHECK(outcome.targets.size() == 1);
}

TEST_CASE("a call goes to the gateway with all that it takes", "[plugin_gateway]") {
    Fixture f(kUk);
    REQUIRE(f.loaded);
    const auto outcome = f.dial("+4479795551234");
    REQUIRE(outcome.verdict == Verdict::Retarget);
    REQUIRE(outcome.targets.size() == 1);
    const auto& target = outcome.targets[0];
    CHECK(target.uri.toString() == "sip:079795551234@gw.example:5070;transport=tcp");
    CHECK(target.nextHop->toString() == "sip:gw.example:5070;transport=tcp");
    REQUIRE(target.identity);
    CHECK(target.identity->label == "uk");
    CHECK(target.identity->user == "acme");
    CHECK(target.identity->password == "secret");
    CHECK(target.identity->realm == "gw");
    CHECK(target.identity->from->toString() == "sip:acme@gw.example");
    CHECK(target.identity->to->toString() == "sip:079795551234@gw.example");
    CHECK(f.dial("bob").goesOn());
    CHECK(f.dial("12").goesOn());
}

TEST_CASE("a number is escaped where it stands in a URI, and has no parameters", "[plugin_gateway]") {
    Fixture f(kUk);
    const auto called = [&f](std::string_view number) {
        const auto outcome = f.dial(number);
        REQUIRE(outcome.targets.size() == 1);
        const auto& target = outcome.targets[0];
        CHECK(target.identity->to->user == target.uri.user);
        CHECK(target.uri.host == "gw.example");
        return target.uri.user;
    };
    CHECK(called("+441%23") == "01%23");
    CHECK(called("+441%3a2%252") == "01%3A2%252");
    CHECK(called("+441;phone-context=example.net") == "01");
    Fixture routed({{"title", "uk"}, {"server", "uk.example"}, {"route", "<9*@*> = *@other.example"}});
    const auto outcome = routed.dial("9%231");
    REQUIRE(outcome.targets.size() == 1);
    CHECK(outcome.targets[0].uri.toString() == "sip:%231@other.example");
}

TEST_CASE("calls from a gateway ring whom it is for", "[plugin_gateway]") {
    Fixture f(kUk);
    const auto outcome = f.comeIn("uk");
    REQUIRE(outcome.verdict == Verdict::Retarget);
    REQUIRE(outcome.targets.size() == 2);
    CHECK(outcome.targets[0].aor->toString() == "sip:alice@203.0.113.1");
    CHECK(outcome.targets[1].aor->toString() == "sip:carol@home.test");
    CHECK(outcome.targets[0].rank == outcome.targets[1].rank);
    CHECK(outcome.targets[0].keepsContact);
    CHECK(outcome.targets[0].identity->label == "uk");
    CHECK(f.comeIn("").goesOn());
    CHECK(f.comeIn("another").goesOn());
    // It takes the line.
    CHECK(f.tell(plugin::CallEvent::Started, 1, "", "c1@192.168.1.10") == 0);
    CHECK(f.comeIn("uk").status == 486);
    CHECK(f.dial("+44").status == 486);
    CHECK(f.tell(plugin::CallEvent::Ended, 1) == 0);
    CHECK(f.dial("+441").verdict == Verdict::Retarget);
}

TEST_CASE("nobody is called from a gateway that has nobody to call", "[plugin_gateway]") {
    Fixture f({{"title", "uk"}, {"server", "gw.example"}});
    CHECK(f.comeIn("uk").status == 480);
}

TEST_CASE("lines are taken when a gateway is tried, and free when it was in vain", "[plugin_gateway]") {
    Fixture f(kUk);
    CHECK(f.tell(plugin::CallEvent::Started, 1) == 0);
    CHECK(f.tell(plugin::CallEvent::Trying, 1, "uk") == 0);
    CHECK(f.tell(plugin::CallEvent::Trying, 2, "uk") == 1);
    CHECK(f.tell(plugin::CallEvent::Trying, 2, "unknown") == 0);
    CHECK(f.dial("+441").status == 486);
    CHECK(f.tell(plugin::CallEvent::Left, 1, "uk") == 0);
    CHECK(f.tell(plugin::CallEvent::Trying, 2, "uk") == 0);
    CHECK(f.tell(plugin::CallEvent::Answered, 2, "uk") == 0);
    CHECK(f.dial("+441").status == 486);
    CHECK(f.tell(plugin::CallEvent::Ended, 2, "uk") == 0);
    CHECK(f.tell(plugin::CallEvent::Ended, 1) == 0);
    CHECK(f.dial("+441").verdict == Verdict::Retarget);
}

TEST_CASE("the next gateway is for failures of the first", "[plugin_gateway]") {
    Fixture f({{"title", "one"}, {"server", "one.example"}, {"prefix", "+"}, {"title", "two"},
               {"server", "two.example"}, {"proxy", "hop.example"}, {"prefix", "+44"}});
    const auto outcome = f.dial("+441");
    REQUIRE(outcome.targets.size() == 2);
    CHECK(outcome.targets[0].uri.toString() == "sip:+441@two.example");
    CHECK(outcome.targets[0].nextHop->toString() == "sip:hop.example");
    CHECK(outcome.targets[0].after == 0);
    CHECK(outcome.targets[1].uri.toString() == "sip:+441@one.example");
    CHECK(outcome.targets[1].after == SIPROXD_AFTER_FAILURE);
    CHECK_FALSE(outcome.targets[1].identity->from);
}

TEST_CASE("who has authenticated is who calls", "[plugin_gateway]") {
    Fixture f({{"title", "one"}, {"server", "one.example"}, {"prefix", "+"}, {"allowed", "carol; bob"}});
    CHECK(f.dial("+1").status == 403);
    CHECK(f.dial("+1", "bob").verdict == Verdict::Retarget);
    CHECK(f.dial("+1", "mallory").status == 403);
}

TEST_CASE("the password may be for another name than that of the address", "[plugin_gateway]") {
    Fixture f({{"title", "de"}, {"server", "tel.example"}, {"username", "anonymous@provider.example"},
               {"password", "secret"}, {"account", "+49301"}, {"prefix", "+"}, {"rewrite_from", "1"}});
    REQUIRE(f.wire.sent.size() == 1);
    CHECK(f.wire.sent[0].message.from().uri.toString() == "sip:+49301@tel.example");
    CHECK(f.wire.sent[0].contactUser == "+49301");
    CHECK(f.wire.sent[0].identity->user == "anonymous@provider.example");
    f.answer(200, "Contact", "<sip:+49301@203.0.113.1>;expires=600");
    f.loop.advance(541s);
    CHECK(f.wire.sent.size() == 2);
    const auto outcome = f.dial("+441");
    REQUIRE(outcome.targets.size() == 1);
    CHECK(outcome.targets[0].identity->from->toString() == "sip:+49301@tel.example");
    CHECK(outcome.targets[0].identity->user == "anonymous@provider.example");
}

TEST_CASE("siproxd registers itself, and again in time", "[plugin_gateway]") {
    Fixture f(kUk);
    const test::LogSpy spy;
    REQUIRE(f.wire.sent.size() == 1);
    const auto& first = f.wire.sent[0];
    CHECK(first.message.methodName() == "REGISTER");
    CHECK(first.message.requestUriText() == "sip:gw.example");
    CHECK(first.message.from().uri.toString() == "sip:acme@gw.example");
    CHECK(first.message.expires() == 3600U);
    CHECK(first.contactUser == "acme");
    CHECK(first.nextHop->toString() == "sip:gw.example:5070;transport=tcp");
    CHECK(first.identity->label == "uk");
    f.answer(200, "Contact", "<sip:acme@203.0.113.1>;expires=600");
    CHECK(spy.has("gateway uk: registered as acme@gw.example at 198.51.100.1:5060 for 600 s"));
    f.loop.advance(539s);
    CHECK(f.wire.sent.size() == 1);
    f.loop.advance(2s);
    REQUIRE(f.wire.sent.size() == 2);
    CHECK(f.wire.sent[1].message.callId() == f.wire.sent[0].message.callId());
    CHECK(f.wire.sent[1].message.cseq().number == 2);
    f.answer(423, "Min-Expires", "7200");
    f.loop.advance(1ms);
    REQUIRE(f.wire.sent.size() == 3);
    CHECK(f.wire.sent[2].message.expires() == 7200U);
    f.answer(200, "Expires", "7200");
    f.chain.notify(plugin::Notice::Addresses);
    f.loop.advance(1ms);
    CHECK(f.wire.sent.size() == 4);
}

TEST_CASE("a registration that fails is tried again, less and less often", "[plugin_gateway]") {
    Fixture f(kUk);
    const test::LogSpy spy;
    std::vector<int> waits;
    for (int i = 0; i < 8; ++i) {
        f.answer(403);
        const auto before = f.wire.sent.size();
        int seconds = 0;
        while (f.wire.sent.size() == before && seconds < 1000) {
            f.loop.advance(1s);
            ++seconds;
        }
        waits.push_back(seconds);
    }
    for (std::size_t i = 0; i < waits.size(); ++i) {
        const int due = std::min(5 << i, 300);
        CHECK(waits[i] >= due);
        CHECK(waits[i] <= due + due / 32 + 1);
    }
    CHECK(spy.has("gateway uk: registration failed with 403 Forbidden, next try in 5 s"));
}

TEST_CASE("a gateway that does not answer is tried last", "[plugin_gateway]") {
    Fixture f({{"title", "one"}, {"server", "one.example"}, {"prefix", "+"}, {"ping", "30"},
               {"title", "two"}, {"server", "two.example"}, {"prefix", "+"}, {"ping", "0"}});
    const test::LogSpy spy;
    REQUIRE(f.wire.sent.size() == 1);
    CHECK(f.wire.sent[0].message.methodName() == "OPTIONS");
    CHECK(f.dial("+1").targets[0].identity->label == "one");
    f.answer(408);
    CHECK(spy.has("gateway one does not answer: 408"));
    CHECK(f.dial("+1").targets[0].identity->label == "two");
    f.loop.advance(31s);
    REQUIRE(f.wire.sent.size() == 2);
    f.answer(404);
    CHECK(spy.has("gateway one answers again"));
    CHECK(f.dial("+1").targets[0].identity->label == "one");
}

TEST_CASE("an inactive gateway does nothing", "[plugin_gateway]") {
    Fixture f({{"title", "uk"}, {"active", "0"}, {"server", "gw.example"}, {"username", "a"},
               {"prefix", "+"}, {"incoming", "alice"}});
    CHECK(f.wire.sent.empty());
    CHECK(f.dial("+1").goesOn());
    CHECK(f.comeIn("uk").status == 480);
}

TEST_CASE("routes lead to gateways, and elsewhere", "[plugin_gateway]") {
    Fixture f({{"title", "ru"}, {"server", "ru.example"}, {"route", "<7(10d)@*> = +7*@ru"},
               {"route", "<9*@*> = *@other.example"}});
    const auto russian = f.dial("74951234567");
    REQUIRE(russian.targets.size() == 1);
    CHECK(russian.targets[0].uri.toString() == "sip:+74951234567@ru.example");
    const auto other = f.dial("9123");
    REQUIRE(other.targets.size() == 1);
    CHECK(other.targets[0].uri.toString() == "sip:123@other.example");
    CHECK(f.dial("8123").goesOn());
}

TEST_CASE("the path that a number would take is explained", "[plugin_gateway]") {
    Fixture f({{"title", "uk"}, {"server", "uk.example"}, {"prefix", "+44"}, {"replace", "0%&"},
               {"title", "world"}, {"server", "world.example"}, {"prefix", "+"}, {"allowed", "bob"},
               {"route", "<00*@*> = +*@home"}});
    const auto explain = [&](const std::string& number, const std::string& from) {
        std::string all;
        const bool decided = f.chain.explainRoute(number, from, [&](std::string_view line) {
            all += std::string(line.substr(std::string_view("plugin_gateway: ").size())) + "\n";
        });
        return all + (decided ? "decided" : "");
    };
    CHECK(explain("00441", "alice@home") ==
          "<00*@*> = +*@home: 00441@home becomes +441@home\n"
          "gateway world is skipped: alice@home may not use it\n"
          "gateway uk: +441 is dialled as 01 (prefix \"+44\", 0 calls)\n"
          "it goes to sip:01@uk.example by uk.example\n"
          "decided");
    CHECK(explain("+441", "bob@home") ==
          "gateway uk: +441 is dialled as 01 (prefix \"+44\", 0 calls)\n"
          "gateway world: +441 is dialled as +441 (prefix \"+\", 0 calls)\n"
          "it goes to sip:01@uk.example by uk.example\n"
          "if that fails, to sip:+441@world.example by world.example\n"
          "decided");
    CHECK(explain("+1", "alice@home").ends_with("it is refused: 403\ndecided"));
    CHECK(explain("123", "alice@home").empty());
}

TEST_CASE("what is wrong with gateways is told, and the plugin stays out", "[plugin_gateway]") {
    const test::LogSpy spy;
    Fixture f({{"server", "early.example"}, {"title", "a"}, {"max_calls", "many"}, {"active", "yes"},
               {"prefix", "00"}, {"replace", "%x"}, {"title", "A"}, {"server", "b c"}, {"route", "nonsense"},
               {"select", "best"}, {"title", "c"}, {"server", "c.example"}, {"username", "a@b"}, {"title", "d"},
               {"server", "d.example"}, {"username", "a:b"}});
    CHECK_FALSE(f.loaded);
    for (const char* line : {"siproxd.conf:1: plugin_gateway_server = early.example: "
                             "a plugin_gateway_title has to come before",
                             "siproxd.conf:2: plugin_gateway_title = a: it has no plugin_gateway_server",
                             "siproxd.conf:3: plugin_gateway_max_calls = many: "
                             "a number from 0 to 100000 is needed",
                             "siproxd.conf:4: plugin_gateway_active = yes: 0 or 1 is needed",
                             "siproxd.conf:6: plugin_gateway_replace = %x: "
                             "behind % there must be &, ^, * or %",
                             "siproxd.conf:7: plugin_gateway_title = A: "
                             "there is a gateway with that title already",
                             "siproxd.conf:9: plugin_gateway_route = nonsense: there is no =",
                             "siproxd.conf:10: plugin_gateway_select = best: order or least is needed",
                             "siproxd.conf:13: plugin_gateway_username = a@b: "
                             "sip:a@b@c.example is no SIP address: a plugin_gateway_account is needed",
                             "siproxd.conf:16: plugin_gateway_username = a:b: "
                             "sip:a:b@d.example is no SIP address: a plugin_gateway_account is needed"}) {
        CHECK(spy.hasLine(line));
    }
}
