// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transaction;
using namespace siproxd::transaction::test;

TEST_CASE("timer A repeats the INVITE, ever more slowly, until timer B", "[transaction]") {
    Fixture f;
    const auto id = f.send("INVITE");
    CHECK(f.sender.take() == Lines{"INVITE"});
    for (const auto wait : {500, 1000, 2000, 4000, 8000, 16000}) {
        f.loop.advance(milliseconds(wait - 1));
        CHECK(f.sender.take().empty());
        f.loop.advance(milliseconds(1));
        CHECK(f.sender.take() == Lines{"INVITE"});
    }
    CHECK(f.sender.sent.front().bytes == f.sender.sent.back().bytes);
    f.loop.advance(milliseconds(499));
    CHECK(f.user.take().empty());
    f.loop.advance(milliseconds(1));  // 32 s
    CHECK(f.user.take() == Lines{"timeout", "client ended"});
    CHECK(f.user.client == id);
    CHECK(f.layer.counters().timeouts == 1);
    CHECK(f.layer.counters().retransmissionsSent == 6);
    CHECK(f.idle());
}

TEST_CASE("over TCP the INVITE is sent once, timer B runs", "[transaction]") {
    Fixture f;
    f.send("INVITE", tcp());
    f.loop.advance(kGiveUp);
    CHECK(f.sender.take() == Lines{"INVITE"});
    CHECK(f.user.take() == Lines{"timeout", "client ended"});
    CHECK(f.idle());
}

TEST_CASE("a provisional response stops the timers; 100 is not passed on", "[transaction]") {
    Fixture f;
    f.send("INVITE");
    f.answerSent(100);
    CHECK(f.loop.pendingTimers() == 0);
    f.answerSent(180);
    f.answerSent(183);
    f.answerSent(180);
    f.loop.advance(seconds(300));
    CHECK(f.sender.take() == Lines{"INVITE"});
    CHECK(f.user.take() == Lines{"response 180", "response 183", "response 180"});
    CHECK(f.user.messages.back().via()->branch() == parse(f.sentRequest).via()->branch());
}

TEST_CASE("every 2xx is passed on until timer M, nothing else is", "[transaction]") {
    Fixture f;
    const bool rings = GENERATE(true, false);
    const auto flow = GENERATE(udp(), tcp());
    const auto id = f.send("INVITE", flow);
    if (rings) {
        f.answerSent(180);
    }
    f.answerSent(200);
    f.loop.advance(seconds(1));
    f.answerSent(200);
    f.answerSent(180);
    f.answerSent(486);
    f.loop.advance(kGiveUp - seconds(1) - milliseconds(1));
    f.answerSent(200);
    auto expected = rings ? Lines{"response 180"} : Lines{};
    expected.insert(expected.end(), {"response 200", "response 200", "response 200"});
    CHECK(f.user.take() == expected);
    CHECK(f.sender.take() == Lines{"INVITE"});  // no ACK: that is the user's
    f.loop.advance(milliseconds(1));
    CHECK(f.user.take() == Lines{"client ended"});
    CHECK(f.user.client == id);
    CHECK(f.idle());
    f.answerSent(200);
    CHECK(f.user.take() == Lines{"stray 200"});
}

TEST_CASE("a failure response is acknowledged, again whenever it comes again", "[transaction]") {
    Fixture f;
    const bool rings = GENERATE(true, false);
    f.send("INVITE");
    if (rings) {
        f.answerSent(180);
        f.user.take();
    }
    f.answerSent(486);
    CHECK(f.user.take() == Lines{"response 486"});
    CHECK(f.sender.take() == Lines{"INVITE", "ACK"});
    f.answerSent(486);
    f.answerSent(180);
    f.answerSent(200);
    CHECK(f.sender.take() == Lines{"ACK"});
    CHECK(f.layer.counters().retransmissionsAbsorbed == 3);
    f.loop.advance(seconds(32) - milliseconds(1));
    CHECK(f.user.take().empty());
    f.loop.advance(milliseconds(1));  // timer D
    CHECK(f.user.take() == Lines{"client ended"});
    CHECK(f.idle());
}

