// SPDX-License-Identifier: GPL-2.0-or-later
#include <map>
#include <vector>

#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace std::chrono_literals;
using test::option;

extern "C" const siproxd_plugin plugin_limit_LTX_siproxd_plugin;

namespace {

/// Registrations, and calls that are ended.
struct House final : plugin::Services {
    void bindings(plugin::BindingQuery query, std::string_view text,
                  const std::function<bool(const plugin::BindingView&)>& each) override {
        for (const auto& binding : registered) {
            const std::string host(text);
            const bool isAt = binding.contact.find("@" + host + ":") != std::string::npos ||
                              binding.contact.find("@[" + host + "]:") != std::string::npos;
            if (query == plugin::BindingQuery::OfContactHost ? isAt : binding.aor == text) {
                each(binding);
            }
        }
    }
    std::uint64_t send(plugin::OwnRequest) override { return 0; }
    void forget(std::uint64_t) override {}
    void calls(const std::function<bool(const plugin::CallView&)>&) override {}
    bool endCall(std::uint64_t call, int status, std::string_view reason) override {
        ended.push_back(std::to_string(call) + " " + std::to_string(status) + " " + std::string(reason));
        return true;
    }
    [[nodiscard]] std::string ownUser(std::string_view uri) const override {
        const auto at = uri.find("@home.test");
        return at == std::string_view::npos ? "" : std::string(uri.substr(4, at - 4)) + "@home.test";
    }
    void registers(const std::string& user, const std::string& source) {
        registered.push_back({"sip:" + user + "@home.test", "sip:" + user + "@" + source, "", source, 0});
    }

    std::vector<plugin::BindingView> registered;
    std::vector<std::string> ended;
};

/// Names and values.
using Lines = std::vector<std::pair<std::string, std::string>>;

struct Fixture {
    explicit Fixture(const Lines& lines) {
        std::vector<config::PluginOption> options;
        for (const auto& [name, value] : lines) {
            options.push_back(option("plugin_limit_" + name, value, static_cast<unsigned>(options.size() + 1)));
        }
        loaded = chain.add(plugin_limit_LTX_siproxd_plugin, std::move(options));
        chain.setServices(&house);
    }
    ~Fixture() { chain.setServices(nullptr); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    /// A call of that user from that address; the status that refuses it, or 0.
    int dial(const std::string& from, const std::string& number = "+1", const std::string& ip = "10.0.0.5",
             const std::string& authenticated = "", int direction = SIPROXD_REQUEST_OUTGOING) {
        plugin::CallView view;
        view.id = ++lastId;
        view.callId = "call " + std::to_string(lastId);
        view.direction = direction;
        view.caller = "sip:" + from + "@home.test";
        view.dialled = "sip:" + number + "@home.test";
        view.sourceIp = ip;
        view.user = authenticated;
        const int status = chain.tell(plugin::CallEvent::Started, view);
        all[lastId] = view;
        if (status != 0) {
            end(lastId, status);
        }
        return status;
    }
    int tell(plugin::CallEvent event, std::uint64_t id, const std::string& label = "") {
        auto& view = all[id];
        view.label = label;
        return chain.tell(event, view);
    }
    /// That call is sent on to a number for a user; the status that refuses it, or 0.
    int sendOn(std::uint64_t id, const std::string& owner, const std::string& number = "+1",
               const std::string& domain = "home.test") {
        const auto uri = "sip:" + number + "@home.test";
        test::Shown shown(test::request("INVITE", uri, "<" + uri + ">"), plugin::Direction::RequestOutgoing);
        auto from = shown.message.from();
        from.uri = *sip::Uri::parse("sip:" + owner + "@" + domain);
        shown.message.setFrom(from);
        shown.message.setCallId("call " + std::to_string(id));
        shown.context.user = owner;
        shown.context.history = std::make_shared<const std::vector<std::string>>(1, "sip:" + owner + "@home.test");
        return chain.run(plugin::Stage::DetermineTarget, shown.context).status;
    }
    void answer(std::uint64_t id, const std::string& label = "") {
        all[id].answered = 1;
        tell(plugin::CallEvent::Answered, id, label);
    }
    void end(std::uint64_t id, int status = 200) {
        all[id].status = status;
        tell(plugin::CallEvent::Ended, id);
        all.erase(id);
    }

    test::FakeLoop loop;
    House house;
    plugin::Chain chain{loop};
    bool loaded = false;
    std::uint64_t lastId = 0;
    std::map<std::uint64_t, plugin::CallView> all;
};

}  // namespace

TEST_CASE("calls at once of one user are limited", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"calls", "2"}, {"user", "boss"}, {"calls", "3"}, {"status_calls", "600"}});
    const test::LogSpy spy;
    CHECK(f.dial("x", "+1", "10.0.0.5", "alice") == 0);
    CHECK(f.dial("x", "+1", "10.0.0.5", "alice") == 0);
    CHECK(f.dial("y", "+12", "10.0.0.6", "alice") == 600);
    CHECK(spy.hasLine("plugin_limit: call of alice to +12 refused with 600: calls at once are limited to 2"));
    CHECK(f.dial("x", "+1", "10.0.0.5", "bob") == 0);
    for (int i = 0; i < 3; ++i) {
        CHECK(f.dial("x", "+1", "10.0.0.5", "boss") == 0);
    }
    CHECK(f.dial("x", "+1", "10.0.0.5", "boss") == 600);
    f.end(1);
    CHECK(f.dial("x", "+1", "10.0.0.5", "alice") == 0);
    CHECK(f.dial("x", "+1", "10.0.0.5", "alice") == 600);
}

