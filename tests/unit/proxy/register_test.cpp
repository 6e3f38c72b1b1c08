// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

const sip::Uri kAlice = *sip::Uri::parse("sip:alice@example.org");

sip::Message accepted(const Sent& request) {
    auto ok = answerTo(request, 200);
    ok.setContacts(request.message.contacts());
    return ok;
}

}  // namespace

TEST_CASE("a REGISTER leaves with one Via, our Contact and nothing of the inside", "[proxy]") {
    House house;
    house.fromInside(registration());
    const auto out = house.takeOne();
    CHECK(out.flow.remote == kProvider);
    CHECK(out.flow.local == at(kPublic));
    CHECK(out.message.requestUriText() == "sip:example.org");
    CHECK(out.message.viaCount() == 1);
    CHECK(out.message.via()->host == kPublic);
    CHECK(out.contact().user == "alice");
    CHECK(out.contact().host == kPublic);
    CHECK(registrar::tokenOf(out.contact()).size() == 16);
    CHECK(out.message.contacts().front().params.value("expires") == "600");
    CHECK(out.message.maxForwards() == 69U);
    CHECK(showsNothingInside(out));
}

TEST_CASE("the phone sees its own Via and Contact in the answer to its REGISTER", "[proxy]") {
    House house;
    house.fromInside(registration().set("Contact", "<sip:alice@10.0.0.10:5060;line=7>;expires=600"));
    const auto out = house.takeOne();
    auto ok = accepted(out);
    ok.addHeader("P-Associated-URI", "<sip:alice@example.org>");
    house.fromOutside(ok);
    const auto back = house.takeOne();
    CHECK(back.flow.remote == kPhone);
    CHECK(back.flow.local == at("10.0.0.1"));
    CHECK(back.message.viaCount() == 1);
    CHECK(back.message.via()->host == "10.0.0.10");
    CHECK(back.contact().toString() == "sip:alice@10.0.0.10:5060;line=7");
    CHECK(back.message.recordRoutes().empty());
    CHECK(house.isQuiet());
}

TEST_CASE("a binding counts only once the provider has said 2xx", "[proxy]") {
    House house;
    house.fromInside(registration());
    const auto out = house.takeOne();
    CHECK(house.locations.byAor(kAlice).empty());

    SECTION("and never when it refuses") {
        house.fromOutside(answerTo(out, 403));
        CHECK(house.takeOne().message.status() == 403);
        CHECK(house.locations.size() == 0);
    }
    SECTION("and never when it does not answer") {
        house.loop.advance(33s);
        CHECK(house.take().back().message.status() == 408);
        CHECK(house.locations.size() == 0);
    }
    SECTION("and from then on calls find the phone") {
        house.fromOutside(accepted(out));
        house.take();
        CHECK(house.locations.byAor(kAlice).size() == 1);
    }
    CHECK(house.isQuiet());
}

TEST_CASE("a binding lives as long as the provider grants it", "[proxy]") {
    House house;
    house.fromInside(registration());
    auto ok = accepted(house.takeOne());
    auto contacts = ok.contacts();
    SECTION("by the Contact's parameter") {
        contacts.front().params.set("expires", "90");
        ok.setHeader("Expires", "3000");
    }
    SECTION("by the Expires header when the Contact has none") {
        contacts.front().params.remove("expires");
        ok.setHeader("Expires", "90");
    }
    ok.setContacts(contacts);
    house.fromOutside(ok);
    house.loop.advance(94s);
    CHECK(house.locations.byAor(kAlice).size() == 1);
    house.loop.advance(2s);
    CHECK(house.locations.byAor(kAlice).empty());
}

TEST_CASE("a REGISTER without an expiry gets the default one", "[proxy]") {
    HouseOptions options;
    options.proxy.defaultExpires = 111s;
    House house(std::move(options));
    house.fromInside(registration().set("Contact", "<sip:alice@10.0.0.10:5060>"));
    const auto out = house.takeOne();
    CHECK(out.message.header("Expires") == "111");
    auto ok = answerTo(out, 200);
    ok.setContacts(out.message.contacts());
    house.fromOutside(ok);
    house.loop.advance(115s);
    CHECK(house.locations.byAor(kAlice).size() == 1);
    house.loop.advance(2s);
    CHECK(house.locations.byAor(kAlice).empty());
}

