// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transaction;
using namespace siproxd::transaction::test;

TEST_CASE("timer E repeats the request, at most every T2, until timer F", "[transaction]") {
    Fixture f;
    const auto id = f.send("BYE");
    CHECK(f.sender.take() == Lines{"BYE"});
    for (const auto wait : {500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000}) {
        f.loop.advance(milliseconds(wait - 1));
        CHECK(f.sender.take().empty());
        f.loop.advance(milliseconds(1));
        CHECK(f.sender.take() == Lines{"BYE"});
    }
    f.loop.advance(milliseconds(499));
    CHECK(f.user.take().empty());
    f.loop.advance(milliseconds(1));
    CHECK(f.user.take() == Lines{"timeout", "client ended"});
    CHECK(f.user.client == id);
    CHECK(f.sender.take().empty());
    CHECK(f.layer.counters().timeouts == 1);
    CHECK(f.idle());
}

TEST_CASE("a provisional response slows timer E down to T2, timer F stays", "[transaction]") {
    Fixture f;
    f.send("OPTIONS");
    f.answerSent(100);
    f.answerSent(183);
    CHECK(f.user.take() == Lines{"response 183"});
    f.sender.take();
    f.loop.advance(kT1);
    CHECK(f.sender.take() == Lines{"OPTIONS"});
    f.loop.advance(milliseconds(3999));
    CHECK(f.sender.take().empty());
    f.loop.advance(milliseconds(1));
    CHECK(f.sender.take() == Lines{"OPTIONS"});
    f.loop.advance(milliseconds(27'499));
    CHECK(f.user.take().empty());
    f.loop.advance(milliseconds(1));
    CHECK(f.user.take() == Lines{"timeout", "client ended"});
    CHECK(f.idle());
}

TEST_CASE("a final response is passed on once and timer K ends", "[transaction]") {
    Fixture f;
    const bool provisional = GENERATE(true, false);
    const auto status = GENERATE(200, 302, 401, 503, 603);
    f.send("REGISTER");
    if (provisional) {
        f.answerSent(100);
    }
    f.answerSent(status);
    f.answerSent(status);
    f.answerSent(180);
    CHECK(f.user.take() == Lines{"response " + std::to_string(status)});
    CHECK(f.layer.counters().retransmissionsAbsorbed == 2);
    f.loop.advance(milliseconds(4999));
    CHECK(f.user.take().empty());
    f.loop.advance(milliseconds(1));
    CHECK(f.user.take() == Lines{"client ended"});
    CHECK(f.sender.take() == Lines{"REGISTER"});
    CHECK(f.idle());
    f.answerSent(status);
    CHECK(f.user.take() == Lines{"stray " + std::to_string(status)});
}

TEST_CASE("over TCP there is no timer E and timer K is 0", "[transaction]") {
    Fixture f;
    f.send("REGISTER", tcp());
    f.loop.advance(seconds(31));
    CHECK(f.sender.take() == Lines{"REGISTER"});
    SECTION("a final response ends it") {
        f.answerSent(200);
        CHECK(f.user.take() == Lines{"response 200", "client ended"});
    }
    SECTION("timer F ends it") {
        f.loop.advance(seconds(1));
        CHECK(f.user.take() == Lines{"timeout", "client ended"});
    }
    CHECK(f.idle());
}

TEST_CASE("a request that cannot be sent fails later", "[transaction]") {
    Fixture f;
    const bool atOnce = GENERATE(true, false);
    f.sender.broken = atOnce;
    f.send("OPTIONS");
    CHECK(f.user.take().empty());
    f.sender.broken = true;
    f.loop.advance(kT1);
    CHECK(f.user.take() == Lines{"transport error", "client ended"});
    CHECK(f.idle());
}

TEST_CASE("cancel is for INVITE only", "[transaction]") {
    Fixture f;
    const auto id = f.send("OPTIONS");
    f.answerSent(183);
    f.layer.cancel(id);
    CHECK(f.sender.take() == Lines{"OPTIONS"});
}
