// SPDX-License-Identifier: GPL-2.0-or-later
// What an attacker tries who is a party of a call, or sends with somebody else's address.
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

constexpr std::string_view kOwn6 = "2001:db8::1";
const auto kPeer6 = at("2001:db8::50");
const auto kStranger = at("198.51.100.66");

/// A house that has an IPv6 address outside as well.
void addAddress6(House& house) {
    house.addresses.add({proxy::Side::Outside, ip(kOwn6), {}, 2, std::string(kOwn6), ip(kOwn6)});
    house.proxy->setAddresses(house.addresses);
}

HouseOptions withLocalDomain() {
    HouseOptions options;
    options.proxy.registrar.domains = {"home.example"};
    return options;
}

/// Alice's phone at 10.0.0.10 is registered here.
void registerHere(House& house) {
    house.fromInside(registration("alice", "home.example"));
    REQUIRE(house.takeOne().message.status() == 200);
}

}  // namespace

TEST_CASE("a party of a call registers nothing through us by it", "[proxy]") {
    House house;
    house.enrol();
    OutgoingCall call(house);
    for (const auto* uri : {"sip:10.0.0.20;transport=tcp", "sip:127.0.0.1:6379",
                            "sip:198.51.100.20", "sip:victim.example"}) {
        house.fromOutside(call.back("REGISTER", 5)
                              .set("Via", std::string("SIP/2.0/UDP 203.0.113.50;branch=z9hG4bK") +
                                              std::to_string(std::string_view(uri).size())));
        auto text = call.back("REGISTER", 6).text();
        text.replace(text.find("REGISTER ") + 9, text.find(" SIP/2.0\r\n") - 9, uri);
        house.receive(text, kProvider, proxy::Side::Outside);
        for (const auto& sent : house.take()) {
            CHECK(sent.message.isResponse());
            CHECK(sent.flow.remote == kProvider);
        }
    }
}

TEST_CASE("a party of a call sends nothing elsewhere by it", "[proxy]") {
    House house;
    house.enrol();
    OutgoingCall call(house);
    const std::string target = GENERATE("sip:x@198.51.100.20", "sip:x@10.0.0.20:80");
    auto text = call.back("MESSAGE", 5).text();
    text.replace(text.find("MESSAGE ") + 8, text.find(" SIP/2.0\r\n") - 8, target);
    house.receive(text, kProvider, proxy::Side::Outside);
    for (const auto& sent : house.take()) {
        CHECK((sent.flow.remote == kProvider || sent.flow.remote == kPhone));
    }
}

TEST_CASE("an IPv6 address of ours is no proof of being us", "[proxy]") {
    House house;
    addAddress6(house);
    const auto contact = house.enrol();
    const auto self = at(kOwn6, 5060);

    SECTION("calls") {
        house.fromOutside(forAlice("INVITE", "sip:alice@203.0.113.1"), self);
        house.fromOutside(forAlice("INVITE", contact.toString()), self);
    }
    SECTION("requests to anybody") {
        house.fromOutside(forAlice("OPTIONS", "sip:x@198.51.100.20"), self);
    }
    SECTION("registrations") {
        house.fromOutside(registration("alice", "example.org", "198.51.100.66:5060"), self);
        house.fromOutside(registration("alice", std::string(kPublic), "198.51.100.66:5060"), self);
    }
    SECTION("ACKs") { house.fromOutside(forAlice("ACK", "sip:x@198.51.100.20"), self); }
    CHECK(house.takeRaw().empty());
}

TEST_CASE("nor is host_outbound, which is no address of this machine", "[proxy]") {
    House house;
    house.outside.announced = ip("192.0.2.9");
    house.outside.host = "192.0.2.9";
    house.readdress();
    house.enrol();
    house.fromOutside(forAlice("OPTIONS", "sip:x@198.51.100.20"), at("192.0.2.9"));
    CHECK(house.takeRaw().empty());
}

TEST_CASE("a call from phone to phone by its IPv6 Contact is from us", "[proxy]") {
    House house;
    addAddress6(house);
    const auto contact = house.enrol();
    auto uri = contact;
    uri.host = kOwn6;
    house.fromInside(registration("carol", "example.org", "10.0.0.11:5060"), kPhone2);
    house.take();
    house.fromInside(fromAlice("INVITE", uri.toString()).set("From", "<sip:carol@example.org>;tag=c"),
                     kPhone2);
    const auto out = house.takeOutside();
    REQUIRE(out.flow.remote.ip == ip(kOwn6));
    house.receive(out.bytes, out.flow.local, proxy::Side::Outside);
    CHECK(house.takeInside().flow.remote == kPhone);
    // The same bytes from where it did not go are somebody else's.
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"), kPhone);
    const auto seen = house.takeOutside();
    house.receive(seen.bytes, at(kOwn6), proxy::Side::Outside);
    CHECK(house.takeRaw().empty());
}

