// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

const auto kThisHost = at(kPublic);

/// In front of a NAT router: one interface, host_outbound set.
struct SingleHouse : House {
    SingleHouse() : House([] {
        HouseOptions options;
        options.single = true;
        return options;
    }()) {}
};

}  // namespace

TEST_CASE("with a single interface phones are told by their subnet", "[proxy]") {
    SingleHouse house;
    const auto contact = house.enrol();
    CHECK(contact.host == kPublic);
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto out = house.takeOutside();
    CHECK(out.flow.local == at("10.0.0.1"));
    CHECK(out.message.via()->host == kPublic);
    CHECK(showsNothingInside(out));
    house.fromOutside(forAlice("INVITE", contact.toString()));
    const auto in = house.takeInside();
    CHECK(in.flow.remote == kPhone);
    CHECK(in.flow.local == at("10.0.0.1"));
    CHECK(in.message.recordRoutes().front().uri.host == "10.0.0.1");
}

TEST_CASE("with a single interface a registered phone elsewhere is inside too", "[proxy]") {
    SingleHouse house;
    house.inside.subnet = house.outside.subnet = {};
    house.readdress();
    // From nowhere that we know.
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    CHECK(house.takeOne().message.status() == 408);
    const registrar::Registration known{
        .aor = *sip::Uri::parse("sip:alice@example.org"),
        .contact = *sip::Uri::parse("sip:alice@10.0.0.10:5060"),
        .flow = {base::Protocol::Udp, at("10.0.0.1"), kPhone, 0},
        .provider = kProvider,
        .callId = "c",
        .cseq = 1};
    const auto binding = house.locations.prepare(known, {.host = kPublic});
    REQUIRE(binding);
    house.locations.confirm(binding->token, 600);
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net", 2));
    const auto out = house.takeOutside();
    CHECK(out.flow.remote == kProvider);
    CHECK(showsNothingInside(out));
    house.fromOutside(answerTo(out, 486));
    house.take();
    // Calls to it are masqueraded as any other.
    house.fromOutside(forAlice("INVITE", binding->masqueraded.toString()));
    const auto in = house.takeOne();
    CHECK(in.flow.remote == kPhone);
    house.fromInside(with(answerTo(in, 200), "Contact", "<sip:alice@10.0.0.10>"));
    CHECK(showsNothingInside(house.takeOne()));
}

TEST_CASE("with a single interface users outside make nobody else inside", "[proxy]") {
    HouseOptions options;
    options.single = true;
    options.proxy.gate.rules.usersOutside = GENERATE(false, true);
    const bool usersOutside = options.proxy.gate.rules.usersOutside;
    House house(std::move(options));
    const auto elsewhere = at("198.51.100.20");
    const auto binding = house.locations.prepare(
        {.aor = *sip::Uri::parse("sip:carol@10.0.0.1"),
         .contact = *sip::Uri::parse("sip:carol@198.51.100.20"),
         .flow = {base::Protocol::Udp, at("10.0.0.1"), elsewhere, 0},
         .callId = "c",
         .cseq = 1},
        {.host = kPublic});
    REQUIRE(binding);
    house.locations.confirm(binding->token, 600);
    house.fromOutside(fromAlice("INVITE", "sip:bob@example.net"), elsewhere);
    const auto sent = house.take();
    const bool goesOut = std::ranges::any_of(sent, [](const Sent& one) {
        return one.flow.remote == kProvider;
    });
    CHECK(goesOut == !usersOutside);
}

TEST_CASE("an inside address is inside by the inside interface only", "[proxy]") {
    House house;
    const auto goesOut = [&](unsigned interface) {
        const auto text = fromAlice("MESSAGE", "sip:bob@example.net", interface + 1).text();
        transport::Received received;
        received.bytes = text;
        received.flow = *house.addresses.flowTo(proxy::Side::Inside, kPhone);
        received.interfaceIndex = interface;
        house.proxy->onReceived(received);
        return std::ranges::any_of(house.take(), [](const Sent& one) {
            return one.flow.remote == kProvider;
        });
    };
    CHECK(goesOut(house.inside.interfaceIndex));
    CHECK_FALSE(goesOut(house.outside.interfaceIndex));
    CHECK_FALSE(goesOut(7));
    CHECK(goesOut(0));  // the kernel has not told
}

