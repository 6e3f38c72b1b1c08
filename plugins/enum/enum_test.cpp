// SPDX-License-Identifier: GPL-2.0-or-later
// The plugin in a chain.
#include <map>
#include <utility>
#include <vector>

#include "support/log_spy.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace std::chrono_literals;
using plugin::Direction;
using plugin::Verdict;
using test::option;

extern "C" const siproxd_plugin plugin_enum_LTX_siproxd_plugin;

namespace {

/// Name servers that answer when the test says so.
struct Names final : plugin::Services {
    void bindings(plugin::BindingQuery, std::string_view,
                  const std::function<bool(const plugin::BindingView&)>&) override {}
    std::uint64_t send(plugin::OwnRequest) override { return 0; }
    void forget(std::uint64_t) override {}
    void calls(const std::function<bool(const plugin::CallView&)>&) override {}
    bool endCall(std::uint64_t, int, std::string_view) override { return false; }
    std::uint64_t askNaptr(std::string_view name, dns::RecordResolver::RecordCallback done) override {
        asked.emplace_back(name);
        waiting = std::move(done);
        return asked.size();
    }
    void forgetQuestion(std::uint64_t) override { waiting = nullptr; }
    [[nodiscard]] std::string ownUser(std::string_view uri) const override {
        return uri.find("@192.168.1.1") != std::string_view::npos ? "own" : "";
    }

    void answer(dns::NaptrRecords records) {
        const auto done = std::exchange(waiting, nullptr);
        REQUIRE(done);
        done(records.empty() ? base::fail("none") : dns::RecordAnswer(std::move(records)));
    }

