// SPDX-License-Identifier: GPL-2.0-or-later
// What plugins hear of calls, and calls that they end.
#include "harness.h"
#include "media_house.h"
#include "probe.h"
#include "unit/dns/fake_records.h"
#include "proxy/plugin_services.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

std::string orEmpty(const char* text) { return text == nullptr ? "" : text; }

struct Fixture {
    explicit Fixture(HouseOptions options = {}) : house(std::move(options)) {}

    /// The events so far, each as `STARTED` and so on with what is said of it.
    std::vector<std::string> heard() { return std::exchange(events, {}); }

    House house;
    FakeRecords records{house.loop};
    proxy::PluginServices services{house.chain, house.locations, *house.proxy, records, [](auto) {}};
    std::vector<std::string> events;
    std::vector<std::uint64_t> ids;
    int objection = 0;
    int objectsTo = 0;
    std::function<void(const siproxd_call&)> look;
    std::vector<siproxd_target> targets;
    Probe probe{house, SIPROXD_STAGE_DETERMINE_TARGET,
                [this](const auto& host, auto* message) {
                    int verdict = SIPROXD_CONTINUE;
                    if (std::string_view(host.msg_method(message)) == "INVITE" &&
                        host.msg_address_param(message, SIPROXD_AT_TO, 0, "tag") == nullptr) {
                        for (const auto& target : targets) {
                            verdict = host.retarget_to(message, &target);
                        }
                    }
                    return verdict;
                },
                [this](int event, const siproxd_call& call) {
                    constexpr const char* kNames[] = {"",     "started",  "trying",
                                                      "left", "answered", "ended"};
                    std::string text = kNames[event];
                    if (call.label != nullptr) {
                        text += " " + std::string(call.label);
                    }
                    if (event == SIPROXD_CALL_ENDED) {
                        text += " " + std::to_string(call.status) + " by " +
                                std::to_string(call.ended_by) +
                                (call.reason != nullptr ? " " + std::string(call.reason) : "");
                    }
                    events.push_back(text);
                    ids.push_back(call.id);
                    if (look) {
                        look(call);
                    }
                    return event == objectsTo ? objection : 0;
                }};
};

siproxd_target gateway(const char* uri, const char* label, std::uint32_t rank) {
    siproxd_target made{};
    made.size = sizeof made;
    made.uri = uri;
    made.label = label;
    made.rank = rank;
    made.after = SIPROXD_AFTER_FAILURE;
    return made;
}

using Events = std::vector<std::string>;

}  // namespace

