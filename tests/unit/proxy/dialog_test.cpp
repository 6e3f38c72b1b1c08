// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

/// A call from bob to alice, answered; `invite` is what the phone got.
struct IncomingCall {
    IncomingCall(House& theHouse, std::string uri) : house(theHouse), contact(std::move(uri)) {
        house.fromOutside(forAlice("INVITE", contact));
        invite = std::make_unique<Sent>(house.takeInside());
        auto ok = answerTo(*invite, 200);
        ok.addHeader("Contact", "<sip:alice@10.0.0.10:5060>");
        house.fromInside(ok);
        answer = std::make_unique<Sent>(house.takeOutside());
        house.fromOutside(within("ACK", 1));
        ack = std::make_unique<Sent>(house.takeInside());
    }
    [[nodiscard]] Draft within(const std::string& method, int cseq) const {
        return forAlice(method, contact, cseq)
            .set("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bK-in-" + method +
                            std::to_string(cseq))
            .set("Record-Route", "")
            .set("To", "<sip:alice@example.org>;tag=t1");
    }
    [[nodiscard]] static Draft back(const std::string& method, int cseq) {
        return fromAlice(method, "sip:bob@203.0.113.50", cseq)
            .set("From", "<sip:alice@example.org>;tag=t1")
            .set("To", "<sip:bob@example.net>;tag=b1")
            .set("Call-ID", "in1")
            .set("Route", "<sip:siproxd@10.0.0.1:5060;lr>")
            .add("Route", "<sip:203.0.113.50;lr>");
    }

    House& house;
    std::string contact;
    std::unique_ptr<Sent> invite;
    std::unique_ptr<Sent> answer;
    std::unique_ptr<Sent> ack;
};

}  // namespace