TEST_CASE("a 200 without any Contact counts as what was asked for", "[proxy]") {
    House house;
    house.fromInside(registration());
    house.fromOutside(answerTo(house.takeOne(), 200));
    CHECK(house.takeOne().message.contacts().empty());
    CHECK(house.locations.byAor(kAlice).size() == 1);
}

TEST_CASE("a challenged REGISTER keeps its token for the next try", "[proxy]") {
    House house;
    house.fromInside(registration());
    const auto first = house.takeOne();
    house.fromOutside(with(answerTo(first, 401), "WWW-Authenticate",
                           "Digest realm=\"example.org\", nonce=\"n\""));
    const auto challenge = house.takeOne();
    CHECK(challenge.message.status() == 401);
    CHECK(challenge.message.header("WWW-Authenticate").has_value());
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2)
                         .set("Authorization", "Digest username=\"alice\""));
    const auto second = house.takeOne();
    CHECK(second.contact() == first.contact());
    house.fromOutside(accepted(second));
    CHECK(house.takeOne().message.status() == 200);
    CHECK(house.locations.byAor(kAlice).size() == 1);
}

TEST_CASE("a refresh keeps the token and a failed one keeps the binding", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2));
    const auto refresh = house.takeOne();
    CHECK(refresh.contact() == contact);
    house.fromOutside(answerTo(refresh, 500));
    house.take();
    CHECK(house.locations.byAor(kAlice).size() == 1);
}

TEST_CASE("Contact: * passes as it is and ends all bindings of its address", "[proxy]") {
    House house;
    house.enrol();
    house.enrol(registration("alice", "example.org", "10.0.0.11:5060"), kPhone2);
    house.enrol(registration("carol", "example.org", "10.0.0.11:5060"), kPhone2);
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2)
                         .set("Contact", "*")
                         .set("Expires", "0"));
    const auto out = house.takeOne();
    CHECK(out.message.contactIsStar());
    CHECK(house.locations.byAor(kAlice).size() == 2);
    house.fromOutside(answerTo(out, 200));
    CHECK(house.takeOne().message.status() == 200);
    CHECK(house.locations.byAor(kAlice).empty());
    CHECK(house.locations.size() == 1);
}

TEST_CASE("a REGISTER without Contact asks, and shows phones their own Contacts", "[proxy]") {
    House house;
    const auto known = house.enrol();
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2).set("Contact", ""));
    const auto out = house.takeOne();
    CHECK(out.message.contacts().empty());
    auto ok = answerTo(out, 200);
    ok.addHeader("Contact", "<" + known.toString() + ">;expires=500");
    ok.addHeader("Contact", "<sip:alice@198.51.100.9:5066>;expires=77");
    house.fromOutside(ok);
    const auto contacts = house.takeOne().message.contacts();
    REQUIRE(contacts.size() == 2);
    CHECK(contacts[0].uri.toString() == "sip:alice@10.0.0.10:5060");
    CHECK(contacts[1].uri.toString() == "sip:alice@198.51.100.9:5066");
    CHECK(house.locations.byAor(kAlice).size() == 1);
}

TEST_CASE("two Contacts in one REGISTER become two bindings with tokens of their own", "[proxy]") {
    House house;
    house.fromInside(registration()
                         .set("Contact", "<sip:alice@10.0.0.10:5060>;expires=600")
                         .add("Contact", "<sip:alice@10.0.0.10:5080>;expires=300;q=0.5"));
    const auto out = house.takeOne();
    const auto contacts = out.message.contacts();
    REQUIRE(contacts.size() == 2);
    CHECK(registrar::tokenOf(contacts[0].uri) != registrar::tokenOf(contacts[1].uri));
    CHECK(contacts[1].params.value("q") == "0.5");
    CHECK(showsNothingInside(out));
    house.fromOutside(accepted(out));
    const auto back = house.takeOne().message.contacts();
    REQUIRE(back.size() == 2);
    CHECK(back[0].uri.toString() == "sip:alice@10.0.0.10:5060");
    CHECK(back[1].uri.toString() == "sip:alice@10.0.0.10:5080");
    CHECK(house.locations.byAor(kAlice).size() == 2);
}

