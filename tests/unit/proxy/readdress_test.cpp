// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <string>

#include "harness.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

HouseOptions withMedia() {
    HouseOptions options;
    options.media = true;
    return options;
}

/// A call with media between a phone and the outside; the relay is on 127.0.0.1 and 127.0.0.2.
OutgoingCall talk(House& house) {
    return OutgoingCall(house, audioSdp("10.0.0.10", 4000), audioSdp("203.0.113.50", 5000));
}

}  // namespace

TEST_CASE("Calls end when another address has come in place of theirs", "[proxy]") {
    House house(withMedia());
    const auto call = talk(house);
    CHECK(house.proxy->callCount() == 1);
    CHECK(house.streams() == 1);
    house.outside.ip = ip("127.0.0.3");
    house.outside.announced = ip("198.51.100.9");
    house.outside.host = "198.51.100.9";
    house.readdress();
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.streams() == 0);
    house.take();
    // The next one is on the new address.
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net")
                         .set("Call-ID", "next")
                         .sdp(audioSdp("10.0.0.10", 4000)));
    const auto invite = house.takeOutside();
    CHECK(invite.contact().host == "198.51.100.9");
    CHECK(invite.line("c=") == "c=IN IP4 198.51.100.9");
    CHECK(invite.flow.local.ip == ip("127.0.0.3"));
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("Both parties are told that a call is over whose address has gone", "[proxy]") {
    House house(withMedia());
    const auto moveAway = [&house] {
        house.outside.ip = ip("127.0.0.3");
        house.outside.announced = ip("198.51.100.9");
        house.outside.host = "198.51.100.9";
        house.readdress();
        auto sent = house.take();
        std::ranges::sort(sent, {}, [](const Sent& one) { return one.flow.remote; });
        REQUIRE(sent.size() == 2);
        for (const auto& one : sent) {
            CHECK(one.message.methodName() == "BYE");
        }
        return sent;
    };
    SECTION("one that was made from inside") {
        const auto call = talk(house);
        house.fromInside(call.within("INFO", 7));
        house.fromOutside(answerTo(house.takeOutside(), 200));
        house.take();
        const auto sent = moveAway();
        const auto& toPhone = sent[0];
        CHECK(toPhone.flow.remote == kPhone);
        CHECK(toPhone.message.requestUriText() == "sip:alice@10.0.0.10:5060");
        CHECK(toPhone.message.from().toString() == "<sip:bob@example.net>;tag=t1");
        CHECK(toPhone.message.to().toString() == "<sip:alice@example.org>;tag=a1");
        CHECK(toPhone.message.callId() == "out1");
        const auto& toPeer = sent[1];
        CHECK(toPeer.flow.remote == at("198.51.100.7", 5070));
        CHECK(toPeer.flow.local.ip == ip("127.0.0.3"));
        CHECK(toPeer.message.requestUriText() == "sip:bob@198.51.100.7:5070");
        CHECK(toPeer.message.from().toString() == "<sip:alice@example.org>;tag=a1");
        CHECK(toPeer.message.to().toString() == "<sip:bob@example.net>;tag=t1");
        CHECK(toPeer.message.cseq().number == 8);
        CHECK(toPeer.message.viaCount() == 1);
        CHECK_FALSE(toPeer.has("10.0.0."));
        house.fromInside(answerTo(toPhone, 200));
        house.fromOutside(answerTo(toPeer, 481), at("198.51.100.7", 5070));
        CHECK(house.take().empty());
    }
    SECTION("one that came from outside, by its Record-Route") {
        const auto contact = house.enrol();
        house.fromOutside(forAlice("INVITE", contact.toString(), 5)
                              .sdp(audioSdp("203.0.113.50", 5000)));
        house.fromInside(withSdp(with(answerTo(house.takeInside(), 200, "a9"), "Contact",
                                      "<sip:alice@10.0.0.10:5060>"),
                                 audioSdp("10.0.0.10", 4000)));
        house.take();
        const auto sent = moveAway();
        CHECK(sent[0].flow.remote == kPhone);
        CHECK(sent[0].message.cseq().number == 6);
        CHECK(sent[0].message.toTag() == "a9");
        CHECK(sent[1].flow.remote == kProvider);
        REQUIRE(sent[1].message.routes().size() == 1);
        CHECK(sent[1].message.routes().front().uri.host == "203.0.113.50");
        CHECK(sent[1].message.fromTag() == "a9");
        CHECK(sent[1].message.toTag() == "b1");
        // The provider is told where the phone is from now on.
        house.loop.advance(1ms);
        const auto renewal = house.takeOne();
        auto answer = answerTo(renewal, 200);
        answer.setContacts(renewal.message.contacts());
        house.fromOutside(answer);
    }
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("Calls outlive a moment without their address", "[proxy]") {
    House house(withMedia());
    const auto call = talk(house);
    const auto present = house.addresses;
    proxy::Addresses without;
    without.add(house.inside);
    house.proxy->setAddresses(without);
    house.loop.advance(9s);
    house.proxy->tick();
    CHECK(house.proxy->callCount() == 1);
    house.proxy->setAddresses(present);
    house.loop.advance(5s);
    house.proxy->tick();
    CHECK(house.proxy->callCount() == 1);

    house.proxy->setAddresses(without);
    house.loop.advance(11s);
    house.proxy->tick();
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.streams() == 0);
}

TEST_CASE("Calls stay when only the outside's name for us changes", "[proxy]") {
    House house(withMedia());
    const auto call = talk(house);
    house.outside.host = "pbx.example";
    house.outside.announced = ip("198.51.100.9");
    house.readdress();
    house.loop.advance(30s);
    house.proxy->tick();
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("Without an address outside a phone is told that it cannot call now", "[proxy]") {
    House house;
    house.addresses = {};
    house.addresses.add(house.inside);
    house.proxy->setAddresses(house.addresses);
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    CHECK(house.takeOne().message.status() == 503);
    house.fromInside(registration());
    CHECK(house.takeOne().message.status() == 503);
    house.outside.host = "198.51.100.9";
    house.readdress();
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2));
    CHECK(house.takeOne().contact().host == "198.51.100.9");
}

TEST_CASE("Who came by an interface that has been made anew has to connect again", "[proxy]") {
    House house;
    house.receive("x", kPhone, proxy::Side::Inside, base::Protocol::Tcp);
    house.receive("x", kProvider, proxy::Side::Outside, base::Protocol::Tcp);
    house.readdress();
    CHECK(house.connections.closed.empty());
    house.inside.interfaceIndex = 9;
    house.readdress();
    CHECK(house.connections.closed == std::set{house.connections.number(kPhone)});
}
