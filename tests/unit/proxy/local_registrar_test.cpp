// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

HouseOptions atHome() {
    HouseOptions options;
    options.proxy.registrar.domains = {"home.example"};
    options.proxy.registrar.maxExpires = 3600s;
    return options;
}

/// A REGISTER of bob at us; the Contacts are to be added.
Draft bobs(int cseq = 1, const std::string& callId = "bob1") {
    return Draft("REGISTER sip:home.example SIP/2.0")
        .add("Via", "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-" + callId + std::to_string(cseq))
        .add("Max-Forwards", "70")
        .add("From", "<sip:bob@home.example>;tag=r")
        .add("To", "<sip:bob@home.example>")
        .add("Call-ID", callId)
        .add("CSeq", std::to_string(cseq) + " REGISTER");
}

Sent answerOf(House& house, const Draft& draft) {
    house.fromInside(draft, kPhone2);
    return house.takeOne();
}

std::map<std::string, std::string> expiries(const Sent& answer) {
    std::map<std::string, std::string> out;
    for (const auto& contact : answer.message.contacts()) {
        out[contact.uri.user + "@" + contact.uri.host] =
            std::string(contact.params.value("expires").value_or("none"));
    }
    return out;
}

using Expiries = std::map<std::string, std::string>;

Draft callBob(const std::string& uri = "sip:bob@home.example") {
    return fromAlice("INVITE", uri).set("Call-ID", "call-bob");
}

}  // namespace

TEST_CASE("the registrar answers with all Contacts and their lifetimes", "[proxy]") {
    House house(atHome());
    const auto first = answerOf(house, bobs().add("Expires", "90")
                                           .add("Contact", "<sip:bob@10.0.0.11>, <sip:bob@10.0.0.12>;expires=60;q=0.25")
                                           .add("Contact", "<mailto:bob@home.example>"));
    CHECK(first.message.status() == 200);
    CHECK(expiries(first) == Expiries{{"bob@10.0.0.11", "90"}, {"bob@10.0.0.12", "60"}});
    CHECK(first.message.contacts().back().params.value("q") == "0.250");
    house.loop.advance(10s);
    CHECK(expiries(answerOf(house, bobs(2))) ==
          Expiries{{"bob@10.0.0.11", "80"}, {"bob@10.0.0.12", "50"}});
    house.loop.advance(56s);
    CHECK(expiries(answerOf(house, bobs(3))) == Expiries{{"bob@10.0.0.11", "24"}});
    CHECK(expiries(answerOf(house, bobs(4).add("Contact", "<sip:bob@10.0.0.11>;expires=0"))).empty());
    CHECK(house.isQuiet());
}

TEST_CASE("lifetimes are asked for within limits", "[proxy]") {
    House house(atHome());
    const auto brief = answerOf(house, bobs().add("Contact", "<sip:bob@10.0.0.11>;expires=5"));
    CHECK(brief.message.status() == 423);
    CHECK(brief.message.header("Min-Expires") == "10");
    CHECK(expiries(answerOf(house, bobs(2).add("Contact", "<sip:bob@10.0.0.11>;expires=99999"))) ==
          Expiries{{"bob@10.0.0.11", "3600"}});
    CHECK(expiries(answerOf(house, bobs(3).add("Contact", "<sip:bob@10.0.0.11>"))) ==
          Expiries{{"bob@10.0.0.11", "600"}});
}

TEST_CASE("a star removes everything, and only alone and with Expires 0", "[proxy]") {
    House house(atHome());
    const auto contact = "<sip:bob@10.0.0.11>;expires=60";
    answerOf(house, bobs().add("Contact", contact));
    CHECK(answerOf(house, bobs(2).add("Contact", "*")).message.status() == 400);
    CHECK(answerOf(house, bobs(3).add("Contact", "*").add("Expires", "60")).message.status() == 400);
    CHECK(house.locations.size() == 1);
    SECTION("not when it is late") {
        CHECK(answerOf(house, bobs(1).set("Via", "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-late")
                                  .add("Contact", "*")
                                  .add("Expires", "0"))
                  .message.status() == 500);
        CHECK(house.locations.size() == 1);
    }
    SECTION("in order it works") {
        CHECK(answerOf(house, bobs(4).add("Contact", "*").add("Expires", "0")).message.status() == 200);
        CHECK(house.locations.size() == 0);
    }
}