TEST_CASE("expires=0 ends one binding once the provider agrees", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.enrol(registration("alice", "example.org", "10.0.0.11:5060"), kPhone2);
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2)
                         .set("Contact", "<sip:alice@10.0.0.10:5060>;expires=0"));
    const auto out = house.takeOne();
    CHECK(out.contact() == contact);
    CHECK(house.locations.byAor(kAlice).size() == 2);
    house.fromOutside(answerTo(out, 200));
    house.take();
    const auto left = house.locations.byAor(kAlice);
    REQUIRE(left.size() == 1);
    CHECK(left.front()->contact.host == "10.0.0.11");

    // Calls go to who is left.
    house.fromOutside(forAlice("INVITE", contact.toString()));
    CHECK(house.takeInside().flow.remote == kPhone2);
}

TEST_CASE("a call goes on when its phone unregisters", "[proxy]") {
    House house;
    const auto contact = house.enrol();
    house.enrol(registration("alice", "example.org", "10.0.0.11:5060"), kPhone2);
    house.fromOutside(forAlice("INVITE", contact.toString()));
    house.fromInside(
        with(answerTo(house.takeInside(), 200), "Contact", "<sip:alice@10.0.0.10:5060>"));
    house.take();
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2)
                         .set("Contact", "<sip:alice@10.0.0.10:5060>;expires=0"));
    house.fromOutside(answerTo(house.takeOutside(), 200));
    house.take();
    house.fromOutside(forAlice("BYE", contact.toString(), 2)
                          .set("To", "<sip:alice@example.org>;tag=t1"));
    CHECK(house.takeInside().flow.remote == kPhone);
}

TEST_CASE("unregistering a Contact that nobody knows shows nothing of the inside", "[proxy]") {
    House house;
    house.fromInside(
        registration().set("Contact", "<sip:alice@10.0.0.10:5060>").set("Expires", "0"));
    const auto out = house.takeOne();
    CHECK(out.contact().host == kPublic);
    CHECK(showsNothingInside(out));
    house.fromOutside(answerTo(out, 200));
    CHECK(house.takeOne().message.status() == 200);
    CHECK(house.locations.size() == 0);
}

TEST_CASE("a third party may register somebody else's address", "[proxy]") {
    House house;
    const Draft draft = registration().set("From", "<sip:admin@example.org>;tag=r1");
    const auto contact = house.enrol(draft);
    CHECK(house.locations.byAor(kAlice).size() == 1);
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2)
                         .set("From", "<sip:admin@example.org>;tag=r1")
                         .set("Contact", "<sip:alice@10.0.0.10:5060>;expires=0"));
    const auto out = house.takeOne();
    CHECK(out.contact() == contact);
    house.fromOutside(answerTo(out, 200));
    CHECK(house.takeOne().message.status() == 200);
    CHECK(house.locations.byAor(kAlice).empty());
}

TEST_CASE("two accounts of the same user name at two providers stay apart", "[proxy]") {
    House house;
    const auto one = house.enrol();
    const auto two = house.enrol(registration("alice", "other.example", "10.0.0.11:5060"), kPhone2,
                                 kProvider2);
    CHECK(registrar::tokenOf(one) != registrar::tokenOf(two));

    SECTION("calls are told apart by the token") {
        house.fromOutside(forAlice("INVITE", one.toString()).set("To", "<sip:x@nowhere.example>"));
        CHECK(house.takeOne().flow.remote == kPhone);
        house.fromOutside(forAlice("INVITE", two.toString(), 2).set("Call-ID", "in2"), kProvider2);
        CHECK(house.takeOne().flow.remote == kPhone2);
    }
    SECTION("without it by the address of the provider") {
        const std::string bare = "sip:alice@" + std::string(kPublic);
        house.fromOutside(forAlice("INVITE", bare).set("To", "<sip:4912345@gw.example>"));
        CHECK(house.takeOne().flow.remote == kPhone);
        house.fromOutside(forAlice("INVITE", bare, 2)
                              .set("Call-ID", "in2")
                              .set("To", "<sip:4912345@gw.example>"),
                          kProvider2);
        CHECK(house.takeOne().flow.remote == kPhone2);
    }
    SECTION("or by the domain in To when the packet comes from elsewhere") {
        const std::string bare = "sip:alice@" + std::string(kPublic);
        house.fromOutside(forAlice("INVITE", bare), at("203.0.113.99"));
        CHECK(house.takeOne().flow.remote == kPhone);
        house.fromOutside(forAlice("INVITE", bare, 2)
                              .set("Call-ID", "in2")
                              .set("To", "<sip:alice@other.example>"),
                          at("203.0.113.99"));
        CHECK(house.takeOne().flow.remote == kPhone2);
    }
}

