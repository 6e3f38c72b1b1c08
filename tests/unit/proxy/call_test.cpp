// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

TEST_CASE("an INVITE is answered 100 at once", "[proxy]") {
    House house;
    house.locator.table["example.net"] = {};
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto raw = house.takeRaw();
    REQUIRE(raw.size() == 1);
    CHECK(raw.front().first.starts_with("SIP/2.0 100 Trying\r\n"));
    CHECK(raw.front().second.remote == kPhone);
    CHECK(raw.front().second.local == at("10.0.0.1"));
}

TEST_CASE("a retransmitted INVITE is not passed on again", "[proxy]") {
    House house;
    const auto invite = fromAlice("INVITE", "sip:bob@example.net");
    house.fromInside(invite);
    house.takeOutside();
    house.fromInside(invite);
    const auto raw = house.takeRaw();
    REQUIRE(raw.size() == 1);
    CHECK(raw.front().first.starts_with("SIP/2.0 100"));
}

TEST_CASE("an outgoing INVITE shows one user agent on the outbound address", "[proxy]") {
    House house;
    house.fromInside(
        fromAlice("INVITE", "sip:bob@example.net")
            .set("Via", "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK-pbx")
            .add("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-phone;received=10.0.0.77")
            .add("Record-Route", "<sip:10.0.0.5;lr>"));
    const auto out = house.takeOutside();
    CHECK(out.flow.remote == kProvider);
    CHECK(out.flow.local == at(kPublic));
    CHECK(out.message.viaCount() == 1);
    CHECK(out.message.via()->host == kPublic);
    CHECK(out.message.via()->port == 5060);
    CHECK(out.contact().user == "alice");
    CHECK(out.contact().host == kPublic);
    CHECK(out.contact().port == 5060);
    CHECK(!registrar::tokenOf(out.contact()).empty());
    CHECK(out.message.recordRoutes().empty());
    CHECK(out.message.requestUriText() == "sip:bob@example.net");
    CHECK(out.message.maxForwards() == 69U);
    CHECK(out.message.header("User-Agent") == "Phone/1.0");
    CHECK(showsNothingInside(out));
}

TEST_CASE("an INVITE without Max-Forwards leaves with 70", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net").set("Max-Forwards", ""));
    CHECK(house.takeOutside().message.maxForwards() == 70U);
}

TEST_CASE("a registered phone calls by the Contact that its provider knows", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromInside(fromAlice("INVITE", "sip:bob@example.org"));
    CHECK(house.takeOutside().contact() == contact);
}

TEST_CASE("responses get the Vias of the request back and our Record-Route at the end", "[proxy]") {
    House house;
    house.fromInside(
        fromAlice("INVITE", "sip:bob@example.net")
            .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-top;rport")
            .add("Via", "SIP/2.0/UDP 10.0.0.20:5070;branch=z9hG4bK-below"),
        at("10.0.0.10", 6060));
    const auto out = house.takeOutside();
    auto ringing = answerTo(out, 180);
    ringing.addHeader("Record-Route", "<sip:203.0.113.50;lr>");
    ringing.addHeader("Contact", "<sip:bob@203.0.113.50>");
    house.fromOutside(ringing);
    const auto back = house.takeOne();
    CHECK(back.flow.remote == at("10.0.0.10", 6060));
    CHECK(back.message.status() == 180);
    const auto vias = back.message.vias();
    REQUIRE(vias.size() == 2);
    CHECK(vias[0].branch() == "z9hG4bK-top");
    CHECK(vias[0].params.value("rport") == "6060");
    CHECK(vias[0].params.value("received") == "10.0.0.10");
    CHECK(vias[1].branch() == "z9hG4bK-below");
    const auto routes = back.message.recordRoutes();
    REQUIRE(routes.size() == 2);
    CHECK(routes[0].uri.toString() == "sip:203.0.113.50;lr");
    CHECK(routes[1].uri.toString() == "sip:siproxd@10.0.0.1:5060;lr");
    CHECK(back.contact().toString() == "sip:bob@203.0.113.50");
}