TEST_CASE("a REGISTER that comes too late changes nothing at all", "[proxy]") {
    House house(atHome());
    answerOf(house, bobs(5).add("Contact", "<sip:bob@10.0.0.11>;expires=60"));
    const auto late = answerOf(house, bobs(4).add("Contact", "<sip:bob@10.0.0.12>;expires=60")
                                          .add("Contact", "<sip:bob@10.0.0.11>;expires=0"));
    CHECK(late.message.status() == 500);
    CHECK(expiries(answerOf(house, bobs(6))) == Expiries{{"bob@10.0.0.11", "60"}});
    // Another Call-ID is a phone that has started anew.
    CHECK(expiries(answerOf(house, bobs(1, "bob2").add("Contact", "<sip:bob@10.0.0.11>;expires=30"))) ==
          Expiries{{"bob@10.0.0.11", "30"}});
}

TEST_CASE("what the registrar cannot do is refused", "[proxy]") {
    House house(atHome());
    const auto contact = "<sip:bob@10.0.0.11>;expires=60";
    CHECK(answerOf(house, bobs(2).set("To", "<sip:home.example>").add("Contact", contact))
              .message.status() == 404);
    CHECK(answerOf(house, bobs(3).add("Contact", "<sip:bob@10.0.0.1>")).message.status() == 400);
    const auto unknown = answerOf(house, bobs(4).add("Require", "path, teleport").add("Contact", contact));
    CHECK(unknown.message.status() == 420);
    CHECK(unknown.message.header("Unsupported") == "teleport");
    auto many = bobs(5);
    for (int i = 0; i < 17; ++i) {
        many.add("Contact", "<sip:bob@10.0.1." + std::to_string(i) + ">");
    }
    CHECK(answerOf(house, many).message.status() == 503);
    CHECK(house.locations.size() == 0);
}

TEST_CASE("a domain that we do not know is taken, as the C program does, but not thought to be ours",
          "[proxy]") {
    House house(atHome());
    const auto answer = answerOf(house, bobs().set("To", "<sip:bob@example.org>")
                                            .add("Contact", "<sip:bob@10.0.0.11>;expires=60"));
    CHECK(expiries(answer) == Expiries{{"bob@10.0.0.11", "60"}});
    house.fromInside(callBob("sip:bob@example.org"));
    CHECK(house.takeOne().flow.remote == kProvider);
    house.fromInside(callBob().set("Call-ID", "other"));
    CHECK(house.takeOne().message.status() == 404);
}

TEST_CASE("a Path is kept, shown and taken", "[proxy]") {
    House house(atHome());
    const auto answer = answerOf(house, bobs().add("Supported", "path")
                                            .add("Path", "<sip:10.0.0.30;lr>")
                                            .add("Path", "<sip:10.0.0.31;lr>")
                                            .add("Contact", "<sip:bob@10.0.9.9>"));
    CHECK(answer.message.headers("Path") ==
          std::vector<std::string>{"<sip:10.0.0.30;lr>", "<sip:10.0.0.31;lr>"});
    house.fromInside(callBob());
    const auto invite = house.takeOne();
    CHECK(invite.flow.remote == at("10.0.0.30"));
    CHECK(invite.message.requestUriText() == "sip:bob@10.0.9.9");
    REQUIRE(invite.message.routes().size() == 2);
    CHECK(invite.message.routes()[1].uri.host == "10.0.0.31");
}