TEST_CASE("nobody escapes by writing another From", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"calls", "1"}, {"user", "carol@home.test"}, {"calls", "9"}});
    f.house.registers("alice", "10.0.0.5:5060");
    f.house.registers("carol", "10.0.0.6:5060");
    CHECK(f.dial("alice") == 0);
    CHECK(f.dial("alice") == 486);
    CHECK(f.dial("carol") == 486);
    CHECK(f.dial("nobody") == 486);
    CHECK(f.dial("carol", "+1", "10.0.0.6") == 0);
    CHECK(f.dial("carol", "+1", "10.0.0.6") == 0);
    // Without a registration the address is who calls.
    CHECK(f.dial("x", "+1", "10.0.0.7") == 0);
    CHECK(f.dial("y", "+1", "10.0.0.7") == 486);
    CHECK(f.dial("x", "+1", "2001:db8::1") == 0);
    CHECK(f.dial("x", "+1", "2001:db8::2") == 486);
    CHECK(f.dial("x", "+1", "2001:db8:0:1::2") == 0);
}

TEST_CASE("of several phones at one address each has its own limit", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"calls", "1"}});
    f.house.registers("bob", "[2001:db8::5]:5060");
    f.house.registers("alice", "[2001:db8::5]:5061");
    CHECK(f.dial("alice", "+1", "2001:db8::5") == 0);
    CHECK(f.dial("bob", "+1", "2001:db8::5") == 0);
    CHECK(f.dial("bob", "+1", "2001:db8::5") == 486);
    CHECK(f.dial("other", "+1", "2001:db8::5") == 486);
}

TEST_CASE("limits for all are not for providers", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"calls", "1"}, {"user", "203.0.113.50"}, {"calls", "2"}});
    const auto comesFrom = [&f](const char* ip) { return f.dial("bob", "alice", ip, "", SIPROXD_REQUEST_INCOMING); };
    for (int i = 0; i < 5; ++i) {
        CHECK(comesFrom("203.0.113.51") == 0);
    }
    CHECK(comesFrom("203.0.113.50") == 0);
    CHECK(comesFrom("203.0.113.50") == 0);
    CHECK(comesFrom("203.0.113.50") == 486);
}