TEST_CASE("Record-Routes of proxies inside come back behind ours", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net")
                         .add("Record-Route", "<sip:10.0.0.5;lr>")
                         .add("Record-Route", "<sip:10.0.0.6;lr>"));
    house.fromOutside(answerTo(house.takeOutside(), 200));
    const auto routes = house.takeInside().message.recordRoutes();
    REQUIRE(routes.size() == 3);
    CHECK(routes[0].uri.user == "siproxd");
    CHECK(routes[1].uri.host == "10.0.0.5");
    CHECK(routes[2].uri.host == "10.0.0.6");
}

TEST_CASE("an incoming INVITE finds the phone", "[proxy]") {
    House house;
    const auto contact = house.enrol(
        registration().set("Contact", "<sip:alice-ext@10.0.0.10:5062;line=abc;ob>;expires=600"),
        at("10.0.0.10", 5062));
    house.fromOutside(forAlice("INVITE", contact.toString()));
    const auto in = house.takeInside();
    CHECK(in.flow.remote == at("10.0.0.10", 5062));
    CHECK(in.flow.local == at("10.0.0.1"));
    CHECK(in.message.requestUriText() == "sip:alice-ext@10.0.0.10:5062;line=abc;ob");
    REQUIRE(in.message.viaCount() == 2);
    CHECK(in.message.via(0)->host == "10.0.0.1");
    CHECK(in.message.via(1)->host == "203.0.113.50");
    const auto routes = in.message.recordRoutes();
    REQUIRE(routes.size() == 2);
    CHECK(routes[0].uri.toString() == "sip:siproxd@10.0.0.1:5060;lr");
    CHECK(routes[1].uri.toString() == "sip:203.0.113.50;lr");
    CHECK(in.message.maxForwards() == 59U);
    CHECK(in.contact().toString() == "sip:bob@203.0.113.50");
}

TEST_CASE("the answer of a phone leaves as ours", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromOutside(forAlice("INVITE", contact.toString()));
    auto ringing = answerTo(house.takeInside(), 180);
    ringing.addHeader("Contact", "<sip:alice@10.0.0.10:5060>");
    ringing.addHeader("Record-Route", "<sip:10.0.0.5;lr>");
    ringing.addHeader("Warning", "399 10.0.0.10 \"just so\"");
    ringing.addHeader("Warning", "399 10.0.0.10:5060 \"just so\", 307 other.example \"what\"");
    house.fromInside(ringing);
    const auto out = house.takeOne();
    CHECK(out.flow.remote == kProvider);
    CHECK(out.message.viaCount() == 1);
    CHECK(out.message.via()->host == "203.0.113.50");
    CHECK(out.contact() == contact);
    const auto routes = out.message.recordRoutes();
    REQUIRE(routes.size() == 1);
    CHECK(routes.front().uri.host == "203.0.113.50");
    CHECK(showsNothingInside(out));
}

TEST_CASE("a call for nobody is answered 408", "[proxy]") {
    House house;
    house.fromOutside(forAlice("INVITE", "sip:nobody@203.0.113.1").set("To", "<sip:nobody@203.0.113.1>"));
    const auto out = house.takeOne();
    CHECK(out.message.status() == 408);
    CHECK(out.flow.remote == kProvider);
    CHECK(!out.message.toTag().empty());
    CHECK(house.proxy->counters().unknown == 1);
    house.fromOutside(forAlice("ACK", "sip:nobody@203.0.113.1")
                          .set("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bK-INVITE1"));
    CHECK(house.take().empty());
    CHECK(house.isQuiet());
}

