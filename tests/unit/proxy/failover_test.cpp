// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

const auto kFirst = at("203.0.113.50");
const auto kSecond = at("203.0.113.60");
const auto kThird = at("203.0.113.61");

/// A provider with servers in this order.
void offer(House& house, const std::vector<base::SocketAddress>& servers,
           base::Protocol protocol = base::Protocol::Udp) {
    auto& list = house.locator.services["example.net"];
    list.clear();
    for (const auto& server : servers) {
        list.push_back({protocol, server, "example.net"});
    }
}

}  // namespace

TEST_CASE("a server that says nothing is left for the next one after a second and a half",
          "[proxy]") {
    House house;
    offer(house, {kFirst, kSecond});
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto first = house.takeOne();
    CHECK(first.flow.remote == kFirst);
    house.loop.advance(1499ms);
    for (const auto& again : house.take()) {
        CHECK(again.flow.remote == kFirst);
    }
    house.loop.advance(1ms);
    const auto sent = house.take();
    const auto second = std::ranges::find(sent, kSecond,
                                          [](const Sent& one) { return one.flow.remote; });
    REQUIRE(second != sent.end());
    CHECK(second->message.via()->branch() != first.message.via()->branch());
    CHECK(house.dead.isDead(base::Protocol::Udp, kFirst));
    CHECK_FALSE(house.dead.isDead(base::Protocol::Udp, kSecond));

    SECTION("which answers") {
        house.fromOutside(answerTo(*second, 200), kSecond);
        CHECK(house.takeOne().message.status() == 200);
    }
    SECTION("and answers after all") {
        house.fromOutside(answerTo(first, 200, "late"), kFirst);
        const auto answers = house.take();
        REQUIRE(answers.size() == 1);
        CHECK(answers.front().message.toTag() == "late");
        // The second one's phone does not go on ringing.
        house.fromOutside(answerTo(*second, 180), kSecond);
        CHECK(house.takeOne().message.method() == sip::Method::Cancel);
        house.fromOutside(answerTo(*second, 487), kSecond);
        CHECK(house.takeOne().message.method() == sip::Method::Ack);
    }
    SECTION("and rings after all, which is too late") {
        house.fromOutside(answerTo(first, 180), kFirst);
        const auto cancel = house.takeOne();
        CHECK(cancel.message.method() == sip::Method::Cancel);
        CHECK(cancel.flow.remote == kFirst);
        house.fromOutside(answerTo(first, 487), kFirst);
        CHECK(house.takeOne().message.method() == sip::Method::Ack);
        house.fromOutside(answerTo(*second, 200), kSecond);
        CHECK(house.takeOne().message.status() == 200);
    }
}

TEST_CASE("a server that has said 100 is waited for", "[proxy]") {
    House house;
    offer(house, {kFirst, kSecond});
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto first = house.takeOne();
    house.fromOutside(answerTo(first, 100, ""));
    house.loop.advance(10s);
    CHECK(house.take().empty());
    CHECK_FALSE(house.dead.isDead(base::Protocol::Udp, kFirst));
}

TEST_CASE("503 and a broken connection lead to the next server at once", "[proxy]") {
    House house;
    const auto method = GENERATE(std::string("INVITE"), std::string("MESSAGE"));
    const auto protocol = GENERATE(base::Protocol::Udp, base::Protocol::Tcp);
    offer(house, {kFirst, kSecond}, protocol);
    SECTION("503") {
        house.fromInside(fromAlice(method, "sip:bob@example.net"));
        const auto first = house.takeOne();
        CHECK(first.flow.remote == kFirst);
        house.receive(with(answerTo(first, 503), "Retry-After", "120 (maintenance)").serialize(),
                      kFirst, proxy::Side::Outside, protocol);
    }
    SECTION("refused when it is opened") {
        house.connections.refused.insert(kFirst);
        house.cutOff(kFirst);
        house.fromInside(fromAlice(method, "sip:bob@example.net"));
    }
    auto sent = house.take();
    std::erase_if(sent, [](const Sent& one) { return one.message.method() == sip::Method::Ack; });
    REQUIRE(sent.size() == 1);
    CHECK(sent.front().flow.remote == kSecond);
    CHECK(sent.front().flow.protocol == protocol);
    CHECK(house.dead.isDead(protocol, kFirst));
}

TEST_CASE("an ICMP error that quotes the request leads to the next server", "[proxy]") {
    House house;
    offer(house, {kFirst, kSecond});
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto first = house.takeOne();
    house.proxy->onUnreachable(first.flow, first.bytes, {"refused"});
    CHECK(house.takeOne().flow.remote == kSecond);
    CHECK(house.dead.isDead(base::Protocol::Udp, kFirst));
}

