// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

/// Registers alice's phone over a connection; the Contact that the provider knows.
sip::Uri enrolBy(House& house, base::Protocol protocol,
                 const std::string& contact = "<sip:alice@10.0.0.10:5060>") {
    const auto draft = registration().set("Contact", contact + ";expires=600");
    house.receive(draft.text(), kPhone, proxy::Side::Inside, protocol);
    const auto request = house.takeOne();
    auto answer = answerTo(request, 200);
    answer.setContacts(request.message.contacts());
    house.receive(answer.serialize(), request.flow.remote, proxy::Side::Outside,
                  request.flow.protocol);
    const auto response = house.takeOne();
    REQUIRE(response.message.status() == 200);
    CHECK(response.flow.protocol == protocol);
    return request.contact();
}

}  // namespace

TEST_CASE("each side of a call has its own transport", "[proxy]") {
    House house;
    const auto phone = GENERATE(base::Protocol::Udp, base::Protocol::Tcp, base::Protocol::Tls);
    const auto provider = GENERATE(base::Protocol::Udp, base::Protocol::Tcp, base::Protocol::Tls);
    const std::uint16_t port = provider == base::Protocol::Tls ? 5061 : 5060;
    house.locator.services["example.net"] = {{provider, at("203.0.113.50", port), "example.net"}};
    house.receive(fromAlice("INVITE", "sip:bob@example.net").text(), kPhone, proxy::Side::Inside,
                  phone);
    const auto sent = house.takeOne();
    CHECK(sent.flow.protocol == provider);
    CHECK(sent.message.via()->transport == base::viaName(provider));
    CHECK(sent.message.via()->host == kPublic);
    CHECK(sent.message.via()->portOrDefault() == port);
    CHECK(sent.message.via()->params.has("alias") == (provider == base::Protocol::Tls));
    CHECK(sent.contact().host == kPublic);
    const auto transport = std::string(sent.contact().params.value("transport").value_or("udp"));
    CHECK(base::protocolFromVia(transport) == provider);
    CHECK((sent.flow.connection != 0) == base::isReliable(provider));
    if (provider == base::Protocol::Tls) {
        CHECK(house.connections.opened.back().second == "example.net");
    }

    house.receive(answerTo(sent, 200).serialize(), sent.flow.remote, proxy::Side::Outside, provider);
    const auto answer = house.takeOne();
    CHECK(answer.flow.protocol == phone);
    const auto route = answer.message.recordRoutes().back().uri;
    CHECK(route.host == "10.0.0.1");
    CHECK(base::protocolFromVia(route.params.value("transport").value_or("udp")) == phone);
    CHECK(route.portOrDefault() == (phone == base::Protocol::Tls ? 5061 : 5060));
}

TEST_CASE("the connection over which a provider has been registered at is kept", "[proxy]") {
    House house;
    house.locator.services["example.org"] = {{base::Protocol::Tcp, kProvider, "example.org"}};
    enrolBy(house, base::Protocol::Udp);
    CHECK(house.connections.kept == std::set{house.connections.number(kProvider)});
}

TEST_CASE("a phone on a connection is called by it", "[proxy]") {
    House house;
    const auto protocol = GENERATE(base::Protocol::Tcp, base::Protocol::Tls);
    const auto contact = enrolBy(house, protocol);
    const auto number = house.connections.number(kPhone);
    CHECK(house.connections.kept.contains(number));
    CHECK(house.connections.kept.size() == 1);
    house.connections.opened.clear();
    SECTION("which is still there") {
        house.fromOutside(forAlice("INVITE", contact.toString()));
        const auto sent = house.takeOne();
        CHECK(sent.flow.connection == number);
        CHECK(sent.flow.protocol == protocol);
        CHECK(sent.message.via()->transport == base::viaName(protocol));
        CHECK(house.connections.opened.empty());
    }
    SECTION("or by its Contact, when it has gone") {
        house.connections.close(number);
        house.fromOutside(forAlice("INVITE", contact.toString()));
        const auto sent = house.takeOne();
        CHECK(sent.flow.protocol == base::Protocol::Udp);
        CHECK(sent.flow.remote == kPhone);
    }
}

