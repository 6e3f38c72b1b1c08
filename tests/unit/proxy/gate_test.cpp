// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/challenge.h"
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;
using Anonymous = access::RelayRules::Anonymous;

namespace {

const base::SocketAddress kStranger = at("198.51.100.66");

access::AddressList list(std::string_view text) { return *access::AddressList::parse(text); }

HouseOptions strict() {
    HouseOptions options;
    options.proxy.gate.rules.anonymous = Anonymous::Nothing;
    options.proxy.gate.scanners = access::ScannerSignatures::builtIn();
    return options;
}

HouseOptions withUsers() {
    auto options = strict();
    options.proxy.registrar.domains = {"home.example"};
    options.proxy.gate.authentication.realm = "home";
    options.proxy.gate.authentication.mostTries = 2;
    options.proxy.gate.users =
        access::Users::parse("alice secret\nbob geheim\n", "pw", "home").value();
    return options;
}

/// A request of a stranger; each one is another.
Draft strange(const std::string& method, const std::string& uri, int number = 1) {
    const auto text = std::to_string(number);
    return forAlice(method, uri)
        .set("Via", "SIP/2.0/UDP 198.51.100.66:5060;branch=z9hG4bK-s" + text)
        .set("Call-ID", "strange" + text)
        .set("From", "<sip:eve@198.51.100.66>;tag=e" + text)
        .set("Contact", "<sip:eve@198.51.100.66>")
        .set("Record-Route", "");
}

Draft registerHere(int cseq) {
    return registration("alice", "home.example", "10.0.0.10:5060", cseq);
}

/// The credentials that answer the first challenge of a response.
std::string answerTo(const Sent& challenge, const std::string& header, const std::string& method,
                     const std::string& uri, const std::string& password = "secret",
                     std::uint32_t count = 1) {
    const auto parsed = access::firstSupported(challenge.message.headers(header));
    REQUIRE(parsed);
    return access::answer(*parsed, {.user = "alice",
                                    .password = password,
                                    .method = method,
                                    .uri = uri,
                                    .nonceCount = count,
                                    .cnonce = "c"})
        .toString();
}

}  // namespace

TEST_CASE("strangers outside learn nothing", "[proxy]") {
    House house(strict());
    const auto contact = house.enrol();
    const std::string own = "sip:203.0.113.1";
    for (const std::string method : {"OPTIONS", "INVITE", "REGISTER", "MESSAGE", "SUBSCRIBE", "CANCEL",
                                     "ACK", "BYE", "FOO"}) {
        for (const std::string& uri : {own, std::string("sip:alice@203.0.113.1"),
                                      std::string("sip:100@203.0.113.1"),
                                      std::string("sip:alice@example.org")}) {
            INFO(method << " " << uri);
            house.fromOutside(strange(method, uri), kStranger);
            house.fromOutside(strange(method, uri, 2).set("Max-Forwards", "0"), kStranger);
            CHECK(house.takeRaw().empty());
        }
    }
    house.receive("OPTIONS sip:x SIP/2.0\r\nVia: nonsense\r\n\r\n", kStranger, proxy::Side::Outside);
    CHECK(house.takeRaw().empty());
    CHECK(house.isQuiet());
}

TEST_CASE("who was shown the Contact of a phone may call it", "[proxy]") {
    House house(strict());
    const auto contact = house.enrol();
    house.fromOutside(strange("INVITE", contact.toString()), kStranger);
    const auto invite = house.takeInside();
    CHECK(invite.flow.remote == kPhone);
    SECTION("and its refusal goes out once") {
        house.fromInside(answerTo(invite, 486));
        CHECK(house.take().size() == 2);  // and the ACK for the phone
        house.loop.advance(31s);
        CHECK(house.take().empty());
    }
    CHECK(house.isQuiet());
}

TEST_CASE("providers and trunks may call phones by name", "[proxy]") {
    auto options = strict();
    options.proxy.gate.rules.trunkNetworks = list("198.51.100.0/24");
    House house(std::move(options));
    house.enrol();
    const auto peer = GENERATE(kProvider, kStranger);
    house.fromOutside(strange("INVITE", "sip:alice@203.0.113.1"), peer);
    CHECK(house.takeInside().flow.remote == kPhone);
    // For nobody we know: the caller is told.
    house.fromOutside(strange("INVITE", "sip:100@203.0.113.1", 2)
                          .set("To", "<sip:100@203.0.113.1>"), peer);
    CHECK(house.take().back().message.status() == 408);
}