TEST_CASE("over TCP timer D is 0", "[transaction]") {
    Fixture f;
    f.send("INVITE", tcp());
    f.answerSent(486);
    CHECK(f.sender.take() == Lines{"INVITE", "ACK"});
    CHECK(f.user.take() == Lines{"response 486", "client ended"});
    CHECK(f.idle());
}

TEST_CASE("the ACK is built from INVITE and response", "[transaction]") {
    Fixture f;
    Spec spec{.uri = "sip:bob@10.0.0.9;x=%41;lr",
              .cseq = 77,
              .more = "Route: <sip:p1;lr>, <sip:p2;lr>\r\nProxy-Require: x\r\n"
                      "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKinner\r\n",
              .body = "v=0\r\n"};
    f.send("INVITE", udp("10.0.0.9", 5070), spec);
    f.answerSent(404);
    CHECK(f.sender.sent.back().to == udp("10.0.0.9", 5070));
    const auto ack = f.sender.last();
    CHECK(ack.methodName() == "ACK");
    CHECK(ack.requestUriText() == "sip:bob@10.0.0.9;x=%41;lr");
    REQUIRE(ack.viaCount() == 1);
    CHECK(*ack.via() == *parse(f.sentRequest).via());
    CHECK(ack.header("From") == parse(f.sentRequest).header("From"));
    CHECK(ack.toTag() == "t1");
    CHECK(ack.callId() == "call-1");
    CHECK(ack.cseq() == sip::CSeq{77, "ACK"});
    CHECK(ack.headers("Route") == Lines{"<sip:p1;lr>", "<sip:p2;lr>"});
    CHECK(ack.maxForwards() == 70U);
    CHECK(ack.body().empty());
    CHECK_FALSE(ack.header("Proxy-Require"));
}

TEST_CASE("an INVITE that cannot be sent fails, but not from inside send", "[transaction]") {
    Fixture f;
    f.sender.broken = true;
    const auto id = f.send("INVITE");
    CHECK(f.user.take().empty());
    f.layer.cancel(id);
    f.loop.runPosted();
    CHECK(f.user.take() == Lines{"transport error", "client ended"});
    CHECK(f.user.client == id);
    CHECK(f.idle());
}

TEST_CASE("an INVITE that cannot be sent again fails", "[transaction]") {
    Fixture f;
    f.send("INVITE");
    f.sender.broken = true;
    f.loop.advance(kT1);
    CHECK(f.user.take() == Lines{"transport error", "client ended"});
    CHECK(f.idle());
}

TEST_CASE("an ACK that cannot be sent does not take back the response", "[transaction]") {
    Fixture f;
    f.send("INVITE");
    f.sender.take();
    f.sender.broken = true;
    f.answerSent(486);
    f.answerSent(486);
    CHECK(f.user.take() == Lines{"response 486"});
    f.sender.broken = false;
    f.answerSent(486);
    CHECK(f.sender.take() == Lines{"ACK"});
    f.loop.advance(seconds(32));
    CHECK(f.user.take() == Lines{"client ended"});
    CHECK(f.idle());
}

TEST_CASE("cancel sends a CANCEL at once behind a provisional response", "[transaction]") {
    Fixture f;
    Spec spec{.cseq = 9, .more = "Route: <sip:p1;lr>\r\nRequire: 100rel\r\n", .body = "v=0\r\n"};
    const auto id = f.send("INVITE", udp(), spec);
    f.answerSent(180);
    f.sender.take();
    f.layer.cancel(id, "SIP;cause=200;text=\"Call completed elsewhere\"");
    f.layer.cancel(id);
    CHECK(f.sender.take() == Lines{"CANCEL"});
    const auto cancel = f.sender.last();
    CHECK(cancel.requestUriText() == "sip:bob@example.org");
    REQUIRE(cancel.viaCount() == 1);
    CHECK(*cancel.via() == *parse(f.sentRequest).via());
    CHECK(cancel.cseq() == sip::CSeq{9, "CANCEL"});
    CHECK(cancel.header("From") == parse(f.sentRequest).header("From"));
    CHECK(cancel.header("To") == parse(f.sentRequest).header("To"));
    CHECK(cancel.headers("Route") == Lines{"<sip:p1;lr>"});
    CHECK(cancel.header("Reason") == "SIP;cause=200;text=\"Call completed elsewhere\"");
    CHECK_FALSE(cancel.header("Require"));
    CHECK(cancel.body().empty());

    f.layer.receive(answer(cancel, 200), udp());
    f.layer.receive(answer(cancel, 200), udp());
    f.answerSent(487);
    CHECK(f.sender.take() == Lines{"ACK"});
    CHECK(f.user.take() == Lines{"response 180", "response 487"});
    f.loop.advance(seconds(32));
    CHECK(f.user.take() == Lines{"client ended"});
    CHECK(f.idle());
}