TEST_CASE("sips: means TLS on each hop, or none", "[proxy]") {
    House house;
    SECTION("towards the provider") {
        house.receive(fromAlice("INVITE", "sips:bob@example.net")
                          .set("Contact", "<sips:alice@10.0.0.10>")
                          .text(),
                      kPhone, proxy::Side::Inside, base::Protocol::Tls);
        const auto sent = house.takeOne();
        CHECK(sent.flow.protocol == base::Protocol::Tls);
        CHECK(sent.contact().scheme == "sips");
        CHECK(sent.contact().portOrDefault() == 5061);
        house.receive(answerTo(sent, 200).serialize(), sent.flow.remote, proxy::Side::Outside,
                      base::Protocol::Tls);
        CHECK(house.takeOne().message.recordRoutes().back().uri.scheme == "sips");
    }
    SECTION("towards a phone that can") {
        const auto contact = enrolBy(house, base::Protocol::Tls, "<sips:alice@10.0.0.10>");
        CHECK(contact.scheme == "sips");
        house.receive(forAlice("INVITE", contact.toString()).text(), kProvider,
                      proxy::Side::Outside, base::Protocol::Tls);
        const auto sent = house.takeOne();
        CHECK(sent.flow.protocol == base::Protocol::Tls);
        CHECK(sent.message.recordRoutes().front().uri.scheme == "sips");
    }
    SECTION("towards a phone that cannot") {
        auto contact = enrolBy(house, base::Protocol::Udp);
        contact.scheme = "sips";
        house.receive(forAlice("INVITE", contact.toString()).text(), kProvider,
                      proxy::Side::Outside, base::Protocol::Tls);
        const auto answer = house.takeOne();
        CHECK(answer.message.status() == 480);
        CHECK(answer.message.header("Warning").value_or("").starts_with("380 "));
    }
    SECTION("towards a phone that wants nothing else") {
        auto contact = enrolBy(house, base::Protocol::Tls, "<sips:alice@10.0.0.10>");
        contact.scheme = "sip";
        house.fromOutside(forAlice("INVITE", contact.toString()));
        const auto answer = house.takeOne();
        CHECK(answer.message.status() == 480);
        CHECK(answer.message.header("Warning").value_or("").starts_with("381 "));
    }
}

TEST_CASE("a dialog stays on the connection that it was made by", "[proxy]") {
    House house;
    const auto tlsPeer = at("203.0.113.50", 5061);
    const auto by = [&](const sip::Message& message) {
        house.receive(message.serialize(), tlsPeer, proxy::Side::Outside, base::Protocol::Tls);
    };
    SECTION("that of a call that leaves, whose certificate is for a name and not for an address") {
        house.locator.services["example.net"] = {{base::Protocol::Tls, tlsPeer, "example.net"}};
        house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
        const auto invite = house.takeOne();
        by(with(answerTo(invite, 200), "Contact", "<sip:bob@203.0.113.50:5061;transport=tls>"));
        house.takeOne();
        house.connections.opened.clear();
        const auto ack = fromAlice("ACK", "sip:bob@203.0.113.50:5061;transport=tls")
                             .set("To", "<sip:bob@example.net>;tag=t1");
        SECTION("which is open") {
            house.fromInside(ack);
            CHECK(house.takeOne().flow.connection == house.connections.number(tlsPeer));
            CHECK(house.connections.opened.empty());
        }
        SECTION("or by another one to the same name") {
            house.connections.close(house.connections.number(tlsPeer));
            house.fromInside(ack);
            house.takeOne();
            REQUIRE(house.connections.opened.size() == 1);
            CHECK(house.connections.opened.front().second == "example.net");
        }
        SECTION("unless it leads to somebody else") {
            house.fromInside(fromAlice("ACK", "sip:bob@203.0.113.60:5061;transport=tls")
                                 .set("To", "<sip:bob@example.net>;tag=t1"));
            house.takeOne();
            REQUIRE(house.connections.opened.size() == 1);
            CHECK(house.connections.opened.front().second == "203.0.113.60");
        }
    }
    SECTION("that of a call that comes") {
        const auto contact = house.enrol();
        house.receive(forAlice("INVITE", contact.toString())
                          .set("Via", "SIP/2.0/TLS 203.0.113.50:5061;branch=z9hG4bK-i")
                          .set("Record-Route", "<sip:203.0.113.50:5061;transport=tls;lr>")
                          .text(),
                      at("203.0.113.50", 41234), proxy::Side::Outside, base::Protocol::Tls);
        const auto invite = house.takeOne();
        house.fromInside(with(answerTo(invite, 200), "Contact", "<sip:alice@10.0.0.10>"));
        house.takeOne();
        house.fromInside(Draft("BYE sip:bob@203.0.113.50 SIP/2.0")
                             .add("Via", "SIP/2.0/UDP 10.0.0.10;branch=z9hG4bK-bye")
                             .add("Route", "<sip:203.0.113.50:5061;transport=tls;lr>")
                             .add("Max-Forwards", "70")
                             .add("From", "<sip:alice@example.org>;tag=t1")
                             .add("To", "<sip:bob@example.net>;tag=b1")
                             .add("Call-ID", "in1")
                             .add("CSeq", "1 BYE"));
        CHECK(house.takeOne().flow.connection ==
              house.connections.number(at("203.0.113.50", 41234)));
    }
}