TEST_CASE("with anonymous calls a refusal of ours goes out once and nothing is kept", "[proxy]") {
    House house;
    const auto invite = strange("INVITE", "sip:100@203.0.113.1").set("To", "<sip:100@203.0.113.1>");
    house.fromOutside(invite, kStranger);
    const auto first = house.takeOne();
    CHECK(first.message.status() == 408);
    CHECK(house.proxy->pendingCount() == 0);
    house.loop.advance(31s);
    CHECK(house.take().empty());
    house.fromOutside(invite, kStranger);
    CHECK(house.takeOne().message.toTag() == first.message.toTag());
    house.fromOutside(strange("ACK", "sip:100@203.0.113.1")
                          .set("To", "<sip:100@203.0.113.1>;tag=" + std::string(first.message.toTag()))
                          .set("CSeq", "1 ACK"), kStranger);
    CHECK(house.take().empty());
}

TEST_CASE("a refusal is no longer than it has to be", "[proxy]") {
    House house;
    const auto text = strange("INVITE", "sip:100@203.0.113.1").set("To", "<sip:100@203.0.113.1>").text();
    house.receive(text, kStranger, proxy::Side::Outside);
    CHECK(house.takeOne().bytes.size() <= text.size() + 64);
}

TEST_CASE("requests of unproven sources are limited, others are not", "[proxy]") {
    House house;
    const auto contact = house.enrol().toString();
    for (int i = 0; i < 1500; ++i) {
        const auto peer = at("198.51." + std::to_string(i / 200) + "." + std::to_string(1 + i % 200));
        house.fromOutside(strange("INVITE", contact, i).set("Via",
            "SIP/2.0/UDP " + peer.ip.toString() + ";branch=z9hG4bK-m" + std::to_string(i)), peer);
    }
    int refused = 0;
    int passed = 0;
    for (const auto& sent : house.take()) {
        refused += sent.message.status() == 503 && sent.message.header("Retry-After") ? 1 : 0;
        passed += sent.message.method() == sip::Method::Invite && sent.message.isRequest() ? 1 : 0;
    }
    CHECK(refused == 500);
    CHECK(passed == 1000);
    CHECK(house.proxy->pendingCount() < 4100);
    house.fromOutside(forAlice("INVITE", contact));
    CHECK(house.takeInside().flow.remote == kPhone);
}

TEST_CASE("scanners are dropped and banned", "[proxy]") {
    House house(strict());
    const auto contact = house.enrol().toString();
    for (int i = 0; i < 5; ++i) {
        house.fromOutside(strange("OPTIONS", "sip:100@203.0.113.1", i)
                              .set("User-Agent", "friendly-scanner"), kStranger);
    }
    CHECK(house.takeRaw().empty());
    REQUIRE(house.proxy->gate().guard().bans().size() == 1);
    CHECK(house.proxy->gate().guard().bans().front().source == kStranger.ip);
    // Not even with the right Contact.
    house.fromOutside(strange("INVITE", contact, 9), kStranger);
    CHECK(house.takeRaw().empty());
    house.loop.advance(301s);
    house.fromOutside(strange("INVITE", contact, 10), kStranger);
    CHECK(house.takeInside().flow.remote == kPhone);
}

TEST_CASE("a ban that forged datagrams have brought about leaves connections alone", "[proxy]") {
    House house(strict());
    const auto contact = house.enrol().toString();
    const auto scan = [&](int number) {
        return strange("OPTIONS", "sip:100@203.0.113.1", number)
            .set("User-Agent", "friendly-scanner")
            .text();
    };
    const auto callBy = [&](base::Protocol protocol, int number) {
        house.receive(strange("INVITE", contact, number).text(), kStranger, proxy::Side::Outside,
                      protocol);
        return !house.takeRaw().empty();
    };
    for (int i = 0; i < 5; ++i) {
        house.receive(scan(i), kStranger, proxy::Side::Outside);
    }
    REQUIRE(house.proxy->gate().guard().bans().size() == 1);
    CHECK_FALSE(callBy(base::Protocol::Udp, 10));
    CHECK(callBy(base::Protocol::Tcp, 11));
    house.receive(scan(12), kStranger, proxy::Side::Outside, base::Protocol::Tcp);
    CHECK_FALSE(callBy(base::Protocol::Tcp, 13));
    CHECK_FALSE(callBy(base::Protocol::Tls, 14));
}