TEST_CASE("plugins hear how a call goes", "[proxy]") {
    Fixture f;
    f.look = [&](const siproxd_call& call) {
        CHECK(orEmpty(call.call_id) == "out1");
        CHECK(orEmpty(call.caller) == "sip:alice@example.org");
        CHECK(orEmpty(call.callee) == "sip:bob@example.net");
        CHECK(orEmpty(call.dialled) == "sip:bob@example.net");
        CHECK(orEmpty(call.source_ip) == "10.0.0.10");
        CHECK(call.user == nullptr);
        CHECK(call.direction == SIPROXD_REQUEST_OUTGOING);
        CHECK(call.started > 0);
        CHECK((call.answered != 0) == (call.status == 200));
        CHECK((call.ended != 0) == (call.ended_by != 0));
    };
    OutgoingCall call(f.house);
    CHECK(f.heard() == Events{"started", "answered"});
    f.house.loop.advance(10s);
    SECTION("that the caller ends") {
        f.look = [&](const siproxd_call& ended) {
            CHECK(ended.talked == 10'000);
            CHECK(ended.ended - ended.answered == 10);
        };
        f.house.fromInside(call.within("BYE", 2));
        f.house.fromOutside(answerTo(f.house.takeOutside(), 200));
        CHECK(f.heard() == Events{"ended 200 by 1"});
    }
    SECTION("that the callee ends") {
        f.house.fromOutside(call.back("BYE", 2));
        f.house.fromInside(answerTo(f.house.takeInside(), 200));
        CHECK(f.heard() == Events{"ended 200 by 2"});
    }
    SECTION("that is still there at the end") {
        f.house.proxy->tellEnd("good night");
        CHECK(f.heard() == Events{"ended 200 by 3 good night"});
        f.house.fromInside(call.within("BYE", 2));
        f.house.fromOutside(answerTo(f.house.takeOutside(), 200));
    }
    CHECK(std::ranges::count(f.ids, f.ids.front()) == std::ssize(f.ids));
    CHECK(f.house.isQuiet());
}

TEST_CASE("plugins hear why a call was none", "[proxy]") {
    Fixture f;
    f.house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto invite = f.house.takeOutside();
    SECTION("refused") {
        f.house.fromOutside(answerTo(invite, 486));
        CHECK(f.heard() == Events{"started", "ended 486 by 2"});
    }
    SECTION("given up") {
        f.house.fromOutside(answerTo(invite, 180));
        f.house.fromInside(fromAlice("CANCEL", "sip:bob@example.net")
                               .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE1"));
        f.house.take();
        f.house.fromOutside(answerTo(invite, 487));
        CHECK(f.heard() == Events{"started", "ended 487 by 1"});
    }
    CHECK(f.house.isQuiet());
}

TEST_CASE("a plugin may refuse a call that begins", "[proxy]") {
    Fixture f;
    f.objectsTo = SIPROXD_CALL_STARTED;
    f.objection = 488;
    f.house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto answer = f.house.takeOne();
    CHECK(answer.message.status() == 488);
    CHECK(f.heard() == Events{"started", "ended 488 by 3"});
    CHECK(f.house.isQuiet());
    f.objection = 200;
    f.house.fromInside(fromAlice("INVITE", "sip:bob@example.net").set("Call-ID", "other"));
    f.house.fromOutside(answerTo(f.house.takeOutside(), 486));
    CHECK(f.house.isQuiet());
}

TEST_CASE("plugins hear which gateway is tried, and may skip it", "[proxy]") {
    Fixture f;
    f.targets = {gateway("sip:1@198.51.100.1", "one", 0), gateway("sip:1@198.51.100.2", "two", 1)};
    f.targets[0].after = 0;
    SECTION("the second after the first") {
        f.house.fromInside(fromAlice("INVITE", "sip:1@example.net"));
        f.house.fromOutside(answerTo(f.house.takeOutside(), 500), at("198.51.100.1"));
        CHECK(f.heard() == Events{"started", "trying one", "left one", "trying two"});
        const auto sent = f.house.take();
        REQUIRE(sent.size() == 2);
        const auto& second = sent[1];
        f.house.fromOutside(with(answerTo(second, 200), "Contact", "<sip:gw@198.51.100.2>"),
                            at("198.51.100.2"));
        CHECK(f.heard() == Events{"answered two"});
        f.house.fromInside(fromAlice("BYE", "sip:gw@198.51.100.2", 2)
                               .set("To", "<sip:1@example.net>;tag=t1")
                               .set("Route", "<sip:siproxd@10.0.0.1:5060;lr>"));
        f.house.take();
    }
    SECTION("the second when the first says nothing") {
        f.house.fromInside(fromAlice("INVITE", "sip:1@example.net"));
        const auto first = f.house.takeOutside();
        f.house.loop.advance(1600ms);
        CHECK(std::ranges::any_of(f.house.take(), [](const Sent& sent) {
            return sent.message.requestUriText() == "sip:1@198.51.100.2";
        }));
        CHECK(f.heard() == Events{"started", "trying one", "left one", "trying two"});
        f.house.fromOutside(with(answerTo(first, 200), "Contact", "<sip:gw@198.51.100.1>"),
                            at("198.51.100.1"));
        CHECK(f.house.takeInside().message.status() == 200);
        CHECK(f.heard() == Events{"answered one"});
        f.house.fromInside(fromAlice("BYE", "sip:gw@198.51.100.1", 2)
                               .set("To", "<sip:1@example.net>;tag=t1")
                               .set("Route", "<sip:siproxd@10.0.0.1:5060;lr>"));
        f.house.take();
    }
    SECTION("or all") {
        f.objectsTo = SIPROXD_CALL_TRYING;
        f.objection = 1;
        f.house.fromInside(fromAlice("INVITE", "sip:1@example.net"));
        CHECK(f.house.takeOne().message.status() == 503);
        CHECK(f.heard() == Events{"started", "trying one", "trying two", "ended 503 by 2"});
        CHECK(f.house.isQuiet());
    }
    SECTION("or another one skips it") {
        Probe other(f.house, 0, [](const auto&, auto*) { return SIPROXD_CONTINUE; },
                    [&f](int event, const siproxd_call& call) {
                        const bool skips = event == SIPROXD_CALL_TRYING && orEmpty(call.label) == "one";
                        if (event == SIPROXD_CALL_LEFT) {
                            f.events.push_back("other left " + orEmpty(call.label));
                        }
                        return skips ? 1 : 0;
                    });
        f.house.fromInside(fromAlice("INVITE", "sip:1@example.net"));
        CHECK(f.heard() == Events{"started", "trying one", "left one", "trying two"});
        f.house.fromOutside(answerTo(f.house.takeOutside(), 486), at("198.51.100.2"));
        CHECK(f.heard() == Events{"left two", "other left two", "ended 486 by 2"});
        f.house.take();
        CHECK(f.house.isQuiet());
    }
}

TEST_CASE("a plugin may end a call", "[proxy]") {
    Fixture f;
    SECTION("that is answered") {
        OutgoingCall call(f.house);
        CHECK(f.services.endCall(f.ids.back(), 480, "time is over"));
        CHECK(f.heard() == Events{"started", "answered"});
        const auto byes = f.house.take();
        CHECK(f.heard() == Events{"ended 200 by 3 time is over"});
        REQUIRE(byes.size() == 2);
        for (const auto& bye : byes) {
            CHECK(bye.message.method() == sip::Method::Bye);
            CHECK(bye.message.header("Reason") == "SIP;cause=480;text=\"time is over\"");
            const bool isInside = bye.flow.remote == kPhone;
            isInside ? f.house.fromInside(answerTo(bye, 200)) : f.house.fromOutside(answerTo(bye, 200));
        }
    }
    SECTION("that rings") {
        f.house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
        const auto invite = f.house.takeOutside();
        f.house.fromOutside(answerTo(invite, 180));
        f.house.take();
        CHECK(f.services.endCall(f.ids.back(), 480, "time is over"));
        const auto sent = f.house.take();
        REQUIRE(sent.size() == 2);
        CHECK(sent[0].message.method() == sip::Method::Cancel);
        CHECK(sent[1].message.status() == 480);
        CHECK(f.heard() == Events{"started", "ended 480 by 3 time is over"});
        f.house.fromOutside(answerTo(invite, 487));
        f.house.take();
    }
    CHECK_FALSE(f.services.endCall(f.ids.back(), 480, "time is over"));
    CHECK_FALSE(f.services.endCall(4711, 480, "time is over"));
    CHECK(f.house.isQuiet());
}

TEST_CASE("plugins see the calls that there are, with their media", "[proxy]") {
    HouseOptions options;
    options.media = true;
    Fixture f(std::move(options));
    std::size_t count = 0;
    const auto see = [&](const plugin::CallView& call) {
        ++count;
        CHECK(call.callId == "out1");
        REQUIRE(call.streams.size() == 1);
        CHECK(call.streams[0].port != 0);
        CHECK(call.streams[0].caller.localIp == "127.0.0.1");
        CHECK(call.streams[0].callee.localIp == "127.0.0.2");
        CHECK(call.streams[0].caller.remote == "10.0.0.10:4000");
        CHECK(call.streams[0].callee.remote == "203.0.113.50:5000");
        return true;
    };
    f.services.calls(see);
    CHECK(count == 0);
    OutgoingCall call(f.house, audioSdp("10.0.0.10", 4000), audioSdp("203.0.113.50", 5000));
    f.services.calls(see);
    CHECK(count == 1);
    f.look = [](const siproxd_call& ended) { CHECK(ended.stream_count == 1); };
    f.house.fromInside(call.within("BYE", 2));
    f.house.fromOutside(answerTo(f.house.takeOutside(), 200));
    CHECK(f.house.isQuiet());
}
