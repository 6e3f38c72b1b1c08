// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdexcept>

#include "unit/plugin/bench.h"

using namespace siproxd;
using namespace siproxd::plugin;
using test::Probe;
using test::Shown;

namespace {

Outcome runPreProxy(Chain& chain, Shown& shown) {
    return chain.run(Stage::PreProxy, shown.context);
}

}  // namespace

TEST_CASE("a chain without plugins lets everything go on", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Shown shown(test::request());
    CHECK_FALSE(chain.wants(Stage::PreProxy));
    CHECK(runPreProxy(chain, shown).goesOn());
}

TEST_CASE("a plugin is called at the stages it asks for and no others", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    std::vector<std::uint32_t> stages;
    Probe probe([&](std::uint32_t stage, siproxd_message*) {
        stages.push_back(stage);
        return SIPROXD_CONTINUE;
    });
    REQUIRE(probe.join(chain, "plugin_probe", SIPROXD_STAGE_VALIDATE | SIPROXD_STAGE_POST_PROXY));
    Shown shown(test::request());
    for (const Stage stage : {Stage::Validate, Stage::DetermineTarget, Stage::PreProxy,
                              Stage::ProxyUnknown, Stage::PostProxy}) {
        CHECK(chain.run(stage, shown.context).goesOn());
    }
    CHECK(stages == std::vector<std::uint32_t>{0x10, 0x100});
    CHECK(chain.wants(Stage::Validate));
    CHECK_FALSE(chain.wants(Stage::Raw));
}

TEST_CASE("plugins are asked in their order until one decides", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    std::string order;
    Probe first([&](auto, auto) {
        order += "1";
        return SIPROXD_CONTINUE;
    });
    Probe second([&](auto, auto) {
        order += "2";
        return SIPROXD_DROP;
    });
    Probe third([&](auto, auto) {
        order += "3";
        return SIPROXD_CONTINUE;
    });
    REQUIRE(first.join(chain, "plugin_first"));
    REQUIRE(second.join(chain, "plugin_second"));
    REQUIRE(third.join(chain, "plugin_third"));
    Shown shown(test::request());
    const auto outcome = runPreProxy(chain, shown);
    CHECK(outcome.verdict == Verdict::Drop);
    CHECK(outcome.plugin == "plugin_second");
    CHECK(order == "12");
}

TEST_CASE("plugins end in reverse order", "[plugin]") {
    test::FakeLoop loop;
    std::string order;
    Probe first;
    Probe second;
    first.destroyed = [&] { order += "1"; };
    second.destroyed = [&] { order += "2"; };
    {
        Chain chain(loop);
        REQUIRE(first.join(chain, "plugin_first"));
        REQUIRE(second.join(chain, "plugin_second"));
    }
    CHECK(order == "21");
}

TEST_CASE("a rejection carries status and reason", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    int status = 486;
    const char* reason = nullptr;
    probe.process = [&](auto, siproxd_message* message) {
        return status == 0 ? static_cast<int>(SIPROXD_REJECT)
                           : probe.host->reject(message, status, reason);
    };
    REQUIRE(probe.join(chain));
    Shown shown(test::request());

    SECTION("with the usual phrase") {
        const auto outcome = runPreProxy(chain, shown);
        CHECK(outcome.verdict == Verdict::Reject);
        CHECK(outcome.status == 486);
        CHECK(outcome.reason == "Busy Here");
    }
    SECTION("with a phrase of its own, kept on one line") {
        reason = "Not\r\nnow";
        CHECK(runPreProxy(chain, shown).reason == "Not  now");
    }
    SECTION("without details as 403") {
        status = 0;
        const auto outcome = runPreProxy(chain, shown);
        CHECK(outcome.status == 403);
        CHECK(outcome.reason == "Forbidden");
    }
    SECTION("not with a status that is no refusal") {
        status = 200;
        CHECK(runPreProxy(chain, shown).goesOn());
    }
}

TEST_CASE("a redirection carries its Contacts", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    probe.process = [&](auto, siproxd_message* message) {
        (void)probe.host->redirect(message, "sip:1@example.net;redirected=x");
        return probe.host->redirect(message, "\"Two\" <sip:2@example.net>;q=0.5");
    };
    REQUIRE(probe.join(chain));
    Shown shown(test::request());
    const auto outcome = runPreProxy(chain, shown);
    CHECK(outcome.verdict == Verdict::Redirect);
    CHECK(outcome.status == 302);
    REQUIRE(outcome.contacts.size() == 2);
    CHECK(outcome.contacts[0].toString() == "<sip:1@example.net;redirected=x>");
    CHECK(outcome.contacts[1].toString() == "\"Two\" <sip:2@example.net>;q=0.5");
}