TEST_CASE("who may not come in may not connect either", "[proxy]") {
    using transport::Standing;
    auto options = strict();
    options.policy.denySip = *access::AddressList::parse("198.51.100.77/32");
    House house(std::move(options));
    const auto connect = [&](const base::SocketAddress& peer, proxy::Side side,
                             base::Protocol protocol = base::Protocol::Tcp) {
        return house.proxy->admitConnection(*house.addresses.flowTo(side, peer, protocol),
                                            house.addresses.first(side)->interfaceIndex);
    };
    CHECK(connect(at("198.51.100.77"), proxy::Side::Outside) == Standing::Refused);
    CHECK(connect(kPhone, proxy::Side::Inside) == Standing::Known);
    CHECK(connect(at("10.0.0.1"), proxy::Side::Inside) == Standing::Ourselves);
    CHECK(connect(kProvider, proxy::Side::Outside) == Standing::Stranger);
    house.enrol();
    CHECK(connect(kProvider, proxy::Side::Outside) == Standing::Known);
    SECTION("handshakes are dear") {
        for (int i = 0; i < 50; ++i) {
            CHECK(connect(kStranger, proxy::Side::Outside, base::Protocol::Tls) ==
                  Standing::Stranger);
        }
        CHECK(connect(kStranger, proxy::Side::Outside, base::Protocol::Tls) == Standing::Refused);
        house.loop.advance(1s);
        CHECK(connect(kStranger, proxy::Side::Outside, base::Protocol::Tls) == Standing::Stranger);
    }
    SECTION("a ban ends the connections that are there") {
        house.receive("x", kStranger, proxy::Side::Outside, base::Protocol::Tcp);
        house.receive("x", kProvider, proxy::Side::Outside, base::Protocol::Tcp);
        house.proxy->gate().guard().ban(kStranger.ip, 60s);
        CHECK(connect(kStranger, proxy::Side::Outside) == Standing::Refused);
        CHECK(house.connections.closed == std::set{house.connections.number(kStranger)});
        house.proxy->gate().guard().ban(kProvider.ip, 60s);
        CHECK(connect(kProvider, proxy::Side::Outside) == Standing::Known);
        CHECK(house.connections.isOpen(house.connections.number(kProvider)));
    }
}

TEST_CASE("who tries names is banned", "[proxy]") {
    House house(strict());
    house.enrol();
    for (int i = 0; i < 60; ++i) {
        house.fromOutside(strange("INVITE", "sip:" + std::to_string(100 + i) + "@203.0.113.1", i), kStranger);
    }
    CHECK(house.takeRaw().empty());
    CHECK(house.proxy->gate().guard().bans().size() == 1);
    CHECK(house.isQuiet());
}

TEST_CASE("a provider and the inside are never banned for what they send", "[proxy]") {
    House house(strict());
    house.enrol();
    for (int i = 0; i < 100; ++i) {
        house.receive("this is not SIP at all\r\n\r\n", kProvider, proxy::Side::Outside);
        house.receive("this is not SIP at all\r\n\r\n", kPhone, proxy::Side::Inside);
        house.fromOutside(strange("INVITE", "sip:" + std::to_string(100 + i) + "@203.0.113.1", i));
    }
    CHECK(house.proxy->gate().guard().bans().empty());
}

TEST_CASE("registering here takes the password of that very user", "[proxy]") {
    House house(withUsers());
    house.fromInside(registerHere(1));
    const auto challenge = house.takeOne();
    CHECK(challenge.message.status() == 401);
    CHECK(challenge.message.headers("WWW-Authenticate").size() == 2);
    const auto good = answerTo(challenge, "WWW-Authenticate", "REGISTER", "sip:home.example");
    SECTION("right") {
        house.fromInside(registerHere(2).set("Authorization", good));
        CHECK(house.takeOne().message.status() == 200);
        CHECK(house.locations.confirmedCount() == 1);
        // The same answer once more is a replay.
        house.fromInside(registerHere(3).set("Authorization", good));
        const auto again = house.takeOne();
        CHECK(again.message.status() == 401);
        CHECK(again.message.header("WWW-Authenticate")->find("stale=true") != std::string::npos);
    }
    SECTION("for somebody else") {
        house.fromInside(registerHere(2).set("Authorization", good).set("To", "<sip:bob@home.example>"));
        CHECK(house.takeOne().message.status() == 403);
        CHECK(house.locations.size() == 0);
    }
    SECTION("wrong, and wrong again") {
        int cseq = 1;
        for (const int status : {401, 401, 403}) {
            ++cseq;
            house.fromInside(registerHere(cseq).set("Authorization",
                answerTo(challenge, "WWW-Authenticate", "REGISTER", "sip:home.example", "guess",
                         static_cast<std::uint32_t>(cseq))));
            CHECK(house.takeOne().message.status() == status);
        }
    }
    SECTION("a provider's registration is not our business") {
        house.fromInside(registration().set("Authorization", "Digest username=\"alice\", realm=\"example.org\""));
        CHECK(house.takeOne().message.header("Authorization").has_value());
    }
}

