// SPDX-License-Identifier: GPL-2.0-or-later
// The plugin in a chain.
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "support/log_spy.h"
#include "support/run_until.h"
#include "support/temporary_directory.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace std::chrono_literals;
using plugin::Direction;
using plugin::Verdict;
using test::option;

extern "C" const siproxd_plugin plugin_forward_LTX_siproxd_plugin;

namespace {

/// Who is registered.
struct House final : plugin::Services {
    void bindings(plugin::BindingQuery query, std::string_view text,
                  const std::function<bool(const plugin::BindingView&)>& each) override {
        for (const auto& binding : phones) {
            const bool isIt = query == plugin::BindingQuery::OfAor     ? binding.aor == text
                              : query == plugin::BindingQuery::OfShown ? binding.shown == text
                                                                       : false;
            if (isIt) {
                each(binding);
            }
        }
    }
    [[nodiscard]] std::string ownUser(std::string_view uri) const override {
        const auto parsed = sip::Uri::parse(uri);
        const bool isOwn = parsed && (parsed->host == "192.168.1.1" || parsed->host == "home.test");
        return isOwn ? parsed->user + "@home.test" : "";
    }
    std::uint64_t send(plugin::OwnRequest) override { return 0; }
    void forget(std::uint64_t) override {}
    void calls(const std::function<bool(const plugin::CallView&)>&) override {}
    bool endCall(std::uint64_t, int, std::string_view) override { return false; }