TEST_CASE("new targets are sorted by rank", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    probe.process = [&](auto, siproxd_message* message) {
        (void)probe.host->retarget(message, "sip:b@gw2", "sip:192.0.2.2:5070;lr", 2);
        return probe.host->retarget(message, "sip:a@gw1", nullptr, 1);
    };
    REQUIRE(probe.join(chain));
    Shown shown(test::request());
    const auto outcome = runPreProxy(chain, shown);
    CHECK(outcome.verdict == Verdict::Retarget);
    REQUIRE(outcome.targets.size() == 2);
    CHECK(outcome.targets[0].uri.toString() == "sip:a@gw1");
    CHECK_FALSE(outcome.targets[0].nextHop);
    CHECK(outcome.targets[1].nextHop->port == 5070);
}

TEST_CASE("an answer of the plugin's own is complete", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    probe.process = [&](auto, siproxd_message* message) {
        siproxd_message* reply = probe.host->reply(message, 200, nullptr);
        probe.host->msg_set_header(reply, "Server", "probe");
        probe.host->msg_set_body(reply, "text/plain", "hello", 5);
        return SIPROXD_ANSWERED;
    };
    REQUIRE(probe.join(chain));
    Shown shown(test::request("OPTIONS"));
    auto outcome = runPreProxy(chain, shown);
    CHECK(outcome.verdict == Verdict::Answered);
    REQUIRE(outcome.reply);
    CHECK(outcome.reply->status() == 200);
    CHECK(outcome.reply->reason() == "OK");
    CHECK(outcome.reply->header("Server") == "probe");
    CHECK(outcome.reply->body() == "hello");
    CHECK(outcome.reply->callId() == "c1@192.168.1.10");
    CHECK(outcome.reply->toTag().size() == 12);
    CHECK_FALSE(shown.message.header("Server"));
}

TEST_CASE("an ACK is never answered", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    probe.process = [&](auto, siproxd_message* message) {
        CHECK(probe.host->reply(message, 200, nullptr) == nullptr);
        return probe.host->reject(message, 403, nullptr);
    };
    REQUIRE(probe.join(chain));
    Shown shown(test::request("ACK"));
    CHECK(runPreProxy(chain, shown).verdict == Verdict::Drop);
}

TEST_CASE("verdicts that make no sense are counted and the message goes on", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    int verdict = 0;
    Probe probe([&](auto, auto) { return verdict; });
    REQUIRE(probe.join(chain, "plugin_probe", SIPROXD_STAGE_PRE_PROXY | SIPROXD_STAGE_RAW));
    const test::LogSpy spy;

    SECTION("unknown") {
        verdict = 99;
    }
    SECTION("negative") {
        verdict = -1;
    }
    SECTION("a redirection to nowhere") {
        verdict = SIPROXD_REDIRECT;
    }
    SECTION("a new target that is none") {
        verdict = SIPROXD_RETARGET;
    }
    SECTION("a wait without a token") {
        verdict = SIPROXD_SUSPEND;
    }
    Shown shown(test::request());
    CHECK(runPreProxy(chain, shown).goesOn());
    CHECK(chain.status()[0].failures == 1);
    CHECK(spy.has("Plugin 'plugin_probe' at stage 0x40: "));
}

TEST_CASE("a response cannot be answered", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe([&](auto, auto) { return SIPROXD_REJECT; });
    REQUIRE(probe.join(chain));
    Shown shown(test::response(), Direction::ResponseIncoming);
    CHECK(runPreProxy(chain, shown).goesOn());
    CHECK(chain.status()[0].failures == 1);
}

TEST_CASE("a plugin that throws is counted and the message goes on", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    std::string after;
    Probe bad([](auto, auto) -> int { throw std::runtime_error("bad\nday"); });
    Probe worse([](auto, auto) -> int { throw 42; });
    Probe good([&](auto, auto) {
        after = "reached";
        return SIPROXD_CONTINUE;
    });
    REQUIRE(bad.join(chain, "plugin_bad"));
    REQUIRE(worse.join(chain, "plugin_worse"));
    REQUIRE(good.join(chain, "plugin_good"));
    const test::LogSpy spy;
    Shown shown(test::request());
    CHECK(runPreProxy(chain, shown).goesOn());
    CHECK(after == "reached");
    CHECK(spy.hasLine("Plugin 'plugin_bad' threw at stage 0x40: bad\\x0aday"));
    CHECK(spy.hasLine("Plugin 'plugin_worse' threw at stage 0x40: an unknown exception"));
    CHECK(chain.status()[0].failures == 1);
    CHECK(chain.status()[2].failures == 0);
}

TEST_CASE("a plugin that throws when it starts is left out", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    probe.create = []() -> int { throw std::runtime_error("no"); };
    const test::LogSpy spy;
    CHECK_FALSE(probe.join(chain));
    CHECK(spy.hasLine("Plugin 'plugin_probe' [Made for a test] loaded with failure, exemask=0x40"));
    CHECK_FALSE(chain.wants(Stage::PreProxy));
    CHECK(chain.status().empty());
}

