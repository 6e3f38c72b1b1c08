// SPDX-License-Identifier: GPL-2.0-or-later
/// Proxies between us and the phones (RFC 3261 §12, §16.6): they are not shown outside, and still
/// see all of a dialog.
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

/// An INVITE of alice that has come through 10.0.0.6, then 10.0.0.5, which then sends everything.
Draft throughTwo() {
    return fromAlice("INVITE", "sip:bob@example.net")
        .add("Record-Route", "<sip:10.0.0.5;lr>")
        .add("Record-Route", "<sip:pbx.home;lr>");
}

std::vector<std::string> routesOf(const Sent& sent) {
    std::vector<std::string> out;
    for (const auto& route : sent.message.routes()) {
        out.push_back(route.uri.toString());
    }
    return out;
}

/// BYE of the called one, to the Contact that it was shown.
Draft byeOfBob(const sip::Uri& contact) {
    return forAlice("BYE", contact.toString())
        .set("From", "<sip:bob@example.net>;tag=t1")
        .set("To", "<sip:alice@example.org>;tag=a1")
        .set("Call-ID", "out1");
}

const std::vector<std::string> kBoth{"sip:10.0.0.5;lr", "sip:pbx.home;lr"};

}  // namespace

TEST_CASE("requests of the called one go back through the proxies inside", "[proxy]") {
    House house;
    house.fromInside(throughTwo(), at("10.0.0.5"));
    const auto invite = house.takeOutside();
    CHECK(showsNothingInside(invite));
    CHECK_FALSE(invite.has("pbx.home"));
    CHECK(invite.message.recordRoutes().empty());
    house.fromOutside(with(answerTo(invite, 200), "Contact", "<sip:bob@198.51.100.7>"));
    house.take();

    auto contact = invite.contact();
    SECTION("by the token in the Contact") {}
    SECTION("also where the provider has lost it") { contact.params.remove("siproxd"); }
    house.fromOutside(byeOfBob(contact).set("Route", "<sip:10.0.0.99;lr>"));
    const auto bye = house.takeInside();
    CHECK(bye.flow.remote == at("10.0.0.5"));
    CHECK(bye.message.requestUriText() == "sip:alice@10.0.0.10:5060");
    CHECK(routesOf(bye) == kBoth);
}

TEST_CASE("requests of the caller go through the proxies that the called phone is behind",
          "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromOutside(forAlice("INVITE", contact.toString()));
    auto ok = answerTo(house.takeInside(), 200);
    // They read from the phone: the one nearest to us has put its own in first, above ours.
    auto routes = ok.recordRoutes();
    routes.insert(routes.begin(),
                  {*sip::NameAddr::parse("<sip:pbx.home;lr>"), *sip::NameAddr::parse("<sip:10.0.0.5;lr>")});
    ok.setRecordRoutes(routes);
    ok.addHeader("Contact", "<sip:alice@10.0.0.10:5060>");
    house.fromInside(ok);
    const auto answer = house.takeOutside();
    CHECK(showsNothingInside(answer));
    CHECK_FALSE(answer.has("pbx.home"));
    CHECK(answer.message.recordRoutes().size() == 1);

    for (const std::string method : {"ACK", "INFO", "INVITE"}) {
        house.fromOutside(forAlice(method, answer.contact().toString(), 7)
                              .set("To", "<sip:alice@example.org>;tag=t1"));
        const auto in = house.takeInside();
        CHECK(in.flow.remote == at("10.0.0.5"));
        CHECK(in.message.requestUriText() == "sip:alice@10.0.0.10:5060");
        CHECK(routesOf(in) == kBoth);
        if (method == "INVITE") {
            // The answer to a re-INVITE has no Record-Route and changes nothing.
            auto again = sip::Message::response(in.message, 200, "", "t1");
            again.addHeader("Contact", "<sip:alice@10.0.0.10:5060>");
            house.fromInside(again);
            CHECK(house.takeOutside().contact() == answer.contact());
        } else if (method == "INFO") {
            house.fromInside(answerTo(in, 200));
            house.take();
        }
    }
}

TEST_CASE("a strict router inside gets what it understands", "[proxy]") {
    House house;
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net")
                         .add("Record-Route", "<sip:old@10.0.0.5>")
                         .add("Record-Route", "<sip:10.0.0.6;lr>"),
                     at("10.0.0.5"));
    const auto invite = house.takeOutside();
    house.fromOutside(with(answerTo(invite, 200), "Contact", "<sip:bob@198.51.100.7>"));
    house.take();
    house.fromOutside(byeOfBob(invite.contact()));
    const auto bye = house.takeInside();
    CHECK(bye.flow.remote == at("10.0.0.5"));
    CHECK(bye.message.requestUriText() == "sip:old@10.0.0.5");
    CHECK(routesOf(bye) ==
          std::vector<std::string>{"sip:10.0.0.6;lr", "sip:alice@10.0.0.10:5060"});
}

TEST_CASE("nobody makes us remember a route set that is not meant seriously", "[proxy]") {
    House house;
    auto draft = fromAlice("INVITE", "sip:bob@example.net");
    SECTION("too many") {
        for (int i = 0; i < 17; ++i) {
            draft.add("Record-Route", "<sip:10.0.0.5;lr>");
        }
    }
    SECTION("too long") {
        draft.add("Record-Route", "<sip:" + std::string(1100, 'x') + "@10.0.0.5;lr>")
            .add("Record-Route", "<sip:" + std::string(1100, 'y') + "@10.0.0.5;lr>");
    }
    house.fromInside(draft, at("10.0.0.5"));
    const auto invite = house.takeOutside();
    CHECK(invite.message.recordRoutes().empty());
    house.fromOutside(with(answerTo(invite, 200), "Contact", "<sip:bob@198.51.100.7>"));
    house.take();
    house.fromOutside(byeOfBob(invite.contact()));
    const auto bye = house.takeInside();
    CHECK(bye.flow.remote == kPhone);
    CHECK(bye.message.routes().empty());
}

TEST_CASE("a strict router outside gets what it understands", "[proxy]") {
    House house;
    const auto method = GENERATE(std::string("INFO"), std::string("ACK"));
    house.fromInside(fromAlice(method, "sip:bob@198.51.100.7")
                         .set("To", "<sip:bob@example.net>;tag=t1")
                         .set("Route", "<sip:siproxd@10.0.0.1:5060;lr>")
                         .add("Route", "<sip:203.0.113.50>")
                         .add("Route", "<sip:203.0.113.51;lr>"));
    const auto info = house.takeOutside();
    CHECK(info.flow.remote == kProvider);
    CHECK(info.message.requestUriText() == "sip:203.0.113.50");
    CHECK(routesOf(info) ==
          std::vector<std::string>{"sip:203.0.113.51;lr", "sip:bob@198.51.100.7"});
}