TEST_CASE("numbers are forbidden to some", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"forbid", "+44900; 0190"}, {"user", "guest"}, {"forbid", "*"}, {"allow", "+44;112"},
               {"user", "boss"}, {"allow", "*"}});
    const test::LogSpy spy;
    const auto dial = [&f](const char* user, const char* number) { return f.dial("x", number, "10.0.0.5", user); };
    CHECK(dial("alice", "0044-(900)-1") == 403);
    CHECK(spy.hasLine("plugin_limit: call of alice to +449001 refused with 403: numbers with +44900 are forbidden"));
    CHECK(dial("alice", "%2B449001") == 403);
    CHECK(dial("alice", "0190666") == 403);
    CHECK(dial("alice", "bob") == 0);
    CHECK(dial("guest", "+441") == 0);
    CHECK(dial("guest", "112") == 0);
    CHECK(dial("guest", "+33") == 403);
    CHECK(dial("guest", "bob") == 403);
    CHECK(spy.has("to bob refused with 403: all numbers but some are forbidden"));
    CHECK(dial("boss", "0190666") == 0);
}

TEST_CASE("nobody has numbers called that he may not dial by forwarding his calls", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"forbid", "+44900"}, {"user", "boss@home.test"}, {"allow", "*"}});
    const test::LogSpy spy;
    const auto sentOn = [&f](const char* number, const char* owner, bool isDialled = true) {
        const auto uri = "sip:" + std::string(number) + "@home.test";
        test::Shown shown(test::request("INVITE", uri, "<" + uri + ">"), plugin::Direction::RequestOutgoing);
        auto from = shown.message.from();
        from.uri = *sip::Uri::parse("sip:" + std::string(owner) + "@home.test");
        shown.message.setFrom(from);
        shown.context.user = owner;
        if (isDialled) {
            shown.context.history = std::make_shared<const std::vector<std::string>>(1, "sip:alice@home.test");
        }
        return f.chain.run(plugin::Stage::DetermineTarget, shown.context).status;
    };
    CHECK(sentOn("00449001", "alice") == 403);
    CHECK(spy.hasLine("plugin_limit: call for alice is not sent on to +449001: numbers with +44900 are forbidden"));
    CHECK(sentOn("+4479", "alice") == 0);
    CHECK(sentOn("00449001", "boss") == 0);
    CHECK(sentOn("00449001", "") == 0);
    CHECK(sentOn("00449001", "alice", false) == 0);
}

TEST_CASE("calls that are sent on for a user count as his", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"calls", "2"}, {"rate", "4"}, {"duration", "60"}, {"user", "203.0.113.50"},
                    {"duration", "30"}});
    const test::LogSpy spy;
    const auto comesFrom = [&f](const char* ip) { f.dial("ann", "bob", ip, "", SIPROXD_REQUEST_INCOMING); };
    for (int i = 0; i < 4; ++i) {
        comesFrom("203.0.113.51");
    }
    CHECK(f.sendOn(1, "bob") == 0);
    CHECK(f.sendOn(1, "bob") == 0);  // to a second number, which is the same call
    CHECK(f.sendOn(2, "bob") == 0);
    CHECK(f.sendOn(3, "bob", "+12") == 486);
    CHECK(spy.hasLine("plugin_limit: call for bob is not sent on to +12: calls at once are limited to 2"));
    SECTION("however he calls himself") {
        f.house.registers("bob", "10.0.0.5:5060");
        CHECK(f.dial("bob") == 486);
        CHECK(f.dial("x", "+1", "10.0.0.6", "bob") == 486);
        f.end(2);
        CHECK(f.dial("bob") == 0);
        CHECK(f.dial("x", "+1", "10.0.0.6", "bob") == 486);
    }
    SECTION("in a minute, too") {
        for (const std::uint64_t id : {1, 2, 3}) {
            f.end(id);
        }
        comesFrom("203.0.113.51");
        CHECK(f.sendOn(4, "bob") == 0);
        f.end(4);
        CHECK(f.sendOn(5, "bob") == 0);
        f.end(5);
        comesFrom("203.0.113.51");
        CHECK(f.sendOn(6, "bob") == 480);
        CHECK(f.sendOn(6, "carol") == 0);
    }
    SECTION("and last no longer than his") {
        f.answer(1);
        comesFrom("203.0.113.50");
        CHECK(f.sendOn(5, "carol") == 0);
        f.answer(5);
        f.loop.advance(31s);
        CHECK(f.house.ended == std::vector<std::string>{"5 487 calls are limited to 30 s"});
        f.loop.advance(30s);
        CHECK(f.house.ended.back() == "1 487 calls are limited to 60 s");
    }
    SECTION("and are no further ones when it is he who calls") {
        CHECK(f.dial("x", "+1", "10.0.0.6", "carol") == 0);
        CHECK(f.sendOn(5, "carol") == 0);
        CHECK(f.dial("x", "+1", "10.0.0.6", "carol") == 0);
        CHECK(f.sendOn(6, "carol") == 0);
    }
    SECTION("but not as somebody's of that name elsewhere") {
        CHECK(f.sendOn(3, "bob", "+1", "provider.test") == 0);
    }
}

