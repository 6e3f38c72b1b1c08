// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transaction;
using namespace siproxd::transaction::test;

TEST_CASE("100 goes out by itself when the user takes longer than 200 ms", "[transaction]") {
    Fixture f;
    f.receive("INVITE", {.more = "Timestamp: 54\r\n"});
    CHECK(f.user.take() == Lines{"request INVITE"});
    f.loop.advance(milliseconds(199));
    CHECK(f.sender.take().empty());
    f.loop.advance(milliseconds(1));
    CHECK(f.sender.take() == Lines{"100"});
    CHECK(f.sender.last().toTag().empty());
    CHECK(f.sender.last().header("Timestamp") == "54");
    f.loop.advance(seconds(100));
    CHECK(f.sender.take().empty());
    CHECK(f.loop.pendingTimers() == 0);
}

TEST_CASE("no 100 goes out by itself behind another response", "[transaction]") {
    Fixture f;
    const auto status = GENERATE(100, 180, 200, 486);
    const auto id = f.receive("INVITE");
    f.respond(id, status);
    CHECK(f.sender.take() == Lines{std::to_string(status)});
    f.loop.advance(milliseconds(300));
    CHECK(f.sender.take().empty());
    f.layer.sendTrying(id);
    CHECK(f.sender.take().empty());
}

TEST_CASE("sendTrying sends 100 at once and only once", "[transaction]") {
    Fixture f;
    f.user.atRequest = [&] { f.layer.sendTrying(f.user.server); };
    const auto id = f.receive("INVITE");
    CHECK(f.sender.take() == Lines{"100"});
    CHECK(f.loop.pendingTimers() == 0);
    f.layer.sendTrying(id);
    CHECK(f.sender.take().empty());
}

TEST_CASE("an INVITE that comes again gets the last provisional response", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE");
    f.receive("INVITE");
    CHECK(f.sender.take().empty());
    f.layer.sendTrying(id);
    f.receive("INVITE");
    CHECK(f.sender.take() == Lines{"100", "100"});
    f.respond(id, 180);
    f.receive("INVITE");
    f.respond(id, 183);
    f.receive("INVITE");
    CHECK(f.sender.take() == Lines{"180", "180", "183", "183"});
    CHECK(f.user.take() == Lines{"request INVITE"});
    CHECK(f.layer.counters().retransmissionsAbsorbed == 4);
    CHECK(f.layer.counters().retransmissionsSent == 3);
}

