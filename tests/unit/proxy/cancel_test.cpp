// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

/// The CANCEL of an INVITE that a Draft made.
Draft cancelOut() {
    return fromAlice("CANCEL", "sip:bob@example.net")
        .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE1")
        .set("Contact", "")
        .set("Reason", "SIP;cause=200;text=\"Call completed elsewhere\"");
}

}  // namespace

TEST_CASE("an outgoing call is cancelled hop by hop", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto invite = house.takeOutside();
    house.fromOutside(answerTo(invite, 180));
    house.take();
    house.fromInside(cancelOut());
    auto sent = house.take();
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].message.status() == 200);
    CHECK(sent[0].message.method() == sip::Method::Cancel);
    const auto& cancel = sent[1];
    CHECK(cancel.message.method() == sip::Method::Cancel);
    CHECK(cancel.flow.remote == kProvider);
    CHECK(cancel.message.via()->branch() == invite.message.via()->branch());
    CHECK(cancel.message.header("Reason") == "SIP;cause=200;text=\"Call completed elsewhere\"");
    CHECK(showsNothingInside(cancel));
    house.fromOutside(answerTo(cancel, 200));
    CHECK(house.take().empty());
    house.fromOutside(answerTo(invite, 487));
    CHECK(house.takeInside().message.status() == 487);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a CANCEL waits until the other side has answered at all", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto invite = house.takeOutside();
    house.fromInside(cancelOut());
    CHECK(house.takeOne().message.status() == 200);
    SECTION("a provisional response lets it go") {
        house.fromOutside(answerTo(invite, 100, ""));
        CHECK(house.takeOne().message.method() == sip::Method::Cancel);
        house.fromOutside(answerTo(invite, 487));
        CHECK(house.takeInside().message.status() == 487);
    }
    SECTION("silence ends the call as cancelled") {
        house.loop.advance(33s);
        const auto sent = house.take();
        REQUIRE(!sent.empty());
        CHECK(sent.back().message.status() == 487);
    }
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a CANCEL before the name server has answered ends the call at once", "[proxy]") {
    House house;
    house.locator.slow = true;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    CHECK(house.take().empty());
    house.fromInside(cancelOut());
    const auto sent = house.take();
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].message.status() == 200);
    CHECK(sent[1].message.status() == 487);
    CHECK(house.locator.wanted() == 0);
    house.locator.answer();
    CHECK(house.take().empty());
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("an incoming call is cancelled at the phone", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromOutside(forAlice("INVITE", contact.toString()));
    const auto invite = house.takeInside();
    house.fromInside(answerTo(invite, 180));
    house.take();
    house.fromOutside(forAlice("CANCEL", contact.toString())
                          .set("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bK-INVITE1"));
    auto sent = house.take();
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].flow.remote == kProvider);
    CHECK(sent[0].message.status() == 200);
    CHECK(sent[1].flow.remote == kPhone);
    CHECK(sent[1].message.method() == sip::Method::Cancel);
    CHECK(sent[1].message.requestUriText() == "sip:alice@10.0.0.10:5060");
    house.fromInside(answerTo(sent[1], 200));
    house.fromInside(answerTo(invite, 487));
    CHECK(house.takeOutside().message.status() == 487);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a 2xx that crosses the CANCEL wins", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto invite = house.takeOutside();
    house.fromOutside(answerTo(invite, 180));
    house.take();
    house.fromInside(cancelOut());
    house.take();
    auto ok = answerTo(invite, 200);
    ok.addHeader("Contact", "<sip:bob@198.51.100.7:5070>");
    house.fromOutside(ok);
    CHECK(house.takeInside().message.status() == 200);
    CHECK(house.proxy->callCount() == 1);
    house.fromInside(OutgoingCall::within(house, "BYE", 2));
    house.fromOutside(answerTo(house.takeOne(), 200));
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a CANCEL for nothing is answered 481", "[proxy]") {
    House house;
    house.fromInside(cancelOut());
    CHECK(house.takeOne().message.status() == 481);
    CHECK(house.isQuiet());
}

TEST_CASE("a CANCEL after the answer changes nothing", "[proxy]") {
    House house;
    OutgoingCall call(house);
    house.fromInside(cancelOut());
    CHECK(house.takeOne().message.status() == 200);
    CHECK(house.proxy->callCount() == 1);
}