    std::vector<plugin::BindingView> phones = {
        {.aor = "sip:alice@home.test", .contact = "sip:a@192.168.1.10", .shown = "",
         .source = "192.168.1.10:5062", .expires = 1},
        {.aor = "sip:bob@home.test", .contact = "sip:b@192.168.1.11", .shown = "",
         .source = "192.168.1.11:5060", .expires = 1},
        {.aor = "sip:dora@provider.test", .contact = "sip:d@192.168.1.12",
         .shown = "sip:dora@203.0.113.1;siproxd=12", .source = "192.168.1.12:5060", .expires = 1}};
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

const Pairs kCodes = {{"away", "*151"}, {"away_busy", "*152"}, {"reset", "*150"}, {"redial", "*66"}};

struct Fixture {
    explicit Fixture(const Pairs& pairs) : loaded(chain.add(plugin_forward_LTX_siproxd_plugin, lines(pairs))) {
        chain.setServices(&house);
        loop.advance(1ms);
    }
    ~Fixture() { chain.setServices(nullptr); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    static std::vector<config::PluginOption> lines(const Pairs& pairs) {
        std::vector<config::PluginOption> all;
        for (const auto& [name, value] : pairs) {
            all.push_back(option("plugin_forward_" + name, value, static_cast<unsigned>(all.size() + 1)));
        }
        return all;
    }

    /// A call of a phone inside; test::request() comes from 192.168.1.10:5062.
    plugin::Outcome dial(const std::string& uri, const std::string& from = "sip:alice@home.test") {
        return call(uri, from, Direction::RequestOutgoing, {});
    }
    plugin::Outcome comeIn(const std::string& uri, const std::string& from = "sip:+4989@provider.test") {
        return call(uri, from, Direction::RequestIncoming, {});
    }
    plugin::Outcome call(const std::string& uri, const std::string& from, Direction direction,
                         std::vector<std::string> history) {
        test::Shown shown(test::request("INVITE", uri, "<" + uri + ">"), direction);
        auto caller = shown.message.from();
        caller.uri = *sip::Uri::parse(from);
        shown.message.setFrom(caller);
        if (!history.empty()) {
            shown.context.history = std::make_shared<const std::vector<std::string>>(std::move(history));
        }
        shown.context.user = user;
        return chain.run(plugin::Stage::DetermineTarget, shown.context);
    }

    test::FakeLoop loop;
    House house;
    std::string user;
    plugin::Chain chain{loop};
    bool loaded;
};

}  // namespace

TEST_CASE("calls go elsewhere from the moment a user says so", "[plugin_forward]") {
    Fixture f(kCodes);
    REQUIRE(f.loaded);
    CHECK(f.comeIn("sip:alice@home.test").verdict == Verdict::Continue);
    const auto answer = f.dial("sip:*1513105551234@home.test");
    REQUIRE(answer.verdict == Verdict::Reject);
    CHECK(answer.status == 486);
    CHECK(answer.reason == "Calls go to 3105551234@home.test");
    const auto forwarded = f.comeIn("sip:alice@home.test");
    REQUIRE(forwarded.verdict == Verdict::Retarget);
    REQUIRE(forwarded.targets.size() == 1);
    const auto& target = forwarded.targets[0];
    CHECK(target.uri.toString() == "sip:3105551234@home.test");
    CHECK(target.isDialled);
    CHECK(target.onBehalf == "alice@home.test");
    REQUIRE(target.headers.size() == 1);
    CHECK(target.headers[0].second == "<sip:alice@home.test>;reason=unconditional;counter=1");
    CHECK(f.comeIn("sip:bob@home.test").verdict == Verdict::Continue);
    CHECK(f.dial("sip:*150@home.test").reason == "Calls come here");
    CHECK(f.comeIn("sip:alice@home.test").verdict == Verdict::Continue);
}

TEST_CASE("a user has one name at all addresses of siproxd", "[plugin_forward]") {
    Fixture f(kCodes);
    CHECK(f.dial("sip:*151bob@192.168.1.1", "sip:alice@192.168.1.1").status == 486);
    CHECK(f.comeIn("sip:alice@home.test").verdict == Verdict::Retarget);
    CHECK(f.comeIn("sip:alice@192.168.1.1").verdict == Verdict::Retarget);
}

TEST_CASE("a user who is away is not called", "[plugin_forward]") {
    Fixture f(kCodes);
    CHECK(f.dial("sip:*151*@home.test").reason == "Calls are rejected");
    const auto outcome = f.comeIn("sip:alice@home.test");
    CHECK(outcome.verdict == Verdict::Reject);
    CHECK(outcome.status == 480);
}

TEST_CASE("codes are for those who are who they say they are", "[plugin_forward]") {
    Fixture f(kCodes);
    CHECK(f.dial("sip:*151@home.test", "sip:bob@home.test").status == 403);
    CHECK(f.dial("sip:*151@home.test", "sip:carol@home.test").status == 403);
    CHECK(f.comeIn("sip:*151@home.test", "sip:alice@home.test").verdict == Verdict::Continue);
    CHECK(f.comeIn("sip:bob@home.test").verdict == Verdict::Continue);
    f.user = "bob";
    CHECK(f.dial("sip:*151@home.test", "sip:bob@home.test").status == 486);
    CHECK(f.dial("sip:*151@home.test", "sip:alice@home.test").status == 403);
}

TEST_CASE("what cannot be forwarded to is said", "[plugin_forward]") {
    Fixture f(kCodes);
    CHECK(f.dial("sip:*151alice@home.test").status == 482);
    CHECK(f.dial("sip:*152@home.test").status == 484);
    CHECK(f.dial("sip:*151jo%25@home.test").status == 484);
    CHECK(f.dial("sip:*66@home.test").status == 404);
    CHECK(f.comeIn("sip:alice@home.test").verdict == Verdict::Continue);
}

TEST_CASE("who is called first rings as long as the rules say", "[plugin_forward]") {
    Fixture f({{"number", "alice@home.test"}, {"to", "1;2"},     {"when", "noanswer"}, {"after", "7"},
               {"number", "alice@home.test"}, {"to", "sip:3@x"}, {"when", "busy;unreachable"}, {"diversion", "0"}});
    REQUIRE(f.loaded);
    const auto outcome = f.comeIn("sip:alice@home.test");
    REQUIRE(outcome.targets.size() == 5);
    CHECK(outcome.targets[0].aor->toString() == "sip:alice@home.test");
    CHECK(outcome.targets[0].ring == 7s);
    CHECK(outcome.targets[0].after == 0);
    CHECK_FALSE(outcome.targets[0].isDialled);
    const std::vector<std::pair<std::string, std::uint32_t>> expected = {
        {"sip:3@x", SIPROXD_AFTER_BUSY},
        {"sip:1@home.test", SIPROXD_AFTER_NO_ANSWER},
        {"sip:2@home.test", SIPROXD_AFTER_NO_ANSWER},
        {"sip:3@x", SIPROXD_AFTER_FAILURE}};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(outcome.targets[i + 1].uri.toString() == expected[i].first);
        CHECK(outcome.targets[i + 1].after == expected[i].second);
        CHECK(outcome.targets[i + 1].rank == 1);
        CHECK(outcome.targets[i + 1].headers.empty());
    }
}

TEST_CASE("a number that is not here is dialled first", "[plugin_forward]") {
    Fixture f({{"number", "+11%"}, {"to", "bob"}, {"when", "busy"}});
    f.user = "alice";
    const auto outcome = f.dial("sip:+11555@home.test");
    REQUIRE(outcome.targets.size() == 2);
    CHECK(outcome.targets[0].uri.toString() == "sip:+11555@home.test");
    CHECK(outcome.targets[0].isDialled);
    CHECK(outcome.targets[0].onBehalf == "alice@home.test");
    CHECK(f.call("sip:+11555@home.test", "sip:alice@home.test", Direction::RequestOutgoing,
                 {"sip:+11555@home.test"})
              .verdict == Verdict::Continue);
}

TEST_CASE("a call from outside for somebody unknown is left to other plugins", "[plugin_forward]") {
    Fixture f({{"number", "55%;erin@home.test;alice@home.test"}, {"to", "bob@home.test"}, {"when", "busy;unreachable"},
               {"number", "566"}, {"to", "bob@home.test"}});
    const auto comes = [&f](const std::string& uri, Direction direction, std::vector<std::string> history = {}) {
        return f.call(uri, "sip:+4989@provider.test", direction, std::move(history)).verdict;
    };
    CHECK(comes("sip:55512@203.0.113.1", Direction::Unknown) == Verdict::Continue);
    CHECK(comes("sip:55512@203.0.113.1", Direction::RequestIncoming) == Verdict::Continue);
    CHECK(comes("sip:566@203.0.113.1", Direction::Unknown) == Verdict::Retarget);
    CHECK(comes("sip:alice@home.test", Direction::Unknown) == Verdict::Retarget);
    CHECK(comes("sip:erin@192.168.1.1", Direction::Unknown) == Verdict::Retarget);
    // A gateway's call for that user.
    CHECK(comes("sip:55512@provider.test", Direction::RequestIncoming, {"sip:acme@203.0.113.1"}) == Verdict::Retarget);
}

TEST_CASE("a phone at a provider is known by its Contact, and by To", "[plugin_forward]") {
    Fixture f({{"number", "dora@provider.test"}, {"to", "bob@home.test"}});
    const auto byContact = f.comeIn("sip:dora@203.0.113.1;siproxd=12");
    REQUIRE(byContact.verdict == Verdict::Retarget);
    CHECK(byContact.targets[0].onBehalf == "dora@provider.test");
    SECTION("what goes out to the provider comes back from there") {
        CHECK(f.dial("sip:dora@provider.test").verdict == Verdict::Continue);
    }
    SECTION("the Contact is hers in a history, too") {
        CHECK(f.call("sip:dora@provider.test", "sip:x@y", Direction::RequestIncoming,
                     {"sip:dora@203.0.113.1;siproxd=12"})
                  .verdict == Verdict::Continue);
    }
}

TEST_CASE("the last one is called again", "[plugin_forward]") {
    Fixture f(kCodes);
    static_cast<void>(f.dial("sip:0123@home.test"));
    const auto first = f.dial("sip:*66@home.test");
    REQUIRE(first.verdict == Verdict::Retarget);
    CHECK(first.targets[0].uri.toString() == "sip:0123@home.test");
    CHECK(first.targets[0].isDialled);
    CHECK(first.targets[0].onBehalf == "alice@home.test");
    static_cast<void>(f.comeIn("sip:alice@home.test", "sip:+4989@provider.test"));
    CHECK(f.dial("sip:*66@home.test").targets[0].uri.toString() == "sip:+4989@provider.test");
    // Nobody can put a number there by pretending to be alice.
    static_cast<void>(f.dial("sip:0900@home.test", "sip:bob@home.test"));
    CHECK(f.dial("sip:*66@home.test").targets[0].uri.toString() == "sip:+4989@provider.test");
}

TEST_CASE("callers may be kept out", "[plugin_forward]") {
    Fixture f({{"number", "%"}, {"caller", "0900%;%@spam.test"}, {"action", "reject"}, {"status", "433"},
               {"number", "alice"}, {"caller", "+1%"}, {"action", "drop"}, {"description", "no America"}});
    REQUIRE(f.loaded);
    CHECK(f.comeIn("sip:alice@home.test", "sip:x@spam.test").status == 433);
    CHECK(f.comeIn("sip:alice@home.test", "sip:+1310@x.test").verdict == Verdict::Drop);
    CHECK(f.comeIn("sip:bob@home.test", "sip:+1310@x.test").verdict == Verdict::Continue);
}

TEST_CASE("rules of users survive", "[plugin_forward]") {
    test::TemporaryDirectory directory;
    auto with = kCodes;
    with.emplace_back("file", directory.file("forwards"));
    {
        Fixture f(with);
        CHECK(f.dial("sip:*151bob@home.test").status == 486);
    }
    Fixture f(with);
    const auto outcome = f.comeIn("sip:alice@home.test");
    REQUIRE(outcome.verdict == Verdict::Retarget);
    CHECK(outcome.targets[0].uri.toString() == "sip:bob@home.test");
}

TEST_CASE("a target in the file that is none does not do away with the others", "[plugin_forward]") {
    test::TemporaryDirectory directory;
    const auto path = directory.file("forwards");
    test::TemporaryDirectory::write(path, "alice@home.test\tnoanswer\tsip:jo%@home.test\n");
    Fixture f({{"number", "alice"}, {"to", "bob"}, {"when", "busy"}, {"file", path}});
    const auto outcome = f.comeIn("sip:alice@home.test");
    REQUIRE(outcome.verdict == Verdict::Retarget);
    REQUIRE(outcome.targets.size() == 2);
    CHECK(outcome.targets[1].uri.toString() == "sip:bob@home.test");
}

TEST_CASE("rules of users are written when that is possible again", "[plugin_forward]") {
    test::TemporaryDirectory directory;
    const auto missing = directory.path() + "/missing";
    auto with = kCodes;
    with.emplace_back("file", missing + "/forwards");
    test::LogSpy log;
    Fixture f(with);
    CHECK(f.dial("sip:*151bob@home.test").status == 486);
    const auto ticks = [&f](const std::function<bool()>& isDone) {
        const auto end = std::chrono::steady_clock::now() + 5s;
        while (!isDone() && std::chrono::steady_clock::now() < end) {
            f.chain.tick();
            std::this_thread::yield();
        }
        return isDone();
    };
    REQUIRE(ticks([&] { return log.has("the users' own rules cannot be kept"); }));
    REQUIRE(std::filesystem::create_directory(missing));
    CHECK(ticks([&] { return log.has("the users' own rules are kept again"); }));
    CHECK(log.count("cannot be kept") == 1);
    CHECK(std::filesystem::exists(missing + "/forwards"));
}

TEST_CASE("wrong rules are refused with their place", "[plugin_forward]") {
    struct Row {
        Pairs pairs;
        const char* complaint;
    };
    const Row rows[] = {{{{"to", "1"}}, "a plugin_forward_number has to come before"},
                        {{{"number", "a"}}, "it has no plugin_forward_to"},
                        {{{"number", ";"}, {"to", "1"}}, "a number, an address or a mask is needed"},
                        {{{"number", "a"}, {"to", "two words"}}, "two words is no number and no address"},
                        {{{"number", "a"}, {"to", "1;foo@"}}, "foo@ is no number and no address"},
                        {{{"number", "a"}, {"to", "1"}, {"when", "often"}}, "always, busy, noanswer or unreachable"},
                        {{{"number", "a"}, {"to", "1"}, {"after", "0"}}, "a number from 1 to 600 is needed"},
                        {{{"number", "a"}, {"to", "1"}, {"action", "reject"}}, "plugin_forward_action is not forward"},
                        {{{"number", "a"}, {"action", "ignore"}}, "forward, accept, reject or drop is needed"},
                        {{{"number", "a"}, {"to", "1"}, {"active", "yes"}}, "0 or 1 is needed"},
                        {{{"number", "a"}, {"to", "1"}, {"status", "200"}}, "a number from 400 to 699 is needed"},
                        {{{"away", "*1"}, {"reset", "*1"}}, "plugin_forward_away and plugin_forward_reset are the same"}};
    for (const auto& row : rows) {
        test::LogSpy log;
        Fixture f(row.pairs);
        INFO(row.complaint);
        CHECK_FALSE(f.loaded);
        CHECK(log.has(row.complaint));
    }
}