TEST_CASE("a plugin that blocks three times is disabled", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    int calls = 0;
    Probe slow([&](auto, auto) {
        ++calls;
        loop.advance(std::chrono::milliseconds(501));
        return SIPROXD_CONTINUE;
    });
    REQUIRE(slow.join(chain, "plugin_slow"));
    const test::LogSpy spy;
    Shown shown(test::request());
    (void)runPreProxy(chain, shown);
    CHECK(spy.hasLine("Plugin 'plugin_slow' blocked all calls for 501 ms at stage 0x40 "
                      "(allowed are 500 ms)"));
    (void)runPreProxy(chain, shown);
    CHECK_FALSE(chain.status()[0].disabled);
    (void)runPreProxy(chain, shown);
    CHECK(chain.status()[0].disabled);
    CHECK(spy.hasLine("Plugin 'plugin_slow' is disabled: it was too slow 3 times"));
    CHECK_FALSE(chain.wants(Stage::PreProxy));
    (void)runPreProxy(chain, shown);
    CHECK(calls == 3);
}

TEST_CASE("tick() calls those who asked for the timer", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    int ticks = 0;
    Probe timed;
    Probe untimed;
    timed.tick = untimed.tick = [&] { ++ticks; };
    REQUIRE(timed.join(chain, "plugin_timed", SIPROXD_STAGE_TIMER));
    REQUIRE(untimed.join(chain, "plugin_untimed"));
    chain.tick();
    CHECK(ticks == 1);
    timed.tick = [] { throw std::logic_error("late"); };
    chain.tick();
    CHECK(chain.status()[0].failures == 1);
}

TEST_CASE("at the raw stage plugins change or drop bytes and nothing else", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    probe.process = [&](auto, siproxd_message* message) {
        std::size_t size = 0;
        const char* bytes = probe.host->msg_raw(message, &size);
        CHECK(probe.host->msg_method(message) == nullptr);
        CHECK(probe.host->msg_header(message, "Via", 0) == nullptr);
        CHECK(probe.host->msg_uri_part(message, SIPROXD_AT_TO, 0, SIPROXD_URI_TEXT) == nullptr);
        CHECK(probe.host->msg_via_count(message) == 0);
        CHECK(probe.host->msg_set_header(message, "X", "y") != 0);
        CHECK(probe.host->suspend(message, 1000, 0) == 0);
        CHECK(test::str(probe.host->msg_source(message)) == "192.168.1.10:5062");
        if (size < 4) {
            return probe.host->reject(message, 400, nullptr);
        }
        CHECK(probe.host->msg_set_raw(message, bytes + 4, size - 4) == 0);
        return static_cast<int>(SIPROXD_CONTINUE);
    };
    REQUIRE(probe.join(chain, "plugin_probe", SIPROXD_STAGE_RAW));
    std::string bytes = "junkINVITE";
    Context context;
    context.raw = &bytes;
    context.flow.remote = test::address("192.168.1.10", 5062);
    CHECK(chain.run(Stage::Raw, context).goesOn());
    CHECK(bytes == "INVITE");
    bytes = "x";
    CHECK(chain.run(Stage::Raw, context).goesOn());
    CHECK(chain.status()[0].failures == 1);
}

TEST_CASE("direction and next hop are the plugin's to change", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    probe.process = [&](auto, siproxd_message* message) {
        CHECK(probe.host->msg_direction(message) == SIPROXD_DIRECTION_UNKNOWN);
        CHECK(probe.host->msg_set_direction(message, SIPROXD_RESPONSE_INCOMING) != 0);
        CHECK(probe.host->msg_set_direction(message, SIPROXD_REQUEST_INCOMING) == 0);
        CHECK(probe.host->set_next_hop(message, "tel:123") != 0);
        CHECK(probe.host->set_next_hop(message, "sip:192.0.2.9:5070") == 0);
        return SIPROXD_CONTINUE;
    };
    REQUIRE(probe.join(chain));
    Shown shown(test::request(), Direction::Unknown);
    CHECK(runPreProxy(chain, shown).goesOn());
    CHECK(shown.context.direction == Direction::RequestIncoming);
    CHECK(shown.context.nextHop->toString() == "sip:192.0.2.9:5070");
}

TEST_CASE("a plugin may narrow its stages and name itself while it starts", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    probe.create = [&] {
        probe.host->restrict_stages(probe.self, SIPROXD_STAGE_VALIDATE);
        probe.host->describe(probe.self, "plugin_other", "Renamed");
        return SIPROXD_CREATED;
    };
    const test::LogSpy spy;
    REQUIRE(probe.join(chain, "plugin_probe", SIPROXD_ALL_STAGES));
    CHECK(spy.hasLine("Plugin 'plugin_other' [Renamed] loaded with success, exemask=0x10"));
    probe.host->restrict_stages(probe.self, 0);
    CHECK(chain.wants(Stage::Validate));
    CHECK_FALSE(chain.wants(Stage::PreProxy));
}

TEST_CASE("a plugin may find at its start that it was made for another interface", "[plugin]") {
    test::FakeLoop loop;
    Chain chain(loop);
    Probe probe;
    probe.create = [] { return SIPROXD_WRONG_VERSION; };
    const test::LogSpy spy;
    CHECK_FALSE(probe.join(chain));
    CHECK(spy.hasLine("Plugin 'plugin_probe' does not support correct API version. "
                      "Please compile plugin with correct siproxd version."));
}