TEST_CASE("a call takes a password where that is wanted, and our part of it goes no further", "[proxy]") {
    auto options = withUsers();
    options.proxy.gate.rules.authenticateCalls = true;
    House house(std::move(options));
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto challenge = house.takeOne();
    CHECK(challenge.message.status() == 407);
    const std::string foreign = "Digest username=\"alice\", realm=\"example.net\", nonce=\"n\", "
                                "uri=\"sip:bob@example.net\", response=\"00000000000000000000000000000000\"";
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net", 2)
                         .add("Proxy-Authorization", answerTo(challenge, "Proxy-Authenticate", "INVITE", "sip:bob@example.net"))
                         .add("Proxy-Authorization", foreign));
    const auto invite = house.takeOutside();
    CHECK(invite.message.headers("Proxy-Authorization") == std::vector<std::string>{foreign});
    // The provider's own challenge passes.
    house.fromOutside(with(siproxd::test::answerTo(invite, 407), "Proxy-Authenticate", "Digest realm=\"example.net\", nonce=\"n\""));
    CHECK(house.takeInside().message.header("Proxy-Authenticate") == "Digest realm=\"example.net\", nonce=\"n\"");
}

TEST_CASE("credentials for our realm go no further than us, whatever carries them", "[proxy]") {
    House house(withUsers());
    OutgoingCall call(house);
    const auto method = GENERATE(std::string("ACK"), std::string("BYE"), std::string("PRACK"),
                                 std::string("MESSAGE"), std::string("REGISTER"));
    const auto header = GENERATE(std::string("Authorization"), std::string("Proxy-Authorization"));
    INFO(method << " with " << header);
    const auto digest = [](const std::string& realm) {
        return "Digest username=\"alice\", realm=\"" + realm +
               "\", nonce=\"n\", uri=\"sip:bob@example.net\", "
               "response=\"00000000000000000000000000000000\"";
    };
    auto request = method == "REGISTER" ? registration() : call.within(method, 2);
    house.fromInside(request.add(header, digest("home"))
                         .add(header, digest("example.net"))
                         .add(header, "Digest username=\"alice\", realm=\"home\""));
    const auto sent = house.takeOutside();
    CHECK(sent.message.methodName() == method);
    CHECK(sent.message.headers(header) == std::vector<std::string>{digest("example.net")});
}

TEST_CASE("nobody else asks for a password of our realm", "[proxy]") {
    House house(withUsers());
    house.fromInside(fromAlice("MESSAGE", "sip:bob@example.net"));
    const auto status = GENERATE(401, 407);
    const std::string header = status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate";
    const std::string foreign = "Digest realm=\"example.net\", nonce=\"n\"";
    auto challenge = siproxd::test::answerTo(house.takeOutside(), status);
    challenge.addHeader(header, "Digest nonce=\"n\", Realm=home");
    challenge.addHeader(header, foreign);
    challenge.addHeader(header, "Digest realm=\"home\", nonce=\"n\", algorithm=SHA-256");
    house.fromOutside(challenge);
    const auto answer = house.takeInside();
    CHECK(answer.message.status() == status);
    CHECK(answer.message.headers(header) == std::vector<std::string>{foreign});
}

TEST_CASE("guessing passwords from outside is banned", "[proxy]") {
    auto options = withUsers();
    options.proxy.gate.rules.usersOutside = true;
    // Whether each is looked at, or only the first few of a user.
    options.proxy.gate.authentication.mostTries = GENERATE(100, 5, 1);
    House house(std::move(options));
    int answers = 0;
    for (int i = 0; i < 30; ++i) {
        auto attempt = strange("REGISTER", "sip:home.example", i)
                           .set("To", "<sip:alice@home.example>")
                           .set("CSeq", std::to_string(i + 1) + " REGISTER");
        house.fromOutside(attempt, kStranger);
        auto challenge = house.take();
        if (challenge.empty()) {
            break;
        }
        attempt.set("Via", "SIP/2.0/UDP 198.51.100.66:5060;branch=z9hG4bK-t" + std::to_string(i))
            .set("Authorization", answerTo(challenge.front(), "WWW-Authenticate", "REGISTER", "sip:home.example", "guess"));
        house.fromOutside(attempt, kStranger);
        answers += static_cast<int>(house.take().size());
    }
    CHECK(answers <= 10);
    CHECK(house.proxy->gate().guard().bans().size() == 1);
}

