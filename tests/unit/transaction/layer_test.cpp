// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"
#include "fixture.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transaction;
using namespace siproxd::transaction::test;

TEST_CASE("a CANCEL is answered and told once", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE", {.viaParams = ";rport"});
    f.layer.sendTrying(id);
    f.user.take();
    f.receive("CANCEL", {.viaParams = ";rport"});
    f.receive("CANCEL", {.viaParams = ";rport"});
    CHECK(f.sender.take() == Lines{"100", "200", "200"});
    CHECK(f.sender.last().method() == sip::Method::Cancel);
    CHECK_FALSE(f.sender.last().toTag().empty());
    CHECK(f.sender.last().viaCount() == 1);
    CHECK(f.user.take() == Lines{"cancel"});
    CHECK(f.user.server == id);
    CHECK(f.layer.serverCount() == 2);
    f.respond(id, 487);
    CHECK(f.sender.take() == Lines{"487"});
    f.receive("ACK", {.viaParams = ";rport", .toTag = "t1"});
    f.loop.advance(kGiveUp);
    CHECK(f.user.take() == Lines{"server ended"});  // the INVITE's; the CANCEL's is not told
    CHECK(f.idle());
}

TEST_CASE("a CANCEL behind the final response is answered but not told", "[transaction]") {
    Fixture f;
    const auto status = GENERATE(200, 486);
    f.respond(f.receive("INVITE"), status);
    f.receive("CANCEL");
    CHECK(f.sender.take() == Lines{std::to_string(status), "200"});
    CHECK(f.user.take() == Lines{"request INVITE"});
}

TEST_CASE("a CANCEL for nothing is answered with 481", "[transaction]") {
    Fixture f;
    f.receive("INVITE", {.branch = "z9hG4bKother"});
    f.user.take();
    f.receive("CANCEL");
    f.receive("CANCEL");
    CHECK(f.sender.take() == Lines{"481", "481"});
    CHECK(f.user.take().empty());
    CHECK(f.layer.serverCount() == 1);
    CHECK(f.user.take().empty());
}

TEST_CASE("the user may answer 487 from inside onCancel", "[transaction]") {
    Fixture f;
    f.receive("INVITE");
    f.user.atCancel = [&] { f.respond(f.user.server, 487); };
    f.receive("CANCEL");
    CHECK(f.sender.take() == Lines{"200", "487"});
}

TEST_CASE("a full table refuses new requests and serves the rest", "[transaction]") {
    Fixture f(2);
    const auto first = f.receive("INVITE", {.branch = "z9hG4bK1"});
    f.layer.sendTrying(first);
    f.send("INVITE");
    f.sender.take();
    f.user.take();

    f.receive("OPTIONS", {.branch = "z9hG4bK2"});
    CHECK(f.sender.take() == Lines{"503"});
    CHECK(f.sender.last().header("Retry-After") == "10");
    const std::string tag(f.sender.last().toTag());
    CHECK_FALSE(tag.empty());
    f.receive("OPTIONS", {.branch = "z9hG4bK2"});
    CHECK(f.sender.take() == Lines{"503"});
    CHECK(f.sender.last().toTag() == tag);
    CHECK(f.layer.counters().refused == 2);
    CHECK(f.user.take().empty());

    f.receive("INVITE", {.branch = "z9hG4bK1"});
    CHECK(f.sender.take() == Lines{"100"});
    f.receive("CANCEL", {.branch = "z9hG4bK1"});
    CHECK(f.sender.take() == Lines{"200"});
    f.receive("ACK", {.branch = "z9hG4bK3"});
    CHECK(f.user.take() == Lines{"cancel", "ack"});
    CHECK(f.layer.serverCount() == 1);
    f.respond(first, 487);
    f.receive("ACK", {.branch = "z9hG4bK1"});
    f.loop.advance(kGiveUp);
    f.user.take();
    CHECK(f.idle());
    f.receive("OPTIONS", {.branch = "z9hG4bK2"});
    CHECK(f.user.take() == Lines{"request OPTIONS"});
}

TEST_CASE("messages go straight when no transaction is wanted", "[transaction]") {
    Fixture f;
    REQUIRE(f.layer.sendStateless(request("ACK"), udp("10.0.0.8")));
    CHECK(f.sender.take() == Lines{"ACK"});
    CHECK(f.sender.sent.back().to == udp("10.0.0.8"));
    CHECK(f.idle());
    f.sender.broken = true;
    CHECK_FALSE(f.layer.sendStateless(request("ACK"), udp("10.0.0.8")));
}

TEST_CASE("branches carry the cookie and differ", "[transaction]") {
    Fixture f;
    const auto branch = f.layer.newBranch();
    CHECK(branch.starts_with("z9hG4bK"));
    CHECK(branch.size() == 7 + 32);
    CHECK(branch != f.layer.newBranch());
}