TEST_CASE("a peer that offers its connection gets its requests by it", "[proxy]") {
    House house;
    const auto draft = [](std::string_view transport) {
        return fromAlice("MESSAGE", "sip:bob@example.net")
            .set("Via", "SIP/2.0/" + std::string(transport) +
                            " 10.0.0.10:5090;alias;branch=z9hG4bK-a");
    };
    house.receive(draft("TCP").text(), kPhone, proxy::Side::Inside, base::Protocol::Tcp);
    REQUIRE(house.connections.aliases.size() == 1);
    CHECK(house.connections.aliases.front().second == 5090);
    SECTION("but nobody outside on TCP, who could take another's place") {
        house.receive(forAlice("MESSAGE", "sip:alice@203.0.113.1")
                          .set("Via", "SIP/2.0/TCP 203.0.113.50;alias;branch=z9hG4bK-b")
                          .text(),
                      kProvider, proxy::Side::Outside, base::Protocol::Tcp);
        CHECK(house.connections.aliases.size() == 1);
    }
    SECTION("on TLS its certificate decides") {
        house.receive(forAlice("MESSAGE", "sip:alice@203.0.113.1")
                          .set("Via", "SIP/2.0/TLS 203.0.113.50;alias;branch=z9hG4bK-b")
                          .text(),
                      kProvider, proxy::Side::Outside, base::Protocol::Tls);
        REQUIRE(house.connections.aliases.size() == 2);
        CHECK(house.connections.aliases.back().second == 5061);
    }
}

TEST_CASE("the transport of an outbound proxy can be chosen", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.outboundProxyHost = "203.0.113.70;transport=tls";
    House house(std::move(options));
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    const auto sent = house.takeOne();
    CHECK(sent.flow.protocol == base::Protocol::Tls);
    CHECK(sent.flow.remote == at("203.0.113.70", 5061));
}

TEST_CASE("redirections are followed when the administrator wants it", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.followRedirects = GENERATE(false, true);
    const bool follows = options.proxy.proxy.followRedirects;
    House house(std::move(options));
    SECTION("of a call that leaves") {
        house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
        house.fromOutside(with(answerTo(house.takeOne(), 302), "Contact",
                               "<sip:bob@203.0.113.62>;q=0.5, <sip:bob@203.0.113.61>"));
        auto sent = house.take();
        std::erase_if(sent, [](const Sent& one) { return one.message.method() == sip::Method::Ack; });
        REQUIRE(sent.size() == 1);
        if (follows) {
            CHECK(sent[0].message.requestUriText() == "sip:bob@203.0.113.61");
            house.fromOutside(answerTo(sent[0], 486), at("203.0.113.61"));
            sent = house.take();
            REQUIRE(sent.size() == 2);  // the other one is the ACK
            CHECK(sent[1].message.requestUriText() == "sip:bob@203.0.113.62");
        } else {
            CHECK(sent[0].message.status() == 302);
        }
    }
    SECTION("but not by strangers to phones of ours") {
        house.enrol();
        house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
        house.fromOutside(with(answerTo(house.takeOne(), 302), "Contact",
                               "<sip:router@10.0.0.99>, <sip:203.0.113.1>"));
        for (const auto& sent : house.take()) {
            CHECK((sent.message.method() == sip::Method::Ack || sent.message.status() == 302));
        }
    }
    SECTION("of a phone that forwards its calls") {
        const auto contact = house.enrol();
        house.fromOutside(forAlice("INVITE", contact.toString()));
        house.fromInside(with(answerTo(house.takeOne(), 302), "Contact", "<sip:carol@other.example>"));
        auto sent = house.take();
        std::erase_if(sent, [](const Sent& one) { return one.message.method() == sip::Method::Ack; });
        REQUIRE(sent.size() == 1);
        if (follows) {
            CHECK(sent[0].flow.remote == kProvider2);
            CHECK(sent[0].message.viaCount() == 2);
            CHECK(sent[0].message.recordRoutes().front().uri.host == kPublic);
            CHECK(sent[0].contact().host == "203.0.113.50");
            house.fromOutside(with(answerTo(sent[0], 200), "Contact", "<sip:carol@198.51.100.3>"),
                              kProvider2);
            CHECK(house.takeOne().contact().host == "198.51.100.3");
        } else {
            CHECK(sent[0].message.status() == 302);
        }
    }
}