TEST_CASE("cancel waits for the first provisional response", "[transaction]") {
    Fixture f;
    const auto status = GENERATE(100, 180);
    const auto id = f.send("INVITE");
    f.layer.cancel(id, "SIP;cause=200");
    f.loop.advance(kT1);
    CHECK(f.sender.take() == Lines{"INVITE", "INVITE"});
    f.answerSent(status);
    CHECK(f.sender.take() == Lines{"CANCEL"});
    CHECK(f.sender.last().header("Reason") == "SIP;cause=200");
    f.answerSent(180);
    CHECK(f.sender.take().empty());
}

TEST_CASE("a CANCEL is repeated like any request", "[transaction]") {
    Fixture f;
    const auto id = f.send("INVITE");
    f.answerSent(180);
    f.layer.cancel(id);
    f.sender.take();
    f.loop.advance(milliseconds(1500));
    CHECK(f.sender.take() == Lines{"CANCEL", "CANCEL"});
    f.layer.receive(answer(f.sender.last(), 481), udp());
    f.loop.advance(seconds(10));
    CHECK(f.sender.take().empty());
    CHECK(f.layer.clientCount() == 1);
}

TEST_CASE("a cancelled INVITE without a final response times out", "[transaction]") {
    Fixture f;
    const auto id = f.send("INVITE");
    f.answerSent(180);
    f.user.take();
    f.loop.advance(seconds(100));
    f.layer.cancel(id);
    const bool cancelAnswered = GENERATE(true, false);
    if (cancelAnswered) {
        f.layer.receive(answer(f.sender.last(), 200), udp());
    }
    f.loop.advance(kGiveUp - milliseconds(1));
    CHECK(f.user.take().empty());
    f.loop.advance(milliseconds(1));
    CHECK(f.user.take() == Lines{"timeout", "client ended"});
    CHECK(f.user.client == id);
    CHECK(f.idle());
}

TEST_CASE("a cancelled INVITE to which nobody answers ends with timer B", "[transaction]") {
    Fixture f;
    const auto id = f.send("INVITE");
    f.layer.cancel(id);
    f.loop.advance(kGiveUp);
    CHECK(f.user.take() == Lines{"timeout", "client ended"});
    CHECK(f.idle());
}

TEST_CASE("cancel does nothing once a final response has come", "[transaction]") {
    Fixture f;
    const auto status = GENERATE(200, 486);
    const auto id = f.send("INVITE");
    const bool early = GENERATE(true, false);
    if (early) {
        f.layer.cancel(id);
    }
    f.answerSent(status);
    f.layer.cancel(id);
    f.sender.take();
    f.loop.advance(seconds(32));
    CHECK(f.sender.take().empty());
    CHECK(f.idle());
    f.layer.cancel(id);
    CHECK(f.sender.take().empty());
}

TEST_CASE("a 2xx that crosses the CANCEL is passed on", "[transaction]") {
    Fixture f;
    const auto id = f.send("INVITE");
    f.answerSent(180);
    f.layer.cancel(id);
    f.answerSent(200);
    CHECK(f.user.take() == Lines{"response 180", "response 200"});
    f.layer.receive(answer(f.sender.last(), 481), udp());
    f.loop.advance(kGiveUp);
    CHECK(f.user.take() == Lines{"client ended"});
    CHECK(f.idle());
}

TEST_CASE("a CANCEL that cannot be sent leaves the INVITE to its timeout", "[transaction]") {
    Fixture f;
    const auto id = f.send("INVITE");
    f.answerSent(180);
    f.user.take();
    f.sender.broken = true;
    f.layer.cancel(id);
    f.loop.advance(kGiveUp);
    CHECK(f.user.take() == Lines{"timeout", "client ended"});
    CHECK(f.idle());
}