TEST_CASE("a limit of calls is kept until one ends", "[proxy]") {
    HouseOptions options;
    options.proxy.gate.limits.perUser = 1;
    House house(std::move(options));
    OutgoingCall call(house);
    auto second = fromAlice("INVITE", "sip:bob@example.net").set("Call-ID", "out2")
                      .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-2nd");
    house.fromInside(second);
    CHECK(house.takeOne().message.status() == 486);
    house.fromInside(call.within("BYE", 2));
    house.fromOutside(siproxd::test::answerTo(house.takeOutside(), 200));
    house.take();
    house.fromInside(second.set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-3rd").set("CSeq", "3 INVITE"));
    CHECK(house.takeOutside().message.method() == sip::Method::Invite);
}

TEST_CASE("a made-up To tag gets around no limit of calls and no rule", "[proxy]") {
    HouseOptions options;
    options.media = true;
    options.proxy.gate.limits.total = 1;
    options.proxy.gate.rules.anonymous = access::RelayRules::Anonymous::Nothing;
    House house(std::move(options));
    const auto contact = house.enrol();
    const auto made = [&](const std::string& uri, int serial) {
        return forAlice("INVITE", uri, serial)
            .set("From", "<sip:bob@example.net>;tag=b" + std::to_string(serial))
            .set("To", "<sip:alice@example.org>;tag=made-up")
            .set("Call-ID", "made" + std::to_string(serial))
            .sdp(audioSdp("203.0.113.50", 5000));
    };
    SECTION("by one who may call") {
        house.fromOutside(made(contact.toString(), 1));
        const auto first = house.takeInside();
        for (int serial = 2; serial < 6; ++serial) {
            house.fromOutside(made(contact.toString(), serial));
            CHECK(house.takeOne().message.status() == 503);
        }
        CHECK(house.proxy->callCount() == 1);
        CHECK(house.streams() == 1);
        // The phone knows nothing of it: the place is free again.
        house.fromInside(siproxd::test::answerTo(first, 481));
        house.take();
        CHECK(house.proxy->callCount() == 0);
        CHECK(house.streams() == 0);
        house.fromOutside(made(contact.toString(), 7));
        CHECK(house.takeInside().message.toTag() == "made-up");
    }
    SECTION("by a phone") {
        const auto out = [](int serial) {
            return fromAlice("INVITE", "sip:bob@example.net", serial)
                .set("To", "<sip:bob@example.net>;tag=made-up")
                .set("Call-ID", "out" + std::to_string(serial));
        };
        house.fromInside(out(1));
        house.takeOutside();
        house.fromInside(out(2));
        CHECK(house.takeOne().message.status() == 503);
        CHECK(house.proxy->callCount() == 1);
    }
    SECTION("by a stranger") {
        for (const std::string uri : {"sip:alice@203.0.113.1", "sip:bob@example.net"}) {
            house.fromOutside(made(uri, 1), kStranger);
            CHECK(house.takeRaw().empty());
        }
        CHECK(house.proxy->callCount() == 0);
        CHECK(house.streams() == 0);
    }
    SECTION("while a real one is no new call") {
        house.fromOutside(forAlice("INVITE", contact.toString()));
        house.fromInside(with(siproxd::test::answerTo(house.takeInside(), 200, "p1"), "Contact",
                              "<sip:alice@10.0.0.10>"));
        house.take();
        house.fromOutside(forAlice("INVITE", contact.toString(), 2)
                              .set("To", "<sip:alice@example.org>;tag=p1"));
        CHECK(house.takeInside().message.toTag() == "p1");
        house.fromInside(Draft("INVITE sip:bob@203.0.113.50 SIP/2.0")
                             .add("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-re")
                             .add("Max-Forwards", "70")
                             .add("From", "<sip:alice@example.org>;tag=p1")
                             .add("To", "<sip:bob@example.net>;tag=b1")
                             .add("Call-ID", "in1")
                             .add("CSeq", "1 INVITE")
                             .add("Contact", "<sip:alice@10.0.0.10>"));
        CHECK(house.takeOutside().message.fromTag() == "p1");
    }
}

TEST_CASE("a provider sends as much as there are calls, a stranger does not", "[proxy]") {
    House house;
    house.enrol();
    const auto sent = [&](const base::SocketAddress& peer) {
        for (int i = 0; i < 5000; ++i) {
            house.fromOutside(strange("OPTIONS", "sip:203.0.113.1", i), peer);
        }
        return house.take().size();
    };
    CHECK(sent(kProvider) == 5000);
    CHECK(sent(kStranger) == 200);
}
