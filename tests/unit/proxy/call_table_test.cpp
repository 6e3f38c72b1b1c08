// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

proxy::Call& begin(proxy::CallTable& calls, const std::string& callId) {
    const auto invite = sip::Message::parse(
        fromAlice("INVITE", "sip:bob@example.net").set("Call-ID", callId).text());
    REQUIRE(invite);
    return calls.obtain(*invite, proxy::Side::Inside);
}

}  // namespace

TEST_CASE("a call has one end of its session, and none when it is over", "[proxy]") {
    const FakeLoop loop;
    proxy::CallTable calls;
    auto& first = begin(calls, "first");
    auto& second = begin(calls, "second");
    const auto at = [&](std::chrono::seconds time) { return loop.now() + time; };
    for (int i = 0; i < 1000; ++i) {
        calls.setSessionEnd(first, at(1800s));  // 2xx, retransmissions and refreshes
    }
    calls.setSessionEnd(second, at(100s));
    CHECK(calls.sessionEnds() == 2);
    CHECK(first.sessionEnd() == at(1800s));
    CHECK(calls.takeExpired(at(99s)) == nullptr);
    CHECK(calls.takeExpired(at(100s)) == &second);
    CHECK(calls.takeExpired(at(100s)) == nullptr);
    CHECK_FALSE(second.sessionEnd());
    CHECK(calls.sessionEnds() == 1);
    SECTION("when it is removed") { calls.remove(first); }
    SECTION("when its timer is dropped") { calls.setSessionEnd(first, std::nullopt); }
    CHECK(calls.sessionEnds() == 0);
}

TEST_CASE("a call is found by its number as long as it lasts", "[proxy]") {
    proxy::CallTable calls;
    auto& first = begin(calls, "first");
    const auto number = first.state().id;
    CHECK(begin(calls, "second").state().id != number);
    CHECK(calls.byId(number) == &first);
    CHECK(calls.all().size() == 2);
    calls.remove(first);
    CHECK(calls.byId(number) == nullptr);
    CHECK(begin(calls, "first").state().id > number);
}

TEST_CASE("calls are idle when nobody has said anything for long", "[proxy]") {
    const FakeLoop loop;
    proxy::CallTable calls;
    auto& first = begin(calls, "first");
    begin(calls, "second").touch(loop.now() + 10s);
    first.touch(loop.now() + 5s);
    CHECK(calls.idle(loop.now() + 5s).empty());
    CHECK(calls.idle(loop.now() + 6s) == std::vector<proxy::Call*>{&first});
}
