// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

access::AddressList list(std::string_view text) {
    return *access::AddressList::parse(text);
}

}  // namespace

TEST_CASE("a request without hops left is answered 483", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net").set("Max-Forwards", "0"));
    CHECK(house.takeOne().message.status() == 483);
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net").set("Max-Forwards", "0"));
    CHECK(house.takeOne().message.status() == 483);
    house.fromInside(fromAlice("OPTIONS", "sip:bob@example.net").set("Max-Forwards", "0"));
    CHECK(house.takeOne().message.status() == 200);
    house.fromInside(fromAlice("ACK", "sip:bob@example.net").set("Max-Forwards", "0"));
    CHECK(house.take().empty());
    CHECK(house.isQuiet());
}

TEST_CASE("OPTIONS to the proxy itself are answered by it", "[proxy]") {
    House house;
    SECTION("from inside") { house.fromInside(fromAlice("OPTIONS", "sip:10.0.0.1")); }
    SECTION("from outside") { house.fromOutside(forAlice("OPTIONS", "sip:203.0.113.1:5060")); }
    const auto answer = house.takeOne();
    CHECK(answer.message.status() == 200);
    CHECK(answer.message.header("Allow").has_value());
    CHECK(!answer.message.toTag().empty());
    CHECK(house.isQuiet());
}

TEST_CASE("OPTIONS for a phone are passed on and say nothing of the inside", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromOutside(forAlice("OPTIONS", contact.toString()));
    const auto in = house.takeOne();
    CHECK(in.flow.remote == kPhone);
    house.fromInside(with(answerTo(in, 200), "Contact", "<sip:alice@10.0.0.10:5060>"));
    const auto out = house.takeOne();
    CHECK(out.contact() == contact);
    CHECK(showsNothingInside(out));
}

TEST_CASE("an extension that a proxy would have to know is answered 420", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net").set("Proxy-Require", "foo, bar"));
    const auto answer = house.takeOne();
    CHECK(answer.message.status() == 420);
    CHECK(answer.message.header("Unsupported") == "foo, bar");
    CHECK(house.isQuiet());
}

TEST_CASE("a request URI that is not SIP is answered 416", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "http:+4912345").set("To", "<http:+4912345>"));
    CHECK(house.takeOne().message.status() == 416);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a request that has come by here too often is answered 482", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    auto draft = forAlice("INVITE", contact.toString());
    draft.add("Via", "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK-1")
        .add("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-2");
    SECTION("twice is what a call between two phones needs") {
        house.fromOutside(draft);
        CHECK(house.takeInside().message.method() == sip::Method::Invite);
    }
    SECTION("three times is a loop") {
        house.fromOutside(draft.add("Via", "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK-3"));
        CHECK(house.takeOne().message.status() == 482);
        CHECK(house.proxy->callCount() == 0);
    }
}

TEST_CASE("who is denied hears nothing at all", "[proxy]") {
    HouseOptions options;
    options.policy.denySip = list("203.0.113.99/32");
    House house(std::move(options));
    const auto contact = house.enrol();
    house.fromOutside(forAlice("INVITE", contact.toString()), at("203.0.113.99"));
    CHECK(house.takeRaw().empty());
    house.receive("INVITE garbage of more than sixteen bytes\r\n\r\n", at("203.0.113.99"),
                  proxy::Side::Outside);
    CHECK(house.takeRaw().empty());
    CHECK(house.proxy->counters().denied == 2);
    house.fromOutside(forAlice("INVITE", contact.toString()));
    CHECK(house.takeInside().flow.remote == kPhone);
}

TEST_CASE("who may not register hears nothing of its REGISTER", "[proxy]") {
    HouseOptions options;
    options.policy.allowReg = list("10.0.0.10/32");
    House house(std::move(options));
    house.enrol();
    house.fromInside(registration("carol", "example.org", "10.0.0.11:5060"), kPhone2);
    CHECK(house.takeRaw().empty());
    // But it may make calls.
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"), kPhone2);
    CHECK(house.takeOutside().flow.remote == kProvider);
}

TEST_CASE("who may only register hears nothing of its calls", "[proxy]") {
    HouseOptions options;
    options.policy.allowSip = list("203.0.113.0/24");
    House house(std::move(options));
    house.enrol();
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    CHECK(house.takeRaw().empty());
    CHECK(house.proxy->callCount() == 0);
    house.loop.advance(100s);
    CHECK(house.proxy->pendingCount() == 0);
}