TEST_CASE("the answer goes where rport says", "[proxy]") {
    House house;
    house.fromOutside(forAlice("OPTIONS", "sip:nobody@203.0.113.1")
                          .set("To", "<sip:nobody@203.0.113.1>")
                          .set("Via", "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK-x;rport"),
                      at("203.0.113.50", 40000));
    CHECK(house.takeOne().flow.remote == at("203.0.113.50", 40000));
}

TEST_CASE("a call that is answered and hung up leaves nothing behind", "[proxy]") {
    House house;
    OutgoingCall call(house);
    CHECK(house.proxy->callCount() == 1);
    CHECK(call.ack->flow.remote == at("198.51.100.7", 5070));
    CHECK(showsNothingInside(*call.ack));
    house.fromInside(call.within("BYE", 2));
    const auto bye = house.takeOne();
    CHECK(house.proxy->callCount() == 1);
    house.fromOutside(answerTo(bye, 200));
    CHECK(house.takeOne().message.status() == 200);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a challenged BYE does not end the call, its repetition does", "[proxy]") {
    House house;
    OutgoingCall call(house);
    house.fromInside(call.within("BYE", 2));
    house.fromOutside(answerTo(house.takeOne(), 407));
    house.take();
    CHECK(house.proxy->callCount() == 1);
    house.fromInside(call.within("BYE", 3));
    house.fromOutside(answerTo(house.takeOne(), 200));
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a BYE that nobody answers ends the call as well", "[proxy]") {
    House house;
    OutgoingCall call(house);
    house.fromInside(call.within("BYE", 2));
    house.take();
    house.loop.advance(33s);
    CHECK(house.take().back().message.status() == 408);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a call that fails is forgotten", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto invite = house.takeOutside();
    SECTION("busy") {
        house.fromOutside(answerTo(invite, 486));
        const auto sent = house.take();
        REQUIRE(sent.size() == 2);
        CHECK(sent[0].message.method() == sip::Method::Ack);
        CHECK(sent[0].flow.remote == kProvider);
        CHECK(sent[0].message.via()->branch() == invite.message.via()->branch());
        CHECK(sent[1].message.status() == 486);
        CHECK(sent[1].flow.remote == kPhone);
    }
    SECTION("challenged") {
        house.fromOutside(answerTo(invite, 407));
        CHECK(house.takeInside().message.status() == 407);
    }
    SECTION("nobody answers: timer B") {
        house.loop.advance(31s);
        CHECK(house.proxy->callCount() == 1);
        house.loop.advance(2s);
        CHECK(house.take().back().message.status() == 408);
    }
    SECTION("the network is down") {
        House dead;
        dead.breakNetwork();
        dead.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
        dead.loop.advance(1s);
        CHECK(dead.proxy->callCount() == 0);
        CHECK(dead.isQuiet());
        house.fromOutside(answerTo(invite, 503));
    }
    SECTION("it rings until timer C") {
        house.fromOutside(answerTo(invite, 180));
        house.take();
        // RFC 3261 §16.6 step 11: larger than three minutes.
        house.loop.advance(180s);
        CHECK(house.take().empty());
        house.loop.advance(1s);
        const auto cancel = house.takeOutside();
        CHECK(cancel.message.method() == sip::Method::Cancel);
        CHECK(cancel.message.via()->branch() == invite.message.via()->branch());
        house.fromOutside(answerTo(cancel, 200));
        house.fromOutside(answerTo(invite, 487));
        CHECK(house.takeInside().message.status() == 487);
    }
    SECTION("it rings until timer C and then nobody answers the CANCEL") {
        house.fromOutside(answerTo(invite, 180));
        house.loop.advance(182s + 33s);
        CHECK(house.take().back().message.status() == 408);
    }
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a provisional response starts timer C again", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto invite = house.takeOutside();
    for (int i = 0; i < 5; ++i) {
        house.fromOutside(answerTo(invite, 183));
        house.loop.advance(170s);
    }
    CHECK(house.proxy->callCount() == 1);
    for (const auto& sent : house.take()) {
        CHECK(sent.message.status() == 183);
    }
}