TEST_CASE("who has authenticated has the limits of his name in his domain", "[plugin_limit]") {
    Fixture f(Lines{{"user", "alice@home.test"}, {"calls", "1"}});
    CHECK(f.dial("alice", "+1", "10.0.0.5", "alice") == 0);
    CHECK(f.dial("alice", "+1", "10.0.0.5", "alice") == 486);
    // Whatever he writes into From.
    CHECK(f.dial("bob", "+1", "10.0.0.5", "alice") == 486);
}

TEST_CASE("a route test hears of forbidden numbers", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"forbid", "+44900"}, {"user", "guest"}, {"forbid", "*"}});
    const auto told = [&f](const char* number, const char* from) {
        std::string text;
        const bool isDecided = f.chain.explainRoute(number, from, [&text](std::string_view line) { text = line; });
        CHECK(isDecided == !text.empty());
        return text;
    };
    CHECK(told("00449001", "alice@home.test") == "plugin_limit: refused with 403: numbers with +44900 are forbidden");
    CHECK(told("+4479", "alice@home.test").empty());
    CHECK(told("+4479", "guest@home.test") == "plugin_limit: refused with 403: all numbers but some are forbidden");
}

TEST_CASE("calls in all are limited", "[plugin_limit]") {
    Fixture f(Lines{{"total", "2"}});
    const test::LogSpy spy;
    CHECK(f.dial("a", "+1", "10.0.0.1") == 0);
    CHECK(f.dial("b", "+1", "203.0.113.50", "", SIPROXD_REQUEST_INCOMING) == 0);
    CHECK(f.dial("c", "+1", "10.0.0.3") == 503);
    CHECK(spy.hasLine("plugin_limit: call of 10.0.0.3 to +1 refused with 503: calls in all at once are limited to 2"));
    f.end(2);
    CHECK(f.dial("c", "+1", "10.0.0.3") == 0);
}

TEST_CASE("calls a minute are limited, and a challenge is none", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"rate", "2"}});
    const test::LogSpy spy;
    for (int i = 0; i < 5; ++i) {
        CHECK(f.dial("x") == 0);
        f.end(f.lastId, i % 2 == 0 ? 407 : 401);
    }
    CHECK(f.dial("x") == 0);
    CHECK(f.dial("x") == 0);
    f.end(f.lastId, 486);
    CHECK(f.dial("x") == 480);
    CHECK(spy.hasLine("plugin_limit: call of 10.0.0.5 to +1 refused with 480: calls a minute are limited to 2"));
    f.loop.advance(30s);
    CHECK(f.dial("x") == 0);
    CHECK(f.dial("x") == 480);
}

