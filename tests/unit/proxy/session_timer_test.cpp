// SPDX-License-Identifier: GPL-2.0-or-later
/// RFC 4028, seen by a proxy that does not take part: a session that nobody refreshes is over.
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

/// An answered call of alice; the 2xx agrees on `timer`.
void establish(House& house, const std::string& timer) {
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    auto ok = with(answerTo(house.takeOutside(), 200), "Contact", "<sip:bob@198.51.100.7>");
    house.fromOutside(timer.empty() ? std::move(ok) : with(std::move(ok), "Session-Expires", timer));
    house.take();
}

void pass(House& house, std::chrono::seconds time) {
    for (; time > 0s; time -= 5s) {
        house.loop.advance(5s);
        house.proxy->tick();
    }
}

}  // namespace

TEST_CASE("a session that is not refreshed ends, and its ports come back", "[proxy]") {
    House house;
    establish(house, "90;refresher=uac");
    pass(house, 90s);
    CHECK(house.proxy->callCount() == 1);  // whoever misses the refresh may still say BYE
    pass(house, 70s);
    CHECK(house.proxy->callCount() == 0);
}

TEST_CASE("a refresh keeps the session", "[proxy]") {
    House house;
    establish(house, "90");
    const auto method = GENERATE(std::string("INVITE"), std::string("UPDATE"));
    for (int cseq = 2; cseq < 8; ++cseq) {
        pass(house, 60s);
        house.fromInside(OutgoingCall::within(house, method, cseq));
        house.fromOutside(with(answerTo(house.takeOutside(), 200), "x", "90"));
        house.take();
        CHECK(house.proxy->callCount() == 1);
    }
    SECTION("until somebody drops the timer") {
        house.fromInside(OutgoingCall::within(house, method, 9));
        house.fromOutside(answerTo(house.takeOutside(), 200));
        pass(house, 600s);
        CHECK(house.proxy->callCount() == 1);
    }
    SECTION("or does not come") {
        pass(house, 160s);
        CHECK(house.proxy->callCount() == 0);
    }
}

