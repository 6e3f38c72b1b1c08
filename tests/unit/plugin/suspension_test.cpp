// SPDX-License-Identifier: GPL-2.0-or-later
#include <thread>

#include "plugin/suspensions.h"
#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace siproxd::plugin;
using test::Probe;
using test::Shown;

namespace {

/// One plugin that suspends every message at first sight and then does what `decide` says.
struct Fixture {
    Fixture() {
        chain.onReady([this](Token one) { ready.push_back(one); });
        probe.process = [this](auto, siproxd_message* message) {
            if (probe.host->msg_token(message) == 0) {
                token = probe.host->suspend(message, 2000, statusAtDeadline);
                return static_cast<int>(SIPROXD_SUSPEND);
            }
            CHECK(probe.host->msg_token(message) == token);
            return decide(message);
        };
        REQUIRE(probe.join(chain, "plugin_waits"));
        behind.process = [this](auto, auto) {
            ++reachedBehind;
            return SIPROXD_CONTINUE;
        };
        REQUIRE(behind.join(chain, "plugin_behind"));
    }

    test::FakeLoop loop;
    Probe probe;
    Probe behind;
    Chain chain{loop};
    std::vector<Token> ready;
    std::uint64_t token = 0;
    int statusAtDeadline = 0;
    int reachedBehind = 0;
    std::function<int(siproxd_message*)> decide = [](auto) { return SIPROXD_CONTINUE; };
};

}  // namespace

TEST_CASE("a suspended message goes on where it stopped", "[plugin]") {
    Fixture f;
    Shown shown(test::request());
    const auto outcome = f.chain.run(Stage::PreProxy, shown.context);
    REQUIRE(outcome.verdict == Verdict::Suspend);
    CHECK(outcome.token != Token::None);
    CHECK(f.reachedBehind == 0);

    f.probe.host->resume(f.probe.self, f.token);
    CHECK(f.ready.empty());  // never from inside the call
    f.loop.runPosted();
    REQUIRE(f.ready == std::vector{outcome.token});

    SECTION("to the plugins behind") {
        CHECK(f.chain.proceed(outcome.token, shown.context).goesOn());
        CHECK(f.reachedBehind == 1);
    }
    SECTION("or ends by the plugin's decision") {
        f.decide = [&](siproxd_message* message) {
            return f.probe.host->retarget(message, "sip:x@y", nullptr, 0);
        };
        CHECK(f.chain.proceed(outcome.token, shown.context).verdict == Verdict::Retarget);
        CHECK(f.reachedBehind == 0);
    }
    SECTION("or waits once more") {
        f.decide = [&](siproxd_message* message) {
            f.token = f.probe.host->suspend(message, 1000, 503);
            return SIPROXD_SUSPEND;
        };
        const auto again = f.chain.proceed(outcome.token, shown.context);
        CHECK(again.verdict == Verdict::Suspend);
        CHECK(again.token != outcome.token);
    }
    // Resuming once more and proceeding once more do no harm.
    f.probe.host->resume(f.probe.self, static_cast<std::uint64_t>(outcome.token));
    f.loop.runPosted();
    CHECK(f.ready.size() == 1);
    CHECK(f.chain.proceed(outcome.token, shown.context).verdict == Verdict::Drop);
}

TEST_CASE("at the deadline the plugin's choice counts", "[plugin]") {
    Fixture f;
    Shown shown(test::request());

    SECTION("the message goes on") {
        const auto outcome = f.chain.run(Stage::PreProxy, shown.context);
        f.loop.advance(std::chrono::milliseconds(1999));
        CHECK(f.ready.empty());
        f.loop.advance(std::chrono::milliseconds(1));
        REQUIRE(f.ready.size() == 1);
        CHECK(f.chain.proceed(outcome.token, shown.context).goesOn());
        CHECK(f.reachedBehind == 1);
    }
    SECTION("or it is rejected") {
        f.statusAtDeadline = 503;
        const auto outcome = f.chain.run(Stage::PreProxy, shown.context);
        f.loop.advance(std::chrono::seconds(2));
        const auto end = f.chain.proceed(outcome.token, shown.context);
        CHECK(end.verdict == Verdict::Reject);
        CHECK(end.status == 503);
        CHECK(end.reason == "Service Unavailable");
        CHECK(end.plugin == "plugin_waits");
    }
}

TEST_CASE("a forgotten token is never ready", "[plugin]") {
    Fixture f;
    Shown shown(test::request());
    const auto outcome = f.chain.run(Stage::PreProxy, shown.context);
    f.chain.forget(outcome.token);
    f.probe.host->resume(f.probe.self, f.token);
    f.loop.advance(std::chrono::minutes(2));
    CHECK(f.ready.empty());
    CHECK(f.loop.pendingTimers() == 0);
}

TEST_CASE("only requests can wait, and only while their target is open", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    chain.onReady([](Token) {});
    Probe probe;
    probe.process = [&](auto, siproxd_message* message) {
        return probe.host->suspend(message, 2000, 0) == 0 ? SIPROXD_CONTINUE : SIPROXD_SUSPEND;
    };
    REQUIRE(probe.join(chain, "plugin_waits", SIPROXD_ALL_STAGES));
    const auto waits = [&](sip::Message message, Stage stage) {
        Shown shown(std::move(message));
        return chain.run(stage, shown.context).verdict == Verdict::Suspend;
    };
    CHECK(waits(test::request(), Stage::DetermineTarget));
    CHECK(waits(test::request("REGISTER"), Stage::PreProxy));
    CHECK_FALSE(waits(test::request(), Stage::Validate));
    CHECK_FALSE(waits(test::request(), Stage::PostProxy));
    CHECK_FALSE(waits(test::request("ACK"), Stage::PreProxy));
    CHECK_FALSE(waits(test::request("CANCEL"), Stage::PreProxy));
    CHECK_FALSE(waits(test::response(), Stage::PreProxy));
    chain.onReady(nullptr);  // nobody would be told
    CHECK_FALSE(waits(test::request(), Stage::PreProxy));
}

TEST_CASE("any thread may resume, even when the chain is gone", "[plugin]") {
    test::FakeLoop loop;
    Suspensions::Resumer resumer;
    int calls = 0;
    {
        Suspensions suspensions(loop);
        suspensions.onReady([&](Token) { ++calls; });
        resumer = suspensions.resumer();
        const Token token = suspensions.reserve();
        suspensions.park(token, {}, std::chrono::seconds(1));
        std::thread([&] { resumer(token); }).join();
        loop.runPosted();
        CHECK(calls == 1);
    }
    resumer(Token{2});
    loop.runPosted();
    CHECK(calls == 1);
}