TEST_CASE("calls by a gateway are limited", "[plugin_limit]") {
    Fixture f(Lines{{"gateway", "uk 2"}, {"gateway", "* 1"}});
    const test::LogSpy spy;
    const auto tries = [&f](std::uint64_t id, const char* label) {
        return f.tell(plugin::CallEvent::Trying, id, label) == 0;
    };
    for (int i = 0; i < 4; ++i) {
        CHECK(f.dial("x") == 0);
    }
    CHECK(tries(1, "uk"));
    CHECK(tries(2, "uk"));
    CHECK_FALSE(tries(3, "uk"));
    CHECK(spy.hasLine("plugin_limit: call of 10.0.0.5 to +1 does not go by uk: calls at once there are limited to 2"));
    CHECK(tries(3, "us"));
    CHECK_FALSE(tries(4, "us"));
    // It has refused: somebody else may.
    f.tell(plugin::CallEvent::Left, 1, "uk");
    CHECK(tries(4, "uk"));
    // Who answers keeps his line, the others are free.
    CHECK(tries(1, "fr"));
    f.answer(4, "uk");
    CHECK_FALSE(tries(3, "uk"));
    f.end(4);
    CHECK(tries(3, "uk"));
    f.answer(3, "uk");
    CHECK(tries(1, "us"));
}

TEST_CASE("a call that lasts too long is ended", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"duration", "60"}});
    const test::LogSpy spy;
    CHECK(f.dial("x") == 0);
    CHECK(f.dial("x") == 0);
    f.loop.advance(100s);
    f.answer(1);
    f.answer(2);
    f.loop.advance(59s);
    f.end(2);
    CHECK(f.house.ended.empty());
    f.loop.advance(2s);
    CHECK(f.house.ended == std::vector<std::string>{"1 487 calls are limited to 60 s"});
    CHECK(spy.hasLine("plugin_limit: call of 10.0.0.5 to +1 is ended: calls are limited to 60 s"));
}

TEST_CASE("a flood of refused calls does not fill the log", "[plugin_limit]") {
    Fixture f(Lines{{"user", "*"}, {"forbid", "*"}});
    const test::LogSpy spy;
    for (int i = 0; i < 1000; ++i) {
        CHECK(f.dial("x") == 403);
    }
    CHECK(spy.count("refused with 403") == 120);
    f.loop.advance(10s);
    f.chain.tick();
    CHECK(spy.hasLine("plugin_limit: 880 more calls refused"));
}

TEST_CASE("what is wrong in the configuration is told with its place", "[plugin_limit]") {
    const test::LogSpy spy;
    CHECK_FALSE(Fixture(Lines{{"calls", "2"}, {"user", "a"}, {"user", "a"}, {"rate", "x"}, {"forbid", "+44;;"},
                         {"gateway", "uk"}, {"gateway", "uk 1"}, {"gateway", "uk 2"}, {"user", ""}})
                    .loaded);
    CHECK(spy.hasLine("siproxd.conf:1: plugin_limit_calls = 2: a plugin_limit_user has to come before"));
    CHECK(spy.hasLine("siproxd.conf:3: plugin_limit_user = a: there are limits for that user already"));
    CHECK(spy.hasLine("siproxd.conf:4: plugin_limit_rate = x: a number from 0 to 1000000 is needed"));
    CHECK(spy.has("siproxd.conf:5: plugin_limit_forbid = +44;;: prefixes are needed"));
    CHECK(spy.hasLine("siproxd.conf:6: plugin_limit_gateway = uk: a label (or *) and a number of calls are needed"));
    CHECK(spy.hasLine("siproxd.conf:8: plugin_limit_gateway = uk 2: there is a limit for that gateway already"));
    CHECK(spy.has("siproxd.conf:9: plugin_limit_user = : a user is needed"));
    CHECK_FALSE(Fixture(Lines{{"status_calls", "200"}}).loaded);
}