TEST_CASE("a session without a timer lasts", "[proxy]") {
    House house;
    establish(house, GENERATE(std::string(), std::string("nonsense")));
    pass(house, 3600s);
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("both parties hear that their session has run out", "[proxy]") {
    House house;
    establish(house, "90");
    pass(house, 160s);
    std::vector<base::SocketAddress> told;
    for (const auto& sent : house.take()) {
        CHECK(sent.message.methodName() == "BYE");
        CHECK(sent.message.header("Reason") == "SIP;cause=408;text=\"Session Not Refreshed\"");
        told.push_back(sent.flow.remote);
    }
    std::ranges::sort(told);
    told.erase(std::unique(told.begin(), told.end()), told.end());
    CHECK(told == std::vector{kPhone, at("198.51.100.7")});
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("times that no session has are not taken at their word", "[proxy]") {
    House house;
    SECTION("shorter than RFC 4028 allows") {
        establish(house, "1");
        pass(house, 90s);
        CHECK(house.proxy->callCount() == 1);
        pass(house, 70s);
        CHECK(house.proxy->callCount() == 0);
    }
    SECTION("longer than anybody talks") {
        establish(house, "4294967295");
        pass(house, 3600s);
        CHECK(house.proxy->callCount() == 1);
    }
}

TEST_CASE("two phones of the house both hear that their session has run out", "[proxy]") {
    HouseOptions options;
    options.proxy.registrar.domains = {"home.example"};
    House house(std::move(options));
    house.fromInside(registration("bob", "home.example", "10.0.0.11:5060"), kPhone2);
    house.take();
    const auto timed = [](sip::Message ok, const std::string& contact) {
        return with(with(std::move(ok), "Contact", contact), "Session-Expires", "90");
    };
    house.fromInside(fromAlice("INVITE", "sip:bob@home.example", 4));
    house.fromInside(timed(answerTo(house.takeOne(), 200), "<sip:bob@10.0.0.11:5060>"), kPhone2);
    house.take();
    // The one who was called refreshes: whose Contact is whose does not change.
    house.fromInside(Draft("INVITE sip:alice@10.0.0.10:5060 SIP/2.0")
                         .add("Via", "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-refresh")
                         .add("From", "<sip:bob@home.example>;tag=t1")
                         .add("To", "<sip:alice@example.org>;tag=a1")
                         .add("Call-ID", "out1")
                         .add("CSeq", "9 INVITE")
                         .add("Contact", "<sip:bob@10.0.0.11:5060>")
                         .add("Route", "<sip:siproxd@10.0.0.1;lr>"),
                     kPhone2);
    house.fromInside(timed(answerTo(house.takeOne(), 200, ""), "<sip:alice@10.0.0.10:5060>"));
    house.take();
    for (int i = 0; i < 32 && house.proxy->callCount() > 0; ++i) {
        house.loop.advance(5s);
        house.proxy->tick();
    }
    auto sent = house.take();
    REQUIRE(sent.size() == 2);
    std::ranges::sort(sent, {}, [](const Sent& one) { return one.flow.remote; });
    CHECK(sent[0].flow.remote == kPhone);
    CHECK(sent[0].message.requestUriText() == "sip:alice@10.0.0.10:5060");
    CHECK(sent[0].message.from().toString() == "<sip:bob@home.example>;tag=t1");
    CHECK(sent[0].message.to().toString() == "<sip:alice@example.org>;tag=a1");
    CHECK(sent[0].message.cseq().number == 10);
    CHECK(sent[1].flow.remote == kPhone2);
    CHECK(sent[1].message.requestUriText() == "sip:bob@10.0.0.11:5060");
    CHECK(sent[1].message.fromTag() == "a1");
    CHECK(sent[1].message.toTag() == "t1");
    CHECK(sent[1].message.cseq().number == 5);
    CHECK(house.isQuiet());
}

TEST_CASE("of a dialog with endless names nothing is kept to end it by", "[proxy]") {
    House house;
    const std::string endless(2000, 'x');
    const auto byes = [&house] {
        pass(house, 160s);
        const auto sent = house.take();
        CHECK(house.proxy->callCount() == 0);
        return std::ranges::count_if(
            sent, [](const Sent& one) { return one.message.methodName() == "BYE"; });
    };
    auto invite = fromAlice("INVITE", "sip:bob@example.net");
    SECTION("the caller's") { invite.set("From", "<sip:" + endless + "@example.org>;tag=a1"); }
    SECTION("the callee's") { invite.set("To", "<sip:" + endless + "@example.net>"); }
    SECTION("the Contact of who is outside") {
        house.fromInside(invite);
        house.fromOutside(with(with(answerTo(house.takeOutside(), 200), "Session-Expires", "90"),
                               "Contact", "<sip:" + endless + "@198.51.100.7>"));
        // What bob sends later does not make him the caller.
        house.fromOutside(forAlice("UPDATE", house.takeInside().contact().toString(), 7)
                              .set("From", "<sip:bob@example.net>;tag=t1")
                              .set("To", "<sip:alice@example.org>;tag=a1")
                              .set("Call-ID", "out1"));
        CHECK(byes() == 0);
        return;
    }
    house.fromInside(invite);
    house.fromOutside(with(with(answerTo(house.takeOutside(), 200), "Session-Expires", "90"),
                           "Contact", "<sip:bob@198.51.100.7>"));
    house.take();
    CHECK(byes() == 0);
}

TEST_CASE("a party without a tag is told without one", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net").set("From", "<sip:alice@example.org>"));
    house.fromOutside(with(with(answerTo(house.takeOutside(), 200), "Contact", "<sip:bob@198.51.100.7>"),
                           "Session-Expires", "90"));
    house.take();
    pass(house, 160s);
    const auto told = house.take();  // parses all of it
    CHECK(told.size() >= 2);
    for (const auto& sent : told) {
        CHECK_FALSE(sent.has("tag=\r"));
    }
}