TEST_CASE("a phone does not change bindings of ours by another registrar's 2xx", "[proxy]") {
    House house(withLocalDomain());
    registerHere(house);
    const auto before = house.locations.snapshot();
    auto draft = registration("alice", "evil.example", "10.0.0.10:5060", 2);
    house.locator.table["evil.example"] = {kStranger.ip};
    draft.set("To", "<sip:alice@home.example>").set("From", "<sip:alice@home.example>;tag=e");
    const bool star = GENERATE(false, true);
    if (star) {
        draft.set("Contact", "*").set("Expires", "0");
    } else {
        draft.set("Path", "<sip:10.0.0.66;lr>");
    }
    house.fromInside(draft, kPhone2);
    const auto answer = house.takeOne();
    CHECK(answer.flow.remote == kPhone2);
    CHECK(answer.message.status() == 403);
    CHECK(house.locations.snapshot() == before);
}

TEST_CASE("a phone does not change another phone's binding by a registrar of its own", "[proxy]") {
    House house;
    house.enrol();
    const auto before = house.locations.snapshot();
    house.locator.table["evil.example"] = {kStranger.ip};
    auto draft = registration("alice", "evil.example", "10.0.0.10:5060", 2);
    draft.set("To", "<sip:alice@example.org>").set("From", "<sip:alice@example.org>;tag=e");

    SECTION("by its Contact") {
        house.fromInside(draft.set("Path", "<sip:10.0.0.66;lr>"), kPhone2);
        CHECK(house.takeOne().message.status() == 403);
    }
    SECTION("by ending it") {
        house.fromInside(draft.set("Contact", "<sip:alice@10.0.0.10:5060>;expires=0"), kPhone2);
        CHECK(house.takeOne().message.status() == 403);
    }
    SECTION("by ending all") {
        house.fromInside(draft.set("Contact", "*").set("Expires", "0"), kPhone2);
        house.fromOutside(answerTo(house.takeOne(), 200), kStranger);
        CHECK(house.takeOne().message.status() == 200);
    }
    CHECK(house.locations.snapshot() == before);

    // It may come from another address, and it may be sent to another server, but not both.
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 3), kPhone2);
    CHECK(house.takeOne().flow.remote == kProvider);
}

TEST_CASE("an address-of-record has a bounded number of Contacts at a provider", "[proxy]") {
    House house;
    int refused = 0;
    for (int port = 6000; port < 6040; ++port) {
        house.fromInside(registration("alice", "example.org", "10.0.0.10:" + std::to_string(port)));
        const auto sent = house.takeOne();
        refused += sent.message.isResponse() && sent.message.status() == 503 ? 1 : 0;
        if (sent.message.isRequest()) {
            auto ok = answerTo(sent, 200);
            ok.setContacts(sent.message.contacts());
            house.fromOutside(ok);
            house.take();
        }
    }
    CHECK(refused == 8);
    // A call without a token rings no more of them than a call may have branches.
    house.fromOutside(forAlice("INVITE", "sip:alice@203.0.113.1"));
    CHECK(house.take().size() == 16);
}

TEST_CASE("an answer or ACK from somewhere else proves nothing of its source", "[proxy]") {
    House house;
    house.enrol();
    house.fromInside(fromAlice("INVITE", "sip:x@198.51.100.20"));
    const auto invite = house.takeOutside();
    const auto guard = [&] { return house.proxy->gate().guard().isProven(kStranger.ip); };
    house.fromOutside(answerTo(invite, 180), kStranger);
    house.fromOutside(with(answerTo(invite, 200), "Contact", "<sip:bob@198.51.100.20>"), kStranger);
    CHECK_FALSE(guard());
    CHECK_FALSE(house.proxy->gate().guard().isProven(ip("198.51.100.20")));
    house.fromInside(fromAlice("INVITE", "sip:x@198.51.100.20", 2).set("Call-ID", "other"));
    house.take();

    const auto contact = house.enrol(registration("alice", "example.org", "10.0.0.10:5070"));
    house.fromOutside(forAlice("INVITE", contact.toString()));
    house.fromInside(with(answerTo(house.takeInside(), 200, "p1"), "Contact", "<sip:alice@10.0.0.10>"));
    house.take();
    house.fromOutside(forAlice("ACK", contact.toString()).set("To", "<sip:alice@example.org>;tag=p1"),
                      kStranger);
    CHECK_FALSE(guard());
}

TEST_CASE("nobody outside leads a phone's requests to this machine", "[proxy]") {
    House house;
    house.enrol();
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto invite = house.takeOutside();
    house.fromOutside(with(answerTo(invite, 200), "Contact", "<sip:bob@127.0.0.1:6379;transport=tcp>"));
    house.take();
    auto within = [](const std::string& method) {
        return fromAlice(method, "sip:bob@127.0.0.1:6379;transport=tcp", 2)
            .set("To", "<sip:bob@example.net>;tag=t1");
    };
    house.fromInside(within("ACK").set("CSeq", "1 ACK"));
    CHECK(house.take().empty());
    house.fromInside(within("BYE"));
    CHECK(house.takeOne().message.status() == 503);
}