TEST_CASE("a provider that loses the parameter of our Contact still gets its 2xx through", "[proxy]") {
    House house;
    house.fromInside(registration());
    const auto out = house.takeOne();
    auto ok = answerTo(out, 200);
    ok.addHeader("Contact", "<sip:alice@203.0.113.1:5060>;expires=100");
    house.fromOutside(ok);
    CHECK(house.takeOne().contact().toString() == "sip:alice@10.0.0.10:5060");
    CHECK(house.locations.byAor(kAlice).size() == 1);
    house.loop.advance(106s);
    CHECK(house.locations.byAor(kAlice).empty());
}

TEST_CASE("the listening port is named where it is not 5060", "[proxy]") {
    House house;
    house.readdress(5099);
    house.fromInside(registration());
    const auto out = house.takeOne();
    CHECK(out.contact().port == 5099);
    CHECK(out.message.via()->port == 5099);
    CHECK(out.flow.local == at(kPublic, 5099));
}

TEST_CASE("a new public address takes the bindings along", "[proxy]") {
    House house;
    const auto old = house.enrol();
    house.outside.ip = house.outside.announced = ip("203.0.113.2");
    house.outside.host = "203.0.113.2";
    house.readdress();
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2));
    const auto refresh = house.takeOne();
    CHECK(refresh.contact().host == "203.0.113.2");
    CHECK(registrar::tokenOf(refresh.contact()) == registrar::tokenOf(old));
    CHECK(refresh.flow.local == at("203.0.113.2"));
    house.fromOutside(forAlice("INVITE", old.toString()));
    CHECK(house.takeOne().flow.remote == kPhone);
}

TEST_CASE("we are the registrar where a phone addresses us", "[proxy]") {
    House house;
    const std::string us = "sip:10.0.0.1";
    const auto draft = [&us](int cseq, const std::string& contact) {
        Draft made("REGISTER " + us + " SIP/2.0");
        made.add("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-x" + std::to_string(cseq))
            .add("From", "<sip:alice@10.0.0.1>;tag=r1")
            .add("To", "<sip:alice@10.0.0.1>")
            .add("Call-ID", "local")
            .add("CSeq", std::to_string(cseq) + " REGISTER");
        return contact.empty() ? made : made.add("Contact", contact);
    };
    house.fromInside(draft(1, "<sip:alice@10.0.0.10:5060>;expires=60"));
    auto answer = house.takeOne();
    CHECK(answer.message.status() == 200);
    CHECK(!answer.message.toTag().empty());
    CHECK(answer.contact().toString() == "sip:alice@10.0.0.10:5060");
    CHECK(answer.message.contacts().front().params.value("expires") == "60");
    const auto aor = *sip::Uri::parse("sip:alice@10.0.0.1");
    CHECK(house.locations.byAor(aor).size() == 1);

    SECTION("a query shows what is registered") {
        house.fromInside(draft(2, ""));
        CHECK(house.takeOne().message.contacts().size() == 1);
    }
    SECTION("expires 0 ends it") {
        house.fromInside(draft(2, "<sip:alice@10.0.0.10:5060>;expires=0"));
        answer = house.takeOne();
        CHECK(answer.message.status() == 200);
        CHECK(answer.message.contacts().empty());
        CHECK(house.locations.size() == 0);
    }
    SECTION("a star ends all, and is answered once") {
        house.fromInside(draft(2, "*").set("Expires", "0"));
        CHECK(house.takeOne().message.status() == 200);
        CHECK(house.locations.size() == 0);
    }
    CHECK(house.isQuiet());
}