TEST_CASE("requests of the phone within a dialog follow its route, without ours", "[proxy]") {
    House house;
    IncomingCall call(house, house.enrol().toString());
    CHECK(call.ack->flow.remote == kPhone);
    CHECK(call.ack->message.requestUriText() == "sip:alice@10.0.0.10:5060");
    for (const std::string method : {"INFO", "UPDATE", "REFER", "MESSAGE", "OPTIONS", "PRACK"}) {
        house.fromInside(IncomingCall::back(method, 7));
        const auto out = house.takeOne();
        CHECK(out.flow.remote == kProvider);
        CHECK(out.message.methodName() == method);
        CHECK(out.message.requestUriText() == "sip:bob@203.0.113.50");
        REQUIRE(out.message.routes().size() == 1);
        CHECK(out.message.routes().front().uri.host == "203.0.113.50");
        CHECK(showsNothingInside(out));
        house.fromOutside(answerTo(out, 200));
        CHECK(house.takeInside().message.status() == 200);
    }
    house.fromInside(IncomingCall::back("BYE", 8));
    house.fromOutside(answerTo(house.takeOne(), 200));
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("requests from outside within a dialog reach the phone", "[proxy]") {
    House house;
    IncomingCall call(house, house.enrol().toString());
    CHECK(registrar::tokenOf(call.answer->contact()) ==
          registrar::tokenOf(*sip::Uri::parse(call.contact)));
    for (const std::string method : {"INFO", "UPDATE", "REFER", "MESSAGE", "NOTIFY", "INVITE"}) {
        house.fromOutside(call.within(method, 7));
        const auto in = house.takeInside();
        CHECK(in.flow.remote == kPhone);
        CHECK(in.message.requestUriText() == "sip:alice@10.0.0.10:5060");
        house.fromInside(answerTo(in, 200));
        CHECK(house.takeOutside().message.status() == 200);
    }
    house.fromOutside(call.within("BYE", 8));
    const auto bye = house.takeInside();
    CHECK(bye.message.recordRoutes().empty());
    house.fromInside(answerTo(bye, 200));
    CHECK(house.takeOutside().message.status() == 200);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("the peer of a phone that is not registered finds it by its token", "[proxy]") {
    House house;
    OutgoingCall call(house);
    const auto check = [&](const Draft& draft) {
        house.fromOutside(draft);
        const auto in = house.takeInside();
        CHECK(in.flow.remote == kPhone);
        CHECK(in.message.requestUriText() == "sip:alice@10.0.0.10:5060");
        house.fromInside(answerTo(in, 200));
        house.take();
    };
    check(call.back("INFO", 1));
    // Even for a dialog that we have never seen, and with another To.
    check(call.back("NOTIFY", 2).set("Call-ID", "other").set("To", "<sip:x@y.example>;tag=z"));
    check(call.back("BYE", 3));
    CHECK(house.proxy->callCount() == 0);
}

TEST_CASE("the dialog finds the phone where the provider has lost our parameter", "[proxy]") {
    House house;
    OutgoingCall call(house);
    house.fromOutside(
        call.back("BYE", 1).set("Record-Route", ""));  // by token, to have something to compare
    const auto byToken = house.takeInside();
    CHECK(byToken.flow.remote == kPhone);

    House other;
    OutgoingCall lossy(other);
    auto bye = forAlice("BYE", "sip:alice@203.0.113.1:5060", 1)
                   .set("From", "<sip:bob@example.net>;tag=t1")
                   .set("To", "<sip:alice@example.org>;tag=a1")
                   .set("Call-ID", "out1");
    other.fromOutside(bye);
    const auto in = other.takeInside();
    CHECK(in.flow.remote == kPhone);
    CHECK(in.message.requestUriText() == "sip:alice@10.0.0.10:5060");
    other.fromInside(answerTo(in, 200));
    CHECK(other.takeOutside().message.status() == 200);
    CHECK(other.proxy->callCount() == 0);

    // Of a dialog that has ended nobody is left to be found.
    other.fromOutside(bye.set("Via", "SIP/2.0/UDP 203.0.113.50;branch=z9hG4bK-again"));
    CHECK(other.takeOne().message.status() == 408);
}

TEST_CASE("a phone that answers with another Contact is found there", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromOutside(forAlice("INVITE", contact.toString()));
    auto ok = answerTo(house.takeInside(), 200);
    ok.addHeader("Contact", "<sip:alice-x@10.0.0.10:5099;gr=1>");
    house.fromInside(ok);
    const auto out = house.takeOutside();
    CHECK(out.contact() != contact);
    CHECK(showsNothingInside(out));
    house.fromOutside(forAlice("BYE", out.contact().toString(), 2)
                          .set("To", "<sip:alice@example.org>;tag=t1"));
    const auto bye = house.takeInside();
    CHECK(bye.message.requestUriText() == "sip:alice-x@10.0.0.10:5099;gr=1");
    CHECK(bye.flow.remote == at("10.0.0.10", 5099));
}

TEST_CASE("a subscription and its NOTIFY pass", "[proxy]") {
    House house;
    house.fromInside(fromAlice("SUBSCRIBE", "sip:alice@example.org").set("Event", "message-summary"));
    const auto subscribe = house.takeOne();
    CHECK(showsNothingInside(subscribe));
    house.fromOutside(with(answerTo(subscribe, 202), "Contact", "<sip:mwi@203.0.113.50>"));
    const auto accepted = house.takeInside();
    CHECK(accepted.message.recordRoutes().size() == 1);
    house.fromOutside(forAlice("NOTIFY", subscribe.contact().toString())
                          .set("To", "<sip:alice@example.org>;tag=a1")
                          .set("Call-ID", "out1"));
    const auto notify = house.takeInside();
    CHECK(notify.flow.remote == kPhone);
    CHECK(notify.message.recordRoutes().front().uri.user == "siproxd");
    house.fromInside(answerTo(notify, 200));
    CHECK(house.takeOutside().message.status() == 200);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("the ACK of a 2xx waits for its name server alone", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    auto ok = answerTo(house.takeOutside(), 200);
    ok.addHeader("Contact", "<sip:bob@phones.example>");
    house.fromOutside(ok);
    house.take();
    house.locator.slow = true;
    house.locator.table["phones.example"] = {ip("198.51.100.9")};
    const auto ack = fromAlice("ACK", "sip:bob@phones.example")
                         .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-ack")
                         .set("To", "<sip:bob@example.net>;tag=t1");
    house.fromInside(ack);
    CHECK(house.take().empty());
    house.fromInside(fromAlice("MESSAGE", "sip:x@198.51.100.20"));
    CHECK(house.takeOne().flow.remote == at("198.51.100.20"));
    house.locator.answer();
    const auto sent = house.takeOne();
    CHECK(sent.message.method() == sip::Method::Ack);
    CHECK(sent.flow.remote == at("198.51.100.9"));
    CHECK(sent.message.viaCount() == 1);
    CHECK(showsNothingInside(sent));

    SECTION("and is lost when its name means nothing") {
        house.locator.table.erase("phones.example");
        house.fromInside(ack);
        house.locator.answer();
        CHECK(house.take().empty());
    }
}

TEST_CASE("a re-INVITE that fails leaves the call as it is", "[proxy]") {
    House house;
    OutgoingCall call(house);
    house.fromInside(call.within("INVITE", 2));
    house.fromOutside(answerTo(house.takeOutside(), 488));
    CHECK(house.takeInside().message.status() == 488);
    CHECK(house.proxy->callCount() == 1);
    house.fromOutside(call.back("INVITE", 1));
    house.fromInside(answerTo(house.takeInside(), 491));
    house.take();
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("what was needed to answer a request goes with the answer", "[proxy]") {
    House house;
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    const auto sent = house.takeOne();
    CHECK(house.proxy->pendingCount() == 4);
    house.fromOutside(answerTo(sent, 200));
    CHECK(house.takeOne().message.status() == 200);
    CHECK(house.proxy->pendingCount() == 2);  // its transactions, for retransmissions
    house.fromOutside(answerTo(sent, 200));
    CHECK(house.take().empty());
}

TEST_CASE("a refused INVITE is forgotten, an answered one not", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto sent = house.takeOutside();
    house.take();
    const bool accepts = GENERATE(false, true);
    house.fromOutside(with(answerTo(sent, accepts ? 200 : 486), "Contact", "<sip:bob@198.51.100.7>"));
    house.take();
    CHECK(house.proxy->pendingCount() == (accepts ? 4 : 2));
    house.fromOutside(with(answerTo(sent, 200, "another"), "Contact", "<sip:bob@198.51.100.7>"));
    CHECK(house.take().size() == (accepts ? 1 : 0));
}
