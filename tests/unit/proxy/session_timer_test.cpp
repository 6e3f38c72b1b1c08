// SPDX-License-Identifier: GPL-2.0-or-later
/// RFC 4028, seen by a proxy that does not take part: a session that nobody refreshes is over.
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

/// An answered call of alice; the 2xx agrees on `timer`.
void establish(House& house, const std::string& timer) {
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    auto ok = with(answerTo(house.takeOutside(), 200), "Contact", "<sip:bob@198.51.100.7>");
    house.fromOutside(timer.empty() ? std::move(ok) : with(std::move(ok), "Session-Expires", timer));
    house.take();
}

void pass(House& house, std::chrono::seconds time) {
    for (; time > 0s; time -= 5s) {
        house.loop.advance(5s);
        house.proxy->tick();
    }
}

}  // namespace

TEST_CASE("a session that is not refreshed ends, and its ports come back", "[proxy]") {
    House house;
    establish(house, "90;refresher=uac");
    pass(house, 90s);
    CHECK(house.proxy->callCount() == 1);  // whoever misses the refresh may still say BYE
    pass(house, 70s);
    CHECK(house.proxy->callCount() == 0);
}

TEST_CASE("a refresh keeps the session", "[proxy]") {
    House house;
    establish(house, "90");
    const auto method = GENERATE(std::string("INVITE"), std::string("UPDATE"));
    for (int cseq = 2; cseq < 8; ++cseq) {
        pass(house, 60s);
        house.fromInside(OutgoingCall::within(house, method, cseq));
        house.fromOutside(with(answerTo(house.takeOutside(), 200), "x", "90"));
        house.take();
        CHECK(house.proxy->callCount() == 1);
    }
    SECTION("until somebody drops the timer") {
        house.fromInside(OutgoingCall::within(house, method, 9));
        house.fromOutside(answerTo(house.takeOutside(), 200));
        pass(house, 600s);
        CHECK(house.proxy->callCount() == 1);
    }
    SECTION("or does not come") {
        pass(house, 160s);
        CHECK(house.proxy->callCount() == 0);
    }
}

TEST_CASE("a session without a timer lasts", "[proxy]") {
    House house;
    establish(house, GENERATE(std::string(), std::string("nonsense")));
    pass(house, 3600s);
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("times that no session has are not taken at their word", "[proxy]") {
    House house;
    SECTION("shorter than RFC 4028 allows") {
        establish(house, "1");
        pass(house, 90s);
        CHECK(house.proxy->callCount() == 1);
        pass(house, 70s);
        CHECK(house.proxy->callCount() == 0);
    }
    SECTION("longer than anybody talks") {
        establish(house, "4294967295");
        pass(house, 3600s);
        CHECK(house.proxy->callCount() == 1);
    }
}