TEST_CASE("a phone behind a router inside may connect, and we to it", "[proxy]") {
    House house;
    const auto phone = at("192.168.77.10");
    const auto text = fromAlice("MESSAGE", "sip:bob@example.net").text();
    transport::Received received;
    received.bytes = text;
    received.flow = *house.addresses.flowTo(proxy::Side::Inside, phone, base::Protocol::Tcp);
    received.flow.connection = 1;
    const auto goesOut = [&] {
        house.proxy->onReceived(received);
        const auto sent = house.take();
        return std::ranges::any_of(sent, [](const Sent& one) {
            return one.flow.remote == kProvider;
        });
    };
    SECTION("by the interface that it comes by") {
        received.interfaceIndex = house.inside.interfaceIndex;
        CHECK(house.proxy->admitConnection(received.flow, house.inside.interfaceIndex) ==
              transport::Standing::Known);
        CHECK(goesOut());
    }
    SECTION("not by the address of ours that it connects to") {
        received.interfaceIndex = house.outside.interfaceIndex;
        CHECK(house.proxy->admitConnection(received.flow, house.outside.interfaceIndex) ==
              transport::Standing::Stranger);
        CHECK_FALSE(goesOut());
    }
    SECTION("by the address that we connect from") {
        received.openedByUs = true;
        CHECK(goesOut());
    }
    SECTION("and who is connected to from outside is outside") {
        received.flow = *house.addresses.flowTo(proxy::Side::Outside, phone, base::Protocol::Tcp);
        received.openedByUs = true;
        CHECK_FALSE(goesOut());
    }
}

TEST_CASE("what this machine sends itself goes out", "[proxy]") {
    House house;
    house.fromOutside(fromAlice("MESSAGE", "sip:bob@example.net"), kThisHost);
    CHECK(house.takeOne().flow.remote == kProvider);
    house.fromOutside(fromAlice("MESSAGE", "sip:bob@example.net", 2), at("127.0.0.1", 5070));
    CHECK(house.takeOne().flow.remote == kProvider);
}

TEST_CASE("a stranger outside cannot send through us", "[proxy]") {
    House house;
    house.enrol();
    house.fromOutside(forAlice("INVITE", "sip:00900123@example.net")
                          .set("To", "<sip:00900123@example.net>"),
                      at("198.51.100.66"));
    CHECK(house.takeOne().message.status() == 408);
    // Nor by claiming to be one of ours.
    house.fromOutside(forAlice("INVITE", "sip:00900123@example.net", 2)
                          .set("Call-ID", "in2")
                          .set("From", "<sip:alice@example.org>;tag=1")
                          .set("To", "<sip:00900123@example.net>"),
                      at("198.51.100.66"));
    CHECK(house.takeOne().message.status() == 408);
    // Nor by an inside source address on the outside interface.
    house.fromOutside(forAlice("INVITE", "sip:00900123@example.net", 3)
                          .set("Call-ID", "in3")
                          .set("To", "<sip:00900123@example.net>"),
                      kPhone);
    CHECK(house.takeOne().message.status() == 408);
    CHECK(house.isQuiet());
}

TEST_CASE("where the interface is unknown the address decides", "[proxy]") {
    House house;
    const auto draft = fromAlice("MESSAGE", "sip:bob@example.net").text();
    transport::Received received;
    received.bytes = draft;
    received.flow = *house.addresses.flowTo(proxy::Side::Inside, kPhone);
    house.proxy->onReceived(received);
    CHECK(house.takeOne().flow.remote == kProvider);
}

TEST_CASE("a call for a number is found by the account in To", "[proxy]") {
    House house;
    house.enrol();
    house.fromOutside(forAlice("INVITE", "sip:4912345@203.0.113.1"));
    const auto in = house.takeInside();
    CHECK(in.flow.remote == kPhone);
    CHECK(in.message.requestUriText() == "sip:alice@10.0.0.10:5060");
}

TEST_CASE("an unregistered phone gets no calls", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.loop.advance(700s);
    house.proxy->tick();
    house.fromOutside(forAlice("INVITE", contact.toString()));
    CHECK(house.takeOne().message.status() == 408);
}
