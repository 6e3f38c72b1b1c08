// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

#include "proxy/call_id.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

HouseOptions masked() {
    HouseOptions options;
    options.proxy.maskedHosts.push_back({"10.0.0.1", "home.example.org", {}});
    options.proxy.registrar.domains = {"10.0.0.1", "home.example.org"};
    options.proxy.gate.rules.anonymous = access::RelayRules::Anonymous::Registered;
    return options;
}

Draft fromMaskedAlice(const std::string& method, int cseq = 1) {
    return fromAlice(method, "sip:bob@example.net", cseq)
        .set("From", "<sip:alice@10.0.0.1>;tag=a1");
}

}  // namespace

TEST_CASE("a phone that registers at a masked host is known by the other one outside", "[proxy]") {
    House house(masked());
    house.fromInside(registration("alice", "10.0.0.1"));
    CHECK(house.takeOne().message.status() == 200);

    SECTION("in what it sends") {
        house.fromInside(fromMaskedAlice("INVITE").set("P-Preferred-Identity",
                                                       "<sip:alice@10.0.0.1>"));
        const auto sent = house.takeOne();
        CHECK(sent.message.from().uri.toString() == "sip:alice@home.example.org");
        CHECK(sent.message.header("P-Preferred-Identity") == "<sip:alice@home.example.org>");
        CHECK_FALSE(sent.has("10.0.0."));
        house.fromOutside(answerTo(sent, 200));
        const auto answer = house.takeOne();
        CHECK(answer.message.from().uri.host == "10.0.0.1");
        house.fromOutside(Draft("BYE " + sent.contact().toString() + " SIP/2.0")
                              .add("Via", "SIP/2.0/UDP 203.0.113.50;branch=z9hG4bK-b")
                              .add("Max-Forwards", "70")
                              .add("From", "<sip:bob@example.net>;tag=t1")
                              .add("To", "<sip:alice@home.example.org>;tag=a1")
                              .add("Call-ID", "out1")
                              .add("CSeq", "1 BYE"));
        CHECK(house.takeOne().message.to().uri.host == "10.0.0.1");
    }
    SECTION("and is called by it") {
        house.fromOutside(forAlice("INVITE", "sip:alice@home.example.org")
                              .set("To", "<sip:alice@home.example.org>"));
        const auto sent = house.takeOne();
        CHECK(sent.flow.remote == kPhone);
        CHECK(sent.message.to().uri.host == "10.0.0.1");
        house.fromInside(answerTo(sent, 486));
        CHECK(house.takeOutside().message.to().uri.host == "home.example.org");
    }
}

TEST_CASE("an obscured Call-ID is the outside's only", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.obscureLoops = true;
    House house(std::move(options));
    const auto contact = house.enrol();
    house.fromInside(fromAlice("INVITE", "sip:alice@example.net"));
    const auto sent = house.takeOne();
    CHECK(sent.message.callId() == "out1-siproxda1");
    house.fromOutside(answerTo(sent, 183, "t1"));
    CHECK(house.takeOne().message.callId() == "out1");

    SECTION("of all that belongs to the dialog") {
        house.fromOutside(answerTo(sent, 200, "t1"));
        CHECK(house.takeOne().message.callId() == "out1");
        const auto within = [](const std::string& method, int cseq) {
            return fromAlice(method, "sip:alice@203.0.113.50", cseq)
                .set("To", "<sip:alice@example.net>;tag=t1");
        };
        house.fromInside(within("ACK", 1));
        CHECK(house.takeOne().message.callId() == "out1-siproxda1");
        house.fromOutside(Draft("BYE " + sent.contact().toString() + " SIP/2.0")
                              .add("Via", "SIP/2.0/UDP 203.0.113.50;branch=z9hG4bK-b")
                              .add("Max-Forwards", "70")
                              .add("From", "<sip:alice@example.net>;tag=t1")
                              .add("To", "<sip:alice@example.org>;tag=a1")
                              .add("Call-ID", "out1-siproxda1")
                              .add("CSeq", "1 BYE"));
        const auto bye = house.takeOne();
        CHECK(bye.message.callId() == "out1");
        house.fromInside(answerTo(bye, 200));
        CHECK(house.takeOne().message.callId() == "out1-siproxda1");
        CHECK(house.proxy->callCount() == 0);
    }
    SECTION("and the call that comes back is another one") {
        house.fromOutside(Draft("INVITE " + contact.toString() + " SIP/2.0")
                              .add("Via", "SIP/2.0/UDP 203.0.113.50;branch=z9hG4bK-back")
                              .add("Max-Forwards", "60")
                              .add("From", "<sip:alice@example.org>;tag=a1")
                              .add("To", "<sip:alice@example.org>")
                              .add("Call-ID", "out1-siproxda1")
                              .add("CSeq", "1 INVITE")
                              .add("Contact", "<sip:203.0.113.50>"));
        const auto back = house.takeInside();
        CHECK(back.message.callId() == "out1-siproxda1");
        house.fromInside(with(answerTo(back, 200, "p2"), "Contact", "<sip:alice@10.0.0.10>"));
        CHECK(house.takeOutside().message.callId() == "out1-siproxda1");
        house.fromInside(Draft("BYE sip:203.0.113.50 SIP/2.0")
                             .add("Via", "SIP/2.0/UDP 10.0.0.10;branch=z9hG4bK-bye")
                             .add("Max-Forwards", "70")
                             .add("From", "<sip:alice@example.org>;tag=p2")
                             .add("To", "<sip:alice@example.org>;tag=a1")
                             .add("Call-ID", "out1-siproxda1")
                             .add("CSeq", "1 BYE"));
        CHECK(house.takeOutside().message.callId() == "out1-siproxda1");
    }
}

TEST_CASE("a call that is ended here ends by the Call-ID that each party knows", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.obscureLoops = true;
    House house(std::move(options));
    const bool byName = GENERATE(false, true);
    house.locator.table["bob.example.net"] = {ip("198.51.100.7")};
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    house.fromOutside(with(with(answerTo(house.takeOutside(), 200), "Contact",
                                byName ? "<sip:bob@bob.example.net>" : "<sip:bob@198.51.100.7>"),
                           "Session-Expires", "90"));
    house.take();
    // The name server's answer comes when the call has been forgotten.
    house.locator.slow = byName;
    house.loop.advance(160s);
    house.proxy->tick();
    CHECK(house.proxy->callCount() == 0);
    house.locator.answer();
    std::size_t inside = 0;
    std::size_t outside = 0;
    for (const auto& sent : house.take()) {
        const bool isInside = sent.flow.remote == kPhone;
        (isInside ? inside : outside) += 1;
        CHECK(sent.message.methodName() == "BYE");
        CHECK(sent.message.callId() == (isInside ? "out1" : "out1-siproxda1"));
        CHECK(sent.message.fromTag() == (isInside ? "t1" : "a1"));
        CHECK(sent.message.toTag() == (isInside ? "a1" : "t1"));
    }
    CHECK(inside > 0);
    CHECK(outside > 0);
}

TEST_CASE("obscured Call-IDs are told by their tag", "[proxy]") {
    CHECK(proxy::plainCallId(proxy::obscuredCallId("x@y", "t1"), "t1") == "x@y");
    CHECK_FALSE(proxy::plainCallId("x-siproxdt1", "t2"));
    CHECK_FALSE(proxy::plainCallId("x-siproxdt1", ""));
    CHECK_FALSE(proxy::plainCallId("-siproxdt1", "t1"));
    CHECK_FALSE(proxy::plainCallId("x-t1", "t1"));
}