TEST_CASE("what cannot be sent in a transaction fails later", "[transaction]") {
    Fixture f;
    ClientId id{};
    SECTION("an ACK") { id = f.layer.send(request("ACK"), udp()); }
    SECTION("no branch") { id = f.layer.send(request("OPTIONS", {.branch = ""}), udp()); }
    SECTION("a branch in use") {
        f.layer.send(request("OPTIONS"), udp());
        id = f.layer.send(request("OPTIONS"), udp());
    }
    f.user.take();
    f.loop.runPosted();
    CHECK(f.user.take() == Lines{"transport error", "client ended"});
    CHECK(f.user.client == id);
}

TEST_CASE("ids that mean nothing do no harm", "[transaction]") {
    Fixture f;
    const auto server = GENERATE(ServerId::None, ServerId{12345});
    f.layer.respond(server, answer(request("OPTIONS"), 200));
    f.layer.sendTrying(server);
    f.layer.abandon(server);
    f.layer.cancel(ClientId{12345});
    CHECK(f.layer.serverRequest(server) == nullptr);
    CHECK_FALSE(f.layer.serverPeer(server));
    CHECK(f.layer.serverAnswered(server));
    CHECK(f.sender.sent.empty());
}

TEST_CASE("ids are never used again", "[transaction]") {
    Fixture f;
    const auto first = f.receive("OPTIONS", {}, tcp());
    f.respond(first, 200);
    f.loop.runPosted();
    CHECK(f.idle());
    CHECK(f.receive("OPTIONS", {}, tcp()) != first);
}

TEST_CASE("the user may call the layer from inside every call", "[transaction]") {
    Fixture f;
    const auto flow = GENERATE(udp(), tcp());
    ServerId server{};
    ClientId client{};
    f.user.atRequest = [&] {
        server = f.user.server;
        client = f.send("INVITE", flow);
        f.layer.cancel(client);
        f.layer.sendTrying(server);
    };
    f.user.atResponse = [&] {
        f.layer.cancel(client);
        f.layer.respond(server, answer(request("INVITE"), 487));
        f.layer.abandon(server);
        f.layer.abandon(server);
    };
    f.user.atEnd = [&] {
        f.layer.cancel(client);
        f.layer.respond(server, answer(request("INVITE"), 487));
    };
    f.receive("INVITE", {}, flow);
    CHECK(f.sender.take() == Lines{"INVITE", "100"});
    f.answerSent(100);
    CHECK(f.sender.take() == Lines{"CANCEL"});
    f.answerSent(487);
    CHECK(f.sender.take() == Lines{"ACK", "487"});
    f.loop.advance(kGiveUp);
    f.loop.advance(kGiveUp);
    CHECK(f.idle());
    CHECK(f.user.take().size() == 4);
}

TEST_CASE("a failure inside a call is told behind that call", "[transaction]") {
    Fixture f;
    f.sender.broken = true;
    Lines seenInside;
    f.user.atRequest = [&] {
        f.send("OPTIONS");
        seenInside = f.user.lines;
    };
    ServerId server{};
    f.user.atFailure = [&] {
        f.sender.broken = false;
        f.respond(server, 503);
    };
    f.user.atRequest = [&, inner = f.user.atRequest] {
        server = f.user.server;
        inner();
    };
    f.receive("OPTIONS");
    CHECK(seenInside == Lines{"request OPTIONS"});
    CHECK(f.user.take() == Lines{"request OPTIONS", "transport error", "client ended"});
    CHECK(f.sender.take() == Lines{"503"});
}

TEST_CASE("failover to another peer works from inside onFailure", "[transaction]") {
    Fixture f;
    f.send("INVITE", udp("10.0.0.8"));
    f.user.atFailure = [&] {
        f.user.atFailure = nullptr;
        f.send("INVITE", udp("10.0.0.9"));
    };
    f.loop.advance(kGiveUp);
    CHECK(f.user.take() == Lines{"timeout", "client ended"});
    CHECK(f.sender.sent.back().to == udp("10.0.0.9"));
    CHECK(f.layer.clientCount() == 1);
    f.loop.advance(kGiveUp);
    CHECK(f.idle());
}

TEST_CASE("a layer may go while work of it is posted and timers run", "[transaction]") {
    siproxd::test::FakeLoop loop;
    siproxd::test::FakeRandom random;
    FakeSender sender;
    FakeUser user;
    {
        Layer layer(loop, random, sender, user);
        layer.receive(request("INVITE"), udp());
        layer.receive(request("OPTIONS", {.branch = "z9hG4bKb"}), udp());
        layer.abandon(user.server);
        layer.send(request("INVITE"), udp());
        CHECK(loop.pendingTimers() == 2);
    }
    loop.advance(seconds(100));
    CHECK(loop.pendingTimers() == 0);
    CHECK(user.take() == Lines{"request INVITE", "request OPTIONS"});
}