TEST_CASE("a changed policy counts from the next message on", "[proxy]") {
    House house;
    access::Policy policy;
    policy.denySip = list("10.0.0.10/32");
    house.proxy->setPolicy(std::move(policy));
    house.fromInside(registration());
    CHECK(house.takeRaw().empty());
}

TEST_CASE("a changed policy closes the connections of those whom it allows nothing", "[proxy]") {
    House house;
    house.enrol();
    house.receive("x", kPhone, proxy::Side::Inside, base::Protocol::Tcp);
    house.receive("x", kPhone2, proxy::Side::Inside, base::Protocol::Tcp);
    house.receive("x", kProvider, proxy::Side::Outside, base::Protocol::Tcp);
    house.receive("x", at("10.0.0.1", 40000), proxy::Side::Inside, base::Protocol::Tcp);
    const auto phone = house.connections.number(kPhone);
    const auto provider = house.connections.number(kProvider);
    access::Policy policy;
    SECTION("by name of the denied") {
        policy.denySip = list("10.0.0.10/32");
        house.proxy->setPolicy(policy);
        CHECK(house.connections.closed == std::set{phone});
    }
    SECTION("by leaving somebody out") {
        policy.allowSip = policy.allowReg = list("10.0.0.0/24");
        house.proxy->setPolicy(policy);
        CHECK(house.connections.closed == std::set{provider});
    }
    SECTION("but not who may still register") {
        policy.allowReg = list("10.0.0.0/24");
        policy.allowSip = list("203.0.113.0/24");
        house.proxy->setPolicy(policy);
        CHECK(house.connections.closed.empty());
    }
    SECTION("not before the names in the lists have been resolved") {
        policy.allowReg = list("10.0.0.0/24");
        policy.allowSip = list("10.0.0.0/24, pbx.example/32");
        house.proxy->setPolicy(policy);
        house.loop.advance(5s);
        house.proxy->tick();
        CHECK(house.connections.closed.empty());
        const auto named = GENERATE(false, true);
        for (auto* one : house.proxy->lists()) {
            one->resolve("pbx.example", std::vector{named ? kProvider.ip : ip("203.0.113.77")});
        }
        house.proxy->listsResolved();
        CHECK(house.connections.closed.contains(provider) == !named);
        CHECK(house.connections.closed.size() == (named ? 0U : 1U));
    }
    SECTION("or never are") {
        policy.allowReg = list("10.0.0.0/24");
        policy.allowSip = list("10.0.0.0/24, pbx.example/32");
        house.proxy->setPolicy(policy);
        house.loop.advance(31s);
        house.proxy->tick();
        CHECK(house.connections.closed == std::set{provider});
    }
}

TEST_CASE("what is no message is dropped or answered as it deserves", "[proxy]") {
    House house;
    const auto raw = [&house](std::string_view text) {
        house.receive(text, kPhone, proxy::Side::Inside);
        return house.takeRaw();
    };
    CHECK(raw("").empty());
    CHECK(raw("\r\n\r\n").empty());
    CHECK(raw(std::string(5000, 'x')).empty());
    CHECK(raw("SIP/2.0 200 OK\r\nVia: nonsense\r\n\r\n").empty());
    CHECK(house.proxy->counters().malformed == 4);

    auto noCallId = fromAlice("INVITE", "sip:bob@example.net").set("Call-ID", "").text();
    CHECK(raw(noCallId).empty());  // what an answer must have is not there

    auto text = fromAlice("INVITE", "sip:bob@example.net").set("Contact", "<<>>").text();
    auto answers = raw(text);
    REQUIRE(answers.size() == 1);
    CHECK(answers.front().first.starts_with("SIP/2.0 400 "));
    CHECK(answers.front().second.remote == kPhone);

    text = fromAlice("INVITE", "sip:bob@example.net").text();
    text.replace(text.find("SIP/2.0\r\n"), 7, "SIP/3.0");
    answers = raw(text);
    REQUIRE(answers.size() == 1);
    CHECK(answers.front().first.starts_with("SIP/2.0 505 "));

    text = fromAlice("ACK", "sip:bob@example.net").set("Contact", "<<>>").text();
    CHECK(raw(text).empty());
    CHECK(house.isQuiet());
}

TEST_CASE("unknown methods pass in both directions", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromInside(fromAlice("GREET", "sip:bob@example.net"));
    const auto out = house.takeOne();
    CHECK(out.message.methodName() == "GREET");
    house.fromOutside(answerTo(out, 501));
    CHECK(house.takeOne().message.status() == 501);
    house.fromOutside(forAlice("GREET", contact.toString()));
    CHECK(house.takeOne().flow.remote == kPhone);
}