TEST_CASE("what the configuration says of the outside lets no phone point to this machine",
          "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.outboundProxyHost = "example.org";
    House house(std::move(options));
    const auto contact = house.enrol(registration("alice", "example.org", "127.0.0.1:6379"));
    house.fromOutside(forAlice("MESSAGE", contact.toString()));
    CHECK(house.takeOne().message.status() == 480);
}

TEST_CASE("a name outside may not stand for this machine", "[proxy]") {
    House house;
    house.locator.table["trap.example"] = {ip("127.0.0.1"), ip("0.0.0.0"), ip("224.0.0.1"),
                                           ip("198.51.100.20")};
    house.fromInside(fromAlice("MESSAGE", "sip:bob@trap.example"));
    CHECK(house.takeOne().flow.remote == at("198.51.100.20"));
}

TEST_CASE("a redirection does not lead to the inside by a name", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.followRedirects = true;
    House house(std::move(options));
    house.locator.table["trap.example"] = {ip("10.0.0.20")};
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    house.fromOutside(
        with(answerTo(house.takeOutside(), 302), "Contact", "<sip:x@trap.example>"));
    for (const auto& sent : house.take()) {
        CHECK(sent.flow.remote != at("10.0.0.20"));
    }
}

TEST_CASE("programs of this machine are reached where the configuration says so", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.outboundProxyHost = "127.0.0.1";
    options.proxy.proxy.outboundProxyPort = 5070;
    House house(std::move(options));
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    CHECK(house.takeOne().flow.remote == at("127.0.0.1", 5070));
}

TEST_CASE("what is refused to the outside is not kept, whosever address it has", "[proxy]") {
    House house;
    house.enrol();
    for (int i = 0; i < 2000; ++i) {
        const auto method = i % 2 == 0 ? "OPTIONS" : "INVITE";
        house.fromOutside(forAlice(method, "sip:nobody@203.0.113.1", i)
                              .set("To", "<sip:nobody@203.0.113.1>"));
        house.loop.runPosted();
    }
    CHECK(house.take().size() == 2000);
    CHECK(house.proxy->pendingCount() < 20);
    house.loop.advance(40s);
    CHECK(house.take().empty());  // nothing is repeated
}

TEST_CASE("a call from outside to outside goes on through us", "[proxy]") {
    HouseOptions options;
    options.proxy.gate.rules.relayNetworks = *access::AddressList::parse("198.51.100.64/28");
    House house(std::move(options));
    const auto peer = at("198.51.100.7", 5070);
    const auto request = [](const std::string& method, int cseq) {
        return forAlice(method, "sip:carol@example.net", cseq)
            .set("Via", "SIP/2.0/UDP 198.51.100.66;branch=z9hG4bK-far" + method + std::to_string(cseq))
            .set("To", "<sip:carol@example.net>")
            .set("Contact", "<sip:bob@198.51.100.66>")
            .set("Record-Route", "");
    };
    house.fromOutside(request("INVITE", 1), kStranger);
    const auto invite = house.takeOutside();
    CHECK(invite.flow.remote == kProvider);
    auto ok = answerTo(invite, 200, "t9");
    ok.addHeader("Contact", "<sip:carol@198.51.100.7:5070>");
    house.fromOutside(ok);
    const auto answer = house.takeOutside();
    CHECK(answer.flow.remote == kStranger);

    const auto within = [&](const std::string& method, int cseq) {
        return Draft(method + " sip:carol@198.51.100.7:5070 SIP/2.0")
            .set("Via", "SIP/2.0/UDP 198.51.100.66;branch=z9hG4bK-in" + method)
            .set("Max-Forwards", "70")
            .set("From", "<sip:bob@example.net>;tag=b1")
            .set("To", "<sip:carol@example.net>;tag=t9")
            .set("Call-ID", "in1")
            .set("CSeq", std::to_string(cseq) + " " + method);
    };
    house.fromOutside(within("ACK", 1), kStranger);
    CHECK(house.takeOne().flow.remote == peer);

    const bool byCallee = GENERATE(false, true);
    if (byCallee) {
        house.fromOutside(Draft("BYE sip:bob@198.51.100.66 SIP/2.0")
                              .set("Via", "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK-bye")
                              .set("Max-Forwards", "70")
                              .set("From", "<sip:carol@example.net>;tag=t9")
                              .set("To", "<sip:bob@example.net>;tag=b1")
                              .set("Call-ID", "in1")
                              .set("CSeq", "7 BYE"),
                          peer);
    } else {
        house.fromOutside(within("BYE", 2), kStranger);
    }
    const auto bye = house.takeOne();
    CHECK(bye.flow.remote == (byCallee ? kStranger : peer));
    house.fromOutside(answerTo(bye, 200), bye.flow.remote);
    CHECK(house.takeOne().message.status() == 200);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}