TEST_CASE("other base values scale all timers", "[transaction]") {
    siproxd::test::FakeLoop loop;
    siproxd::test::FakeRandom random;
    FakeSender sender;
    FakeUser user;
    Timings timings;
    timings.t1 = milliseconds(100);
    timings.t2 = milliseconds(200);
    Layer layer(loop, random, sender, user, timings);
    layer.send(request("OPTIONS"), udp());
    loop.advance(milliseconds(500));
    CHECK(sender.take() == Lines{"OPTIONS", "OPTIONS", "OPTIONS", "OPTIONS"});  // 0 100 300 500
    loop.advance(milliseconds(5899));
    CHECK(user.take().empty());
    loop.advance(milliseconds(1));
    CHECK(user.take() == Lines{"timeout", "client ended"});
}

TEST_CASE("a call with everything lost once goes through", "[transaction]") {
    // Caller and callee are played by hand, the user here is a proxy in three lines.
    Fixture f;
    ServerId server{};
    f.user.atRequest = [&] {
        server = f.user.server;
        f.layer.sendTrying(server);
        f.send("INVITE", udp("10.0.0.9"));
    };
    f.user.atResponse = [&] {
        f.layer.respond(server, answer(request("INVITE"), f.user.messages.back().status()));
    };
    f.receive("INVITE");
    f.receive("INVITE");
    f.loop.advance(kT1);
    CHECK(f.sender.take() == Lines{"100", "INVITE", "100", "INVITE"});
    f.answerSent(180, udp("10.0.0.9"));
    f.answerSent(200, udp("10.0.0.9"));
    f.answerSent(200, udp("10.0.0.9"));  // the first one, or its ACK, was lost
    CHECK(f.sender.take() == Lines{"180", "200", "200"});
    f.receive("ACK", {.branch = "z9hG4bKack"});
    f.receive("ACK", {.branch = "z9hG4bKack"});
    f.loop.advance(kGiveUp);
    CHECK(f.user.take() == Lines{"request INVITE", "response 180", "response 200", "response 200",
                                 "ack", "ack", "client ended", "server ended"});
    CHECK(f.idle());
}

TEST_CASE("the debug log tells every change of state", "[transaction]") {
    struct Memory final : log::Sink {
        [[nodiscard]] log::Level threshold() const override { return log::Level::Debug; }
        [[nodiscard]] std::uint32_t debugClasses() const override {
            return static_cast<std::uint32_t>(log::Class::Sip);
        }
        void write(const log::Record& record) override { lines.emplace_back(record.message); }
        Lines lines;
    };
    Memory memory;
    Fixture f;
    {
        const log::Attachment attachment(memory);
        f.respond(f.receive("INVITE"), 486);
        f.receive("ACK");
        f.send("OPTIONS");
        f.answerSent(200);
        f.loop.advance(seconds(5));
    }
    CHECK(memory.lines ==
          Lines{"server transaction 2: new INVITE by UDP 10.0.0.1:5060 - 10.0.0.5:5060, "
                "Call-ID call-1",
                "server transaction 2 INVITE: Proceeding -> Completed",
                "server transaction 2 INVITE: Completed -> Confirmed",
                "client transaction 4: Trying -> Completed",
                "server transaction 2 INVITE: Confirmed -> Terminated",
                "client transaction 4: Completed -> Terminated"});
}

TEST_CASE("a stranger's CANCEL for nothing costs no transaction, and no answer if the user says so",
          "[transaction]") {
    Fixture f;
    f.receive("CANCEL");
    CHECK(f.sender.take() == Lines{"481"});
    CHECK(f.idle());
    f.user.tells = false;
    f.receive("CANCEL");
    CHECK(f.sender.take().empty());
    CHECK(f.idle());
}

TEST_CASE("the user is told once that a final response has been given", "[transaction]") {
    Fixture f;
    const auto id = f.receive("INVITE");
    f.respond(id, 180);
    f.loop.runPosted();
    CHECK(f.user.answered.empty());
    f.respond(id, 200);
    CHECK(f.user.answered.empty());  // never from inside a call of the user's
    f.layer.respond(id, answer(request("INVITE"), 200));
    f.loop.runPosted();
    CHECK(f.user.answered == std::vector<std::pair<ServerId, int>>{{id, 200}});
    f.user.answered.clear();

    f.user.atRequest = [&] { f.respond(f.user.server, 404); };
    const auto second = f.receive("MESSAGE", {.branch = "z9hG4bK-second"});
    CHECK(f.user.answered == std::vector<std::pair<ServerId, int>>{{second, 404}});
}

TEST_CASE("nobody is told of the answer to what has ended", "[transaction]") {
    Fixture f;
    f.respond(f.receive("BYE", {}, tcp()), 200);
    f.loop.runPosted();
    CHECK(f.user.answered.empty());
    f.user.take();
    const auto id = f.receive("MESSAGE");
    f.layer.abandon(id);
    f.loop.runPosted();
    CHECK(f.user.answered.empty());
}