TEST_CASE("a request other than INVITE that nobody answers gets 408", "[proxy]") {
    House house;
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    house.take();
    house.loop.advance(33s);
    CHECK(house.take().back().message.status() == 408);
    CHECK(house.isQuiet());
}

TEST_CASE("retransmissions of a 2xx are passed on, for the phone to repeat its ACK", "[proxy]") {
    House house;
    OutgoingCall call(house);
    auto again = answerTo(call.invite, 200);
    again.addHeader("Contact", "<sip:bob@198.51.100.7:5070>");
    house.fromOutside(again);
    const auto repeated = house.takeOne();
    CHECK(repeated.message.status() == 200);
    CHECK(repeated.message.recordRoutes().size() == 1);
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("a late 2xx retransmission does not bring an ended call back", "[proxy]") {
    House house;
    OutgoingCall call(house);
    house.fromInside(call.within("BYE", 2));
    house.fromOutside(answerTo(house.takeOne(), 200));
    house.fromOutside(withSdp(answerTo(call.invite, 200), audioSdp("203.0.113.50", 30000)));
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("stray responses are dropped", "[proxy]") {
    House house;
    house.fromOutside(answerTo({"", {}, *sip::Message::parse(
                                            fromAlice("INVITE", "sip:bob@example.net").text())},
                               200));
    CHECK(house.take().empty());
    CHECK(house.proxy->callCount() == 0);
}

TEST_CASE("two phones call each other through their provider", "[proxy]") {
    House house;
    house.enrol();
    const auto carol = house.enrol(registration("carol", "example.org", "10.0.0.11:5060"), kPhone2);
    house.fromInside(fromAlice("INVITE", "sip:carol@example.org"));
    const auto out = house.takeOutside();
    // The provider sends it back with itself in between.
    auto back = out.message.clone();
    back.setRequestUri(carol);
    sip::Via via;
    via.host = "203.0.113.50";
    via.params.set("branch", "z9hG4bK-prov");
    back.pushVia(via);
    house.fromOutside(back);
    const auto in = house.takeInside();
    CHECK(in.flow.remote == kPhone2);
    CHECK(in.message.requestUriText() == "sip:carol@10.0.0.11:5060");
    CHECK(house.proxy->callCount() == 2);

    auto ok = answerTo(in, 200);
    ok.addHeader("Contact", "<sip:carol@10.0.0.11:5060>");
    house.fromInside(ok, kPhone2);
    auto fromCarol = house.takeOne();
    CHECK(fromCarol.flow.remote == kProvider);
    CHECK(fromCarol.contact() == carol);
    fromCarol.message.popVia();
    house.fromOutside(fromCarol.message);
    const auto answer = house.takeInside();
    CHECK(answer.flow.remote == kPhone);
    CHECK(answer.contact() == carol);

    // alice hangs up: BYE to carol's Contact outside, which is ours, and back through the loop.
    house.fromInside(fromAlice("BYE", carol.toString(), 2)
                         .set("To", "<sip:carol@example.org>;tag=t1")
                         .set("Route", "<sip:siproxd@10.0.0.1:5060;lr>"));
    const auto bye = house.takeOne();
    CHECK(bye.flow.remote == at(kPublic));
    transport::Received loop;
    loop.bytes = bye.bytes;
    loop.flow = *house.addresses.flowTo(proxy::Side::Outside, at(kPublic));
    loop.interfaceIndex = 99;  // the loopback interface
    house.proxy->onReceived(loop);
    const auto forCarol = house.takeOne();
    CHECK(forCarol.flow.remote == kPhone2);
    house.fromInside(answerTo(forCarol, 200), kPhone2);
    const auto looped = house.takeOne();
    CHECK(looped.flow.remote == at(kPublic));
    loop.bytes = looped.bytes;
    house.proxy->onReceived(loop);
    CHECK(house.takeInside().flow.remote == kPhone);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}
