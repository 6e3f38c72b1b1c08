// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transaction;
using namespace siproxd::transaction::test;

TEST_CASE("a request that comes again before its answer is absorbed", "[transaction]") {
    Fixture f;
    f.receive("REGISTER");
    f.receive("REGISTER");
    f.loop.advance(seconds(1));
    CHECK(f.user.take() == Lines{"request REGISTER"});
    CHECK(f.sender.take().empty());
    CHECK(f.loop.pendingTimers() == 0);
    CHECK(f.layer.counters().retransmissionsAbsorbed == 1);
}

TEST_CASE("a request that comes again gets the last response until timer J", "[transaction]") {
    Fixture f;
    const auto id = f.receive("OPTIONS");
    f.respond(id, 183);
    f.receive("OPTIONS");
    CHECK(f.sender.take() == Lines{"183", "183"});
    f.respond(id, 182);
    f.receive("OPTIONS");
    CHECK(f.sender.take() == Lines{"182", "182"});
    CHECK_FALSE(f.layer.serverAnswered(id));
    f.respond(id, 404);
    CHECK(f.layer.serverAnswered(id));
    CHECK(f.layer.serverRequest(id) == nullptr);
    f.loop.advance(kGiveUp - milliseconds(1));
    f.receive("OPTIONS");
    CHECK(f.sender.take() == Lines{"404", "404"});
    CHECK(f.user.take() == Lines{"request OPTIONS"});
    f.loop.advance(milliseconds(1));
    CHECK(f.user.take() == Lines{"server ended"});
    CHECK(f.idle());
    f.receive("OPTIONS");
    CHECK(f.user.take() == Lines{"request OPTIONS"});  // new again
}

TEST_CASE("a second final response and a late provisional are dropped", "[transaction]") {
    Fixture f;
    const auto id = f.receive("OPTIONS");
    f.respond(id, 200);
    f.layer.respond(id, answer(request("OPTIONS"), 500));
    f.layer.respond(id, answer(request("OPTIONS"), 183));
    f.receive("OPTIONS");
    CHECK(f.sender.take() == Lines{"200", "200"});
}

TEST_CASE("over TCP the transaction ends with its final response", "[transaction]") {
    Fixture f;
    const auto id = f.receive("BYE", {}, tcp());
    f.respond(id, 200);
    CHECK(f.user.take() == Lines{"request BYE"});
    f.loop.runPosted();
    CHECK(f.user.take() == Lines{"server ended"});
    CHECK(f.idle());
}

TEST_CASE("sendTrying is for INVITE only", "[transaction]") {
    Fixture f;
    const auto id = f.receive("OPTIONS");
    f.layer.sendTrying(id);
    CHECK(f.sender.take().empty());
}

TEST_CASE("an abandoned request is forgotten", "[transaction]") {
    Fixture f;
    f.user.atRequest = [&] { f.layer.abandon(f.user.server); };
    f.receive("OPTIONS");
    CHECK(f.user.take() == Lines{"request OPTIONS", "server ended"});
    CHECK(f.idle());
}
