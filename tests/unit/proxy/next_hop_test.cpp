// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

TEST_CASE("a slow name server delays only the request that needs it", "[proxy]") {
    House house;
    house.locator.table["dead.example"] = {};
    house.fromInside(fromAlice("INVITE", "sip:bob@dead.example"));
    CHECK(house.take().empty());
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net", 2));
    CHECK(house.takeOne().flow.remote == kProvider);
    CHECK(house.locator.wanted() == 1);
    house.locator.table["dead.example"] = {ip("198.51.100.9"), ip("198.51.100.10")};
    house.locator.answer();
    CHECK(house.takeOne().flow.remote == at("198.51.100.9"));
}

TEST_CASE("a name that means nothing is answered 503", "[proxy]") {
    House house;
    SECTION("at once where it is known") {}
    SECTION("later where the name server has to be asked") { house.locator.slow = true; }
    house.fromInside(fromAlice("INVITE", "sip:bob@missing.example"));
    house.locator.answer();
    const auto answer = house.takeOne();
    CHECK(answer.message.status() == 503);
    CHECK(answer.flow.remote == kPhone);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a name server that never answers does not hold a call beyond timer C", "[proxy]") {
    House house;
    house.locator.table["dead.example"] = {};
    house.fromInside(fromAlice("INVITE", "sip:bob@dead.example"));
    house.loop.advance(181s);
    CHECK(house.takeOne().message.status() == 408);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("the port of a URI is kept", "[proxy]") {
    House house;
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net:5099"));
    CHECK(house.takeOne().flow.remote == at("203.0.113.50", 5099));
}

TEST_CASE("Routes that lead to us are taken off and foreign ones kept", "[proxy]") {
    House house;
    house.fromInside(fromAlice("MESSAGE", "sip:bob@198.51.100.7")
                         .add("Route", "<sip:siproxd@10.0.0.1:5060;lr>, <sip:203.0.113.1;lr>")
                         .add("Route", "<sip:203.0.113.60:5070;lr>")
                         .add("Route", "<sip:203.0.113.61;lr>"));
    const auto out = house.takeOne();
    CHECK(out.flow.remote == at("203.0.113.60", 5070));
    CHECK(out.message.requestUriText() == "sip:bob@198.51.100.7");
    const auto routes = out.message.routes();
    REQUIRE(routes.size() == 2);
    CHECK(routes[0].uri.host == "203.0.113.60");
    CHECK(routes[1].uri.host == "203.0.113.61");
}

TEST_CASE("what a strict router has turned round is turned back", "[proxy]") {
    House house;
    house.fromInside(fromAlice("MESSAGE", "sip:siproxd@10.0.0.1:5060;lr")
                         .set("To", "<sip:bob@example.net>;tag=1")
                         .add("Route", "<sip:203.0.113.60;lr>")
                         .add("Route", "<sip:bob@198.51.100.7>"));
    const auto out = house.takeOne();
    CHECK(out.message.requestUriText() == "sip:bob@198.51.100.7");
    CHECK(out.flow.remote == at("203.0.113.60"));
    REQUIRE(out.message.routes().size() == 1);
}

TEST_CASE("nobody outside routes messages to hosts inside", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromOutside(forAlice("MESSAGE", contact.toString()).add("Route", "<sip:10.0.0.77:161;lr>"));
    const auto in = house.takeOne();
    CHECK(in.flow.remote == kPhone);
}

TEST_CASE("outbound_proxy_host takes everything that leaves and has no Route", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.outboundProxyHost = "203.0.113.70";
    options.proxy.proxy.outboundProxyPort = 5080;
    options.proxy.proxy.outboundDomains.push_back({"Example.ORG", "203.0.113.71", 0, {}});
    options.proxy.proxy.outboundDomains.push_back({"example.org", "203.0.113.72", 1, {}});
    House house(std::move(options));
    SECTION("but for senders of an outbound_domain, whose first match counts") {
        house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
        CHECK(house.takeOne().flow.remote == at("203.0.113.71", 5060));
    }
    SECTION("all others go there") {
        house.fromInside(
            fromAlice("MESSAGE", "sip:bob@example.net").set("From", "<sip:carol@x.example>;tag=1"));
        const auto out = house.takeOne();
        CHECK(out.flow.remote == at("203.0.113.70", 5080));
        CHECK(out.message.requestUriText() == "sip:bob@example.net");
        CHECK(out.message.routes().empty());
    }
    SECTION("a Route comes first") {
        house.fromInside(
            fromAlice("MESSAGE", "sip:bob@example.net").add("Route", "<sip:203.0.113.60;lr>"));
        CHECK(house.takeOne().flow.remote == kProvider2);
    }
    SECTION("REGISTER goes that way too, and what comes from there finds its phone") {
        house.fromInside(registration("carol", "other.example"));
        const auto out = house.takeOne();
        CHECK(out.flow.remote == at("203.0.113.70", 5080));
        auto ok = answerTo(out, 200);
        ok.setContacts(out.message.contacts());
        house.fromOutside(ok, at("203.0.113.70", 5080));
        house.take();
        house.fromOutside(forAlice("INVITE", "sip:carol@203.0.113.1").set("To", "<sip:49123@gw.example>"),
                          at("203.0.113.70", 5080));
        CHECK(house.takeInside().flow.remote == kPhone);
    }
    SECTION("requests for phones inside do not") {
        const auto contact = house.enrol(registration(), kPhone, at("203.0.113.71"));
        house.fromOutside(forAlice("MESSAGE", contact.toString()));
        CHECK(house.takeOne().flow.remote == kPhone);
    }
}

TEST_CASE("an outbound_proxy_host that is a name is resolved", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.outboundProxyHost = "other.example";
    House house(std::move(options));
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    CHECK(house.takeOne().flow.remote == kProvider2);
}

TEST_CASE("use_rport asks for rport on the sides it names", "[proxy]") {
    const auto bits = GENERATE(0U, 1U, 2U, 3U);
    HouseOptions options;
    options.proxy.proxy.useRport = bits;
    House house(std::move(options));
    const auto contact = house.enrol();
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    CHECK(house.takeOne().message.via()->params.has("rport") == ((bits & 2U) != 0));
    house.fromOutside(forAlice("MESSAGE", contact.toString()));
    CHECK(house.takeOne().message.via()->params.has("rport") == ((bits & 1U) != 0));
}


TEST_CASE("numbers and emergency services go to the sender's home", "[proxy]") {
    House house;
    const auto uri = GENERATE(std::string("tel:+44-7979-555123;phone-context=x"),
                              std::string("urn:service:sos"));
    SECTION("the domain of From") {
        house.fromInside(fromAlice("INVITE", uri));
        const auto out = house.takeOutside();
        CHECK(out.flow.remote == kProvider);
        CHECK(out.message.requestUriText() == uri);
    }
    SECTION("a Route") {
        house.fromInside(fromAlice("INVITE", uri).set("Route", "<sip:203.0.113.60;lr>"));
        CHECK(house.takeOutside().flow.remote == kProvider2);
    }
}

TEST_CASE("a number is a local user's where there is one of that name", "[proxy]") {
    HouseOptions options;
    options.proxy.registrar.domains = {"home.example"};
    House house(std::move(options));
    house.fromInside(registration("+4912345", "home.example", "10.0.0.11:5060"), kPhone2);
    REQUIRE(house.takeOne().message.status() == 200);
    const std::string number = "tel:+49-12(3)45;phone-context=x";
    const auto local = [](const std::string& uri) {
        return fromAlice("INVITE", uri).set("From", "<sip:alice@home.example>;tag=a1");
    };
    SECTION("to callers of the house, whose dialog then has it in To") {
        house.fromInside(local(number));
        const auto invite = house.takeOne();
        CHECK(invite.flow.remote == kPhone2);
        CHECK(invite.message.requestUriText() == "sip:+4912345@10.0.0.11:5060");
        CHECK(invite.message.to().uri.toString() == number);
        house.fromInside(with(answerTo(invite, 200), "Contact", "<sip:+4912345@10.0.0.11>"), kPhone2);
        const auto answer = house.takeOne();
        CHECK(answer.message.to().uri.toString() == number);
        house.fromInside(local("sip:+4912345@10.0.0.11")
                             .set("To", std::string(*answer.message.header("To")))
                             .set("CSeq", "1 ACK"));
        house.take();
        CHECK(house.proxy->callCount() == 1);
        house.fromInside(Draft("BYE sip:+4912345@10.0.0.11 SIP/2.0")
                             .add("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-telbye")
                             .add("From", "<sip:alice@home.example>;tag=a1")
                             .add("To", std::string(*answer.message.header("To")))
                             .add("Call-ID", "out1")
                             .add("CSeq", "2 BYE")
                             .add("Route", "<sip:siproxd@10.0.0.1;lr>"));
        const auto bye = house.takeOne();
        CHECK(bye.flow.remote == kPhone2);
        house.fromInside(answerTo(bye, 200), kPhone2);
        CHECK(house.proxy->callCount() == 0);
    }
    SECTION("to trunks") {
        house.fromOutside(forAlice("INVITE", number).set("To", "<" + number + ">"));
        CHECK(house.takeInside().flow.remote == kPhone2);
    }
    SECTION("not to users of a provider: theirs is the provider's numbering") {
        house.fromInside(fromAlice("INVITE", number));
        CHECK(house.takeOne().flow.remote == kProvider);
    }
    SECTION("other numbers are called by the outbound proxy") {
        auto changed = proxy::Options{};
        changed.registrar.domains = {"home.example"};
        changed.proxy.outboundProxyHost = "203.0.113.70";
        house.proxy->setOptions(std::move(changed));
        house.fromInside(local("tel:+4999"));
        const auto out = house.takeOutside();
        CHECK(out.flow.remote == at("203.0.113.70"));
        CHECK(out.message.requestUriText() == "tel:+4999");
    }
    SECTION("or nobody's, where the caller's home is here") {
        house.fromInside(local("tel:+4999"));
        CHECK(house.takeOne().message.status() == 404);
    }
}