TEST_CASE("an ICMP error that may be forged only shortens the patience", "[proxy]") {
    House house;
    offer(house, {kFirst, kSecond});
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto first = house.takeOne();
    house.proxy->onUnreachable(first.flow, "", {"refused"});
    CHECK(house.take().empty());
    SECTION("of a server that says nothing") {
        house.loop.advance(499ms);
        CHECK(house.take().empty());
        house.loop.advance(1ms);
        const auto sent = house.take();
        CHECK(std::ranges::any_of(sent, [](const Sent& one) { return one.flow.remote == kSecond; }));
    }
    SECTION("and does no harm to one that answers") {
        house.fromOutside(answerTo(first, 100, ""), kFirst);
        house.loop.advance(10s);
        CHECK(house.take().empty());
    }
    CHECK_FALSE(house.dead.isDead(base::Protocol::Udp, kFirst));
}

TEST_CASE("forged ICMP errors do not stop calls to the only server", "[proxy]") {
    House house;
    offer(house, {kFirst});
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto first = house.takeOne();
    for (const auto* quoted : {"", "INVITE ", "INVITE sip:bob@example.org SIP/2.0\r\n"}) {
        house.proxy->onUnreachable(first.flow, quoted, {"refused"});
    }
    house.loop.advance(400ms);
    CHECK(house.take().empty());
    house.fromOutside(answerTo(first, 200, "t1"), kFirst);
    CHECK(house.takeOne().message.status() == 200);
    CHECK_FALSE(house.dead.isDead(base::Protocol::Udp, kFirst));
}

TEST_CASE("when all servers have failed the caller learns the last reason", "[proxy]") {
    House house;
    offer(house, {kFirst, kSecond});
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    house.fromOutside(answerTo(house.takeOne(), 503), kFirst);
    house.fromOutside(with(answerTo(house.takeOne(), 503), "Retry-After", "60"), kSecond);
    const auto answer = house.takeOne();
    // 503 would mean that this proxy is overloaded (RFC 3261 §16.7 step 6).
    CHECK(answer.message.status() == 500);
    CHECK_FALSE(answer.message.header("Retry-After"));
    CHECK(house.isQuiet());
}

TEST_CASE("a cancelled call is not carried to the next server", "[proxy]") {
    House house;
    offer(house, {kFirst, kSecond});
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    house.take();
    house.fromInside(fromAlice("CANCEL", "sip:bob@example.net")
                         .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE1"));
    house.loop.advance(3s);
    for (const auto& sent : house.take()) {
        CHECK(sent.flow.remote != kSecond);
    }
    CHECK(house.isQuiet());
}

TEST_CASE("a dialog stays with the server that has taken the call", "[proxy]") {
    House house;
    offer(house, {kFirst, kSecond});
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    house.fromOutside(answerTo(house.takeOne(), 503), kFirst);
    std::vector<Sent> sent = house.take();
    std::erase_if(sent, [](const Sent& one) { return one.message.method() == sip::Method::Ack; });
    REQUIRE(sent.size() == 1);
    auto answer = answerTo(sent.front(), 200, "t1");
    house.fromOutside(answer, kSecond);
    house.takeOne();
    offer(house, {kFirst, kThird, kSecond});  // the weights have fallen otherwise this time
    house.fromInside(fromAlice("ACK", "sip:bob@example.net").set("To", "<sip:bob@example.net>;tag=t1"));
    CHECK(house.takeOne().flow.remote == kSecond);
    house.fromInside(
        fromAlice("BYE", "sip:bob@example.net", 2).set("To", "<sip:bob@example.net>;tag=t1"));
    CHECK(house.takeOne().flow.remote == kSecond);
}

TEST_CASE("what is too long for a datagram takes TCP, and UDP where there is none", "[proxy]") {
    House house;
    auto draft = fromAlice("INVITE", "sip:bob@example.net").add("X-Long", std::string(1300, 'x'));
    SECTION("TCP") {
        house.fromInside(draft);
        const auto sent = house.takeOne();
        CHECK(sent.flow.protocol == base::Protocol::Tcp);
        CHECK(sent.message.via()->transport == "TCP");
        // The dialog may go on by UDP, which is what the firewall lets in.
        CHECK_FALSE(sent.contact().params.has("transport"));
    }
    SECTION("no TCP there") {
        house.connections.refused.insert(kProvider);
        house.fromInside(draft);
        CHECK(house.takeOne().flow.protocol == base::Protocol::Udp);
    }
}