TEST_CASE("timer G repeats a failure response until timer H gives up", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE");
    f.respond(id, 486);
    CHECK(f.sender.take() == Lines{"486"});
    f.loop.advance(milliseconds(499));
    CHECK(f.sender.take().empty());
    f.loop.advance(milliseconds(1));  // 0.5 s
    CHECK(f.sender.take() == Lines{"486"});
    f.loop.advance(seconds(1));  // 1.5 s
    CHECK(f.sender.take() == Lines{"486"});
    f.loop.advance(seconds(2));  // 3.5 s
    CHECK(f.sender.take() == Lines{"486"});
    f.loop.advance(seconds(4));  // 7.5 s, and from here on every T2
    CHECK(f.sender.take() == Lines{"486"});
    f.loop.advance(seconds(4));
    CHECK(f.sender.take() == Lines{"486"});
    f.loop.advance(milliseconds(20'499));  // 31.999 s
    CHECK(f.sender.take().size() == 5);
    CHECK(f.user.take() == Lines{"request INVITE"});
    f.loop.advance(milliseconds(1));
    CHECK(f.user.take() == Lines{"server ended"});
    CHECK(f.layer.counters().timeouts == 1);
    CHECK(f.idle());
}

TEST_CASE("an INVITE that comes again gets the failure response again", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE");
    f.respond(id, 486);
    f.receive("INVITE");
    CHECK(f.sender.take() == Lines{"486", "486"});
    CHECK(f.layer.serverAnswered(id));
    CHECK(f.layer.serverRequest(id) == nullptr);
}

TEST_CASE("ACK for a failure response is absorbed and timer I ends", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE");
    f.respond(id, 486);
    f.sender.take();
    f.receive("ACK", {.toTag = "t1"});
    f.loop.advance(milliseconds(4999));
    f.receive("ACK", {.toTag = "t1"});
    f.receive("INVITE");
    CHECK(f.sender.take().empty());
    CHECK(f.user.take() == Lines{"request INVITE"});
    f.loop.advance(milliseconds(1));
    CHECK(f.user.take() == Lines{"server ended"});
    CHECK(f.user.server == id);
    CHECK(f.idle());
}

TEST_CASE("behind a 2xx the INVITE is absorbed, ACK and further 2xx pass", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE");
    f.respond(id, 200);
    f.receive("INVITE");
    CHECK(f.sender.take() == Lines{"200"});
    f.loop.advance(seconds(1));
    CHECK(f.sender.take().empty());  // no timer G
    f.layer.respond(id, answer(request("INVITE"), 200));
    f.layer.respond(id, answer(request("INVITE"), 202));
    CHECK(f.sender.take() == Lines{"200", "202"});
    f.layer.respond(id, answer(request("INVITE"), 486));
    f.layer.respond(id, answer(request("INVITE"), 180));
    CHECK(f.sender.take().empty());
    f.receive("ACK", {.toTag = "t1"});  // in the same branch, as some phones do
    f.receive("ACK", {.branch = "z9hG4bKack", .toTag = "t1"});
    CHECK(f.user.take() == Lines{"request INVITE", "ack", "ack"});
    f.loop.advance(kGiveUp - seconds(1) - milliseconds(1));
    CHECK(f.user.take().empty());
    f.loop.advance(milliseconds(1));  // timer L
    CHECK(f.user.take() == Lines{"server ended"});
    CHECK(f.idle());
}

TEST_CASE("the request is kept until its final response", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE", {.viaParams = ";rport", .body = "v=0\r\n"});
    f.respond(id, 180);
    const auto* kept = f.layer.serverRequest(id);
    REQUIRE(kept != nullptr);
    CHECK(kept->body() == "v=0\r\n");
    CHECK(kept->via()->params.value("received") == "10.0.0.5");
    f.respond(id, GENERATE(200, 486));
    CHECK(f.layer.serverRequest(id) == nullptr);
    CHECK(f.layer.serverPeer(id) == udp());
}

TEST_CASE("over TCP an INVITE's responses are not repeated", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE", {}, tcp());
    f.respond(id, 486);
    CHECK(f.layer.serverPeer(id) == tcp());
    f.loop.advance(seconds(31));
    CHECK(f.sender.take() == Lines{"486"});
    SECTION("timer I is 0") {
        f.receive("ACK", {.toTag = "t1"}, tcp());
        CHECK(f.user.take() == Lines{"request INVITE", "server ended"});
    }
    SECTION("timer H still runs") {
        f.loop.advance(seconds(1));
        CHECK(f.user.take() == Lines{"request INVITE", "server ended"});
    }
    CHECK(f.idle());
}

TEST_CASE("a final response is given once", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE");
    f.respond(id, 486);
    f.layer.respond(id, answer(request("INVITE"), 200));
    f.layer.respond(id, answer(request("INVITE"), 603));
    CHECK(f.sender.take() == Lines{"486"});
}

TEST_CASE("an ACK that comes too early is absorbed", "[transaction]") {
    Fixture f;
    f.receive("INVITE");
    f.receive("ACK");
    CHECK(f.user.take() == Lines{"request INVITE"});
}

TEST_CASE("a response that cannot be sent is tried again", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE");
    f.sender.broken = true;
    f.respond(id, 486);
    f.sender.broken = false;
    f.loop.advance(kT1);
    CHECK(f.sender.take() == Lines{"486"});
    f.sender.broken = true;
    f.loop.advance(kGiveUp);
    CHECK(f.user.take() == Lines{"request INVITE", "server ended"});
    CHECK(f.idle());
}

TEST_CASE("an abandoned INVITE is forgotten without an answer", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE");
    f.layer.abandon(id);
    CHECK(f.layer.serverRequest(id) == nullptr);
    CHECK_FALSE(f.layer.serverPeer(id));
    CHECK(f.layer.serverAnswered(id));
    CHECK(f.user.take() == Lines{"request INVITE"});  // the end is told later
    f.loop.runPosted();
    CHECK(f.user.take() == Lines{"server ended"});
    CHECK(f.sender.take().empty());
    CHECK(f.idle());
}

TEST_CASE("a refusal for a sender that may be forged is repeated by nobody but him", "[transaction]") {
    Fixture f;
    f.user.atRequest = [&] { f.layer.answerOnce(f.user.server); };
    const auto id = f.receive("INVITE");
    f.respond(id, 486);
    CHECK(f.sender.take() == Lines{"486"});
    f.loop.advance(seconds(20));
    CHECK(f.sender.take().empty());
    f.receive("INVITE");
    CHECK(f.sender.take() == Lines{"486"});
    f.loop.advance(kGiveUp);
    CHECK(f.layer.serverCount() == 0);
    CHECK(f.loop.pendingTimers() == 0);
}