    std::vector<std::string> asked;
    dns::RecordResolver::RecordCallback waiting;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Fixture {
    explicit Fixture(const Pairs& pairs = {}) {
        std::vector<config::PluginOption> lines;
        for (const auto& [name, value] : pairs) {
            lines.push_back(option("plugin_enum_" + name, value, static_cast<unsigned>(lines.size() + 1)));
        }
        loaded = chain.add(plugin_enum_LTX_siproxd_plugin, std::move(lines));
        chain.setServices(&names);
        chain.onReady([this](plugin::Token token) { ready = token; });
    }
    ~Fixture() { chain.setServices(nullptr); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    plugin::Outcome dial(const std::string& uri, Direction direction = Direction::RequestOutgoing) {
        shown = std::make_unique<test::Shown>(test::request("INVITE", uri, "<" + uri + ">"), direction);
        auto from = shown->message.from();
        from.uri.host = "home.test";
        shown->message.setFrom(from);
        return chain.run(plugin::Stage::DetermineTarget, shown->context);
    }
    /// What becomes of the call when the plugin wants to go on.
    plugin::Outcome goOn() {
        loop.advance(1ms);
        REQUIRE(ready != plugin::Token::None);
        return chain.proceed(std::exchange(ready, plugin::Token::None), shown->context);
    }

    test::FakeLoop loop;
    Names names;
    plugin::Token ready = plugin::Token::None;
    std::unique_ptr<test::Shown> shown;
    plugin::Chain chain{loop};
    bool loaded = false;
};

const dns::NaptrRecords kBob = {{100, 10, "u", "E2U+sip", "", "!^.*$!sip:bob@example.test!"}};

}  // namespace

TEST_CASE("a number that is in the DNS goes where that says", "[plugin_enum]") {
    Fixture f;
    REQUIRE(f.loaded);
    CHECK(f.dial("sip:+441632960083@home.test").verdict == Verdict::Suspend);
    CHECK(f.names.asked == std::vector<std::string>{"3.8.0.0.6.9.2.3.6.1.4.4.e164.arpa"});
    f.names.answer(kBob);
    const auto outcome = f.goOn();
    REQUIRE(outcome.verdict == Verdict::Retarget);
    REQUIRE(outcome.targets.size() == 2);
    CHECK(outcome.targets[0].uri.toString() == "sip:bob@example.test");
    CHECK(outcome.targets[0].isForeign);
    CHECK_FALSE(outcome.targets[0].isDialled);
    CHECK(outcome.targets[1].uri.toString() == "sip:+441632960083@home.test");
    CHECK(outcome.targets[1].isDialled);
    CHECK(outcome.targets[1].after == SIPROXD_AFTER_FAILURE);
}

TEST_CASE("without a record the call goes its way", "[plugin_enum]") {
    Fixture f({{"suffix", "e164.home.test"}, {"suffix", ".e164.arpa."}, {"fallback", "0"}});
    CHECK(f.dial("sip:+4416@home.test").verdict == Verdict::Suspend);
    f.names.answer({});
    REQUIRE(f.names.asked.size() == 2);
    CHECK(f.names.asked[1] == "6.1.4.4.e164.arpa");
    SECTION("none at all") {
        f.names.answer({});
        CHECK(f.goOn().verdict == Verdict::Continue);
    }
    SECTION("one of the second domain") {
        f.names.answer(kBob);
        CHECK(f.goOn().targets.size() == 1);
    }
    SECTION("one that leads to another domain") {
        f.names.answer({{1, 1, "", "", "elsewhere.test"}});
        CHECK(f.names.asked.back() == "elsewhere.test");
        f.names.answer(kBob);
        CHECK(f.goOn().verdict == Verdict::Retarget);
    }
    SECTION("and domains that lead to each other come to an end") {
        for (int i = 0; i < 5; ++i) {
            f.names.answer({{1, 1, "", "", "round.test"}});
        }
        CHECK(f.goOn().verdict == Verdict::Continue);
    }
}

TEST_CASE("name servers that say nothing hold no call up for long", "[plugin_enum]") {
    Fixture f(Pairs{{{"timeout", "500"}}});
    CHECK(f.dial("sip:+4416@home.test").verdict == Verdict::Suspend);
    f.loop.advance(501ms);
    CHECK(f.goOn().verdict == Verdict::Continue);
    SECTION("and their answer does no harm afterwards") { f.names.answer(kBob); }
    SECTION("and are not asked any more after a while") {
        f.loop.advance(5s);
        f.chain.tick();
        CHECK_FALSE(f.names.waiting);
    }
}

TEST_CASE("which calls are looked at", "[plugin_enum]") {
    Fixture f(Pairs{{{"country", "44"}}});
    const auto isAsked = [&](const std::string& uri, Direction direction = Direction::RequestOutgoing) {
        return f.dial(uri, direction).verdict == Verdict::Suspend;
    };
    CHECK(isAsked("sip:01632960083@home.test"));
    CHECK(isAsked("sip:00441632960083@home.test"));
    CHECK(isAsked("tel:+44-1632-960083"));
    CHECK(isAsked("sip:+441632960083@192.168.1.1"));
    CHECK(isAsked("sip:+441632960083@elsewhere.test;user=phone"));
    CHECK_FALSE(isAsked("sip:+441632960083@elsewhere.test"));
    CHECK_FALSE(isAsked("sip:bob@home.test"));
    CHECK_FALSE(isAsked("sip:999@home.test"));
    CHECK_FALSE(isAsked("sip:+441632960083@home.test", Direction::RequestIncoming));
}

TEST_CASE("what is dialled for want of a better way is not looked up again", "[plugin_enum]") {
    Fixture f;
    const auto isAskedAfter = [&](const std::string& before, const std::string& uri) {
        f.shown = std::make_unique<test::Shown>(test::request("INVITE", uri, "<" + uri + ">"),
                                                Direction::RequestOutgoing);
        auto from = f.shown->message.from();
        from.uri.host = "home.test";
        f.shown->message.setFrom(from);
        f.shown->context.history = std::make_shared<const std::vector<std::string>>(1, before);
        return f.chain.run(plugin::Stage::DetermineTarget, f.shown->context).verdict == Verdict::Suspend;
    };
    CHECK_FALSE(isAskedAfter("sip:+44-16@home.test", "sip:+4416@home.test"));
    CHECK_FALSE(isAskedAfter("tel:+44-16", "tel:+44-16"));
    CHECK_FALSE(isAskedAfter("tel:+44-16;phone-context=x", "sip:+4416@home.test"));
    CHECK_FALSE(isAskedAfter("sip:+4416;x=y@home.test", "tel:+4416"));
    CHECK(f.names.asked.empty());
    CHECK(isAskedAfter("tel:+4417", "tel:+4416"));
}

TEST_CASE("a call to a sips: URI goes to one", "[plugin_enum]") {
    Fixture f;
    CHECK(f.dial("sips:+4416@home.test").verdict == Verdict::Suspend);
    SECTION("and not to a sip: URI") {
        f.names.answer(kBob);
        CHECK(f.goOn().verdict == Verdict::Continue);
    }
    SECTION("if there is one") {
        f.names.answer({{100, 10, "u", "E2U+sips", "", "!^.*$!sips:bob@example.test!"}});
        CHECK(f.goOn().verdict == Verdict::Retarget);
    }
}

TEST_CASE("siproxd without name servers goes on at once", "[plugin_enum]") {
    Fixture f;
    f.chain.setServices(nullptr);
    CHECK(f.dial("sip:+4416@home.test").verdict == Verdict::Suspend);
    CHECK(f.goOn().verdict == Verdict::Continue);
}

TEST_CASE("what is wrong is told", "[plugin_enum]") {
    test::LogSpy log;
    CHECK_FALSE(Fixture(Pairs{{{"country", "+44"}}}).loaded);
    CHECK(log.has("plugin_enum_country = +44: digits are needed"));
    CHECK_FALSE(Fixture(Pairs{{{"suffix", "a b"}}}).loaded);
    CHECK(log.has("plugin_enum_suffix = a b: a domain is needed"));
}