TEST_CASE("nobody outside can register with us", "[proxy]") {
    House house;
    house.fromOutside(Draft("REGISTER sip:203.0.113.1 SIP/2.0")
                          .add("Via", "SIP/2.0/UDP 203.0.113.99:5060;branch=z9hG4bK-evil")
                          .add("From", "<sip:alice@example.org>;tag=r1")
                          .add("To", "<sip:alice@example.org>")
                          .add("Call-ID", "evil")
                          .add("CSeq", "1 REGISTER")
                          .add("Contact", "<sip:evil@203.0.113.99>"),
                      at("203.0.113.99"));
    CHECK(house.takeOne().message.status() == 403);
    CHECK(house.locations.size() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a Path of the inside stays inside and is gone by", "[proxy]") {
    House house;
    const auto edge = at("10.0.0.5");
    house.fromInside(registration()
                         .add("Path", "<sip:10.0.0.5;lr>, <sip:10.0.0.6;lr>")
                         .set("Contact", "<sip:alice@10.0.0.10:5060>;expires=600"),
                     edge);
    const auto request = house.takeOne();
    CHECK_FALSE(request.message.header("Path"));
    CHECK_FALSE(request.has("10.0.0."));
    auto answer = answerTo(request, 200);
    answer.setContacts(request.message.contacts());
    answer.addHeader("Service-Route", "<sip:203.0.113.50;lr>");
    house.fromOutside(answer);
    const auto response = house.takeOne();
    CHECK(response.message.headers("Path").size() == 2);
    CHECK(response.message.header("Service-Route") == "<sip:203.0.113.50;lr>");

    house.fromOutside(forAlice("INVITE", request.contact().toString()));
    const auto invite = house.takeOne();
    CHECK(invite.flow.remote == edge);
    const auto routes = invite.message.routes();
    REQUIRE(routes.size() == 2);
    CHECK(routes[0].uri.host == "10.0.0.5");
    CHECK(routes[1].uri.host == "10.0.0.6");
    CHECK(invite.message.requestUriText() == "sip:alice@10.0.0.10:5060");
}

TEST_CASE("what phone and provider agree on about flows and GRUUs passes unharmed", "[proxy]") {
    House house;
    const std::string instance = "\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\"";
    house.fromInside(registration()
                         .set("Contact", "<sip:alice@10.0.0.10:5060;ob>;reg-id=1;+sip.instance=" +
                                             instance + ";expires=600")
                         .add("Supported", "path, outbound, gruu"));
    const auto request = house.takeOne();
    REQUIRE(request.message.contacts().size() == 1);
    const auto asked = request.message.contacts().front();
    CHECK(asked.params.value("reg-id") == "1");
    CHECK(asked.params.value("+sip.instance") == instance);
    CHECK(request.message.header("Supported") == "path, outbound, gruu");
    // Our Contact promises nothing of the kind: requests come to our address, not back by a flow.
    CHECK_FALSE(asked.uri.params.has("ob"));

    auto ok = answerTo(request, 200);
    auto granted = asked;
    granted.params.set("pub-gruu", "\"sip:alice@example.org;gr=urn:uuid:0\"");
    granted.params.set("temp-gruu", "\"sip:tgruu.7hs@example.org;gr\"");
    granted.params.set("expires", "300");
    ok.setContacts(std::vector{granted});
    ok.addHeader("Require", "outbound");
    ok.addHeader("Supported", "outbound, gruu");
    ok.addHeader("Flow-Timer", "120");
    house.fromOutside(ok);
    const auto response = house.takeOne();
    REQUIRE(response.message.contacts().size() == 1);
    const auto shown = response.message.contacts().front();
    CHECK(shown.uri.toString() == "sip:alice@10.0.0.10:5060;ob");
    for (const auto* name : {"reg-id", "+sip.instance", "pub-gruu", "temp-gruu", "expires"}) {
        CHECK(shown.params.value(name) == granted.params.value(name));
    }
    CHECK(response.message.header("Require") == "outbound");
    CHECK(response.message.header("Supported") == "outbound, gruu");
    CHECK(response.message.header("Flow-Timer") == "120");
}