TEST_CASE("a call for a local user goes to his phones by q", "[proxy]") {
    House house(atHome());
    answerOf(house, bobs().add("Contact", "<sip:bob@10.0.0.11>;q=0.5")
                        .add("Contact", "<sip:bob@10.0.0.12>;q=0.5")
                        .add("Contact", "<sip:bob@10.0.0.13>"));
    const auto host = GENERATE("home.example", "HOME.example", "10.0.0.1");
    house.fromInside(callBob("sip:bob@" + std::string(host)));
    const auto first = house.takeOne();
    CHECK(first.flow.remote == at("10.0.0.13"));
    house.fromInside(answerTo(first, 486), at("10.0.0.13"));
    auto next = house.take();
    std::erase_if(next, [](const Sent& sent) { return sent.message.method() == sip::Method::Ack; });
    REQUIRE(next.size() == 2);
    CHECK(next[0].flow.remote.ip != next[1].flow.remote.ip);
    house.fromInside(answerTo(next[0], 200), next[0].flow.remote);
    auto last = house.take();
    REQUIRE(last.size() >= 1);
    CHECK(std::ranges::any_of(last, [](const Sent& sent) {
        return sent.message.status() == 200 && sent.flow.remote == kPhone;
    }));
}

TEST_CASE("a provider reaches a local user, too", "[proxy]") {
    House house(atHome());
    answerOf(house, bobs().add("Contact", "<sip:bob@10.0.0.11>"));
    house.fromOutside(forAlice("INVITE", "sip:bob@home.example").set("To", "<sip:bob@home.example>"));
    CHECK(house.takeInside().flow.remote == kPhone2);
}

TEST_CASE("a local user who is not there is answered 404, or 480 when he has a password", "[proxy]") {
    auto options = atHome();
    options.proxy.gate.authentication.realm = "home";
    options.proxy.gate.users = access::Users::parse("carol secret\n", "pw", "home").value();
    House house(std::move(options));
    house.fromInside(callBob());
    CHECK(house.takeOne().message.status() == 404);
    house.fromInside(callBob("sip:carol@home.example").set("CSeq", "2 INVITE").set("Call-ID", "c2"));
    CHECK(house.takeOne().message.status() == 480);
    house.fromInside(callBob("sip:carol@10.0.0.1").set("CSeq", "3 INVITE").set("Call-ID", "c3"));
    CHECK(house.takeOne().message.status() == 480);
    house.enrol();
    house.fromOutside(forAlice("INVITE", "sip:bob@home.example").set("To", "<sip:bob@home.example>"));
    CHECK(house.takeOne().message.status() == 404);
    house.fromOutside(forAlice("INVITE", "sip:carol@home.example", 2)
                          .set("To", "<sip:carol@home.example>")
                          .set("Call-ID", "in2"));
    CHECK(house.takeOne().message.status() == 480);
}

TEST_CASE("a stranger cannot tell users who are not there from names that nobody has", "[proxy]") {
    auto options = atHome();
    options.proxy.gate.authentication.realm = "home";
    options.proxy.gate.users = access::Users::parse("carol secret\n", "pw", "home").value();
    House house(std::move(options));
    const auto stranger = at("198.51.100.66");
    int serial = 0;
    for (const std::string method : {"INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE"}) {
        for (const std::string name :
             {"bob@home.example", "carol@home.example", "carol@203.0.113.1", "bob@203.0.113.1",
              "carol@elsewhere.example", "+49891234@home.example;user=phone"}) {
            ++serial;
            house.fromOutside(forAlice(method, "sip:" + name, serial)
                                  .set("To", "<sip:nobody@home.example>")
                                  .set("Call-ID", "c" + std::to_string(serial)),
                              stranger);
            const auto answer = house.takeOne();
            CHECK(answer.message.status() == 408);
            CHECK(answer.message.header("Warning").value_or("") == "");
            house.loop.advance(40s);
            CHECK(house.isQuiet());
        }
    }
}

TEST_CASE("a registrar's name that turns out to be ours is local from then on", "[proxy]") {
    House house;
    house.locator.table["router.lan"] = {ip("10.0.0.1")};
    auto draft = Draft("REGISTER sip:router.lan SIP/2.0");
    draft.add("Via", "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-lan")
        .add("From", "<sip:bob@router.lan>;tag=r")
        .add("To", "<sip:bob@router.lan>")
        .add("Call-ID", "lan")
        .add("CSeq", "1 REGISTER")
        .add("Contact", "<sip:bob@10.0.0.11>");
    CHECK(answerOf(house, draft).message.status() == 200);
    house.fromInside(callBob("sip:bob@router.lan"));
    CHECK(house.takeOne().flow.remote == kPhone2);
}
