// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/challenge.h"
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;
using Method = proxy::NatKeeper::Method;

namespace {

/// Where the NAT in front of a phone lets its packets out.
const base::SocketAddress kNat = at("198.51.100.7", 31000);

HouseOptions options(Method method = Method::Crlf) {
    HouseOptions out;
    out.proxy.registrar.domains = {"home.example"};
    out.proxy.gate.authentication.realm = "home";
    out.proxy.gate.users = access::Users::parse("far secret\n", "pw", "home").value();
    out.proxy.gate.rules.usersOutside = true;
    out.proxy.nat.networks = *access::AddressList::parse("192.168.0.0/16,10.0.0.0/8");
    out.proxy.nat.interval = 25s;
    out.proxy.nat.method = method;
    return out;
}

Draft far(const std::string& method, const std::string& uri, int cseq = 1) {
    return Draft(method + " " + uri + " SIP/2.0")
        .add("Via", "SIP/2.0/UDP 192.168.7.7:5060;rport;branch=z9hG4bK-far" + method + std::to_string(cseq))
        .add("Max-Forwards", "70")
        .add("From", "<sip:far@home.example>;tag=f1")
        .add("To", method == "REGISTER" ? "<sip:far@home.example>" : "<" + uri + ">")
        .add("Call-ID", "far-" + method)
        .add("CSeq", std::to_string(cseq) + " " + method)
        .add("Contact", "<sip:far@192.168.7.7:5060>");
}

void registerFar(House& house, base::Protocol protocol = base::Protocol::Udp,
                 const std::string& contact = "sip:far@192.168.7.7:5060") {
    const auto send = [&](Draft draft) {
        house.receive(draft.set("Contact", "<" + contact + ">").text(), kNat,
                      proxy::Side::Outside, protocol);
    };
    send(far("REGISTER", "sip:home.example"));
    const auto challenge = house.takeOne();
    REQUIRE(challenge.message.status() == 401);
    const auto parsed = access::firstSupported(challenge.message.headers("WWW-Authenticate"));
    REQUIRE(parsed);
    send(far("REGISTER", "sip:home.example", 2)
             .set("Authorization", access::answer(*parsed, {.user = "far",
                                                            .password = "secret",
                                                            .method = "REGISTER",
                                                            .uri = "sip:home.example",
                                                            .nonceCount = 1,
                                                            .cnonce = "c"})
                                       .toString()));
    REQUIRE(house.takeOne().message.status() == 200);
}

}  // namespace

TEST_CASE("a phone behind a NAT is kept reachable", "[proxy]") {
    const auto method = GENERATE(Method::Crlf, Method::Empty);
    House house(options(method));
    registerFar(house);
    const auto* binding = house.locations.ownByUser("far").front();
    CHECK(binding->natted);
    house.loop.advance(24s);
    CHECK(house.takeRaw().empty());
    house.loop.advance(2s);
    const auto first = house.takeRaw();
    REQUIRE(first.size() == 1);
    CHECK(first.front().first == (method == Method::Crlf ? "\r\n\r\n" : ""));
    CHECK(first.front().second.remote == kNat);
    house.loop.advance(250s);
    CHECK(house.takeRaw().size() == 10);
    house.loop.advance(600s);
    house.proxy->tick();
    house.takeRaw();
    CHECK(house.isQuiet());
}

TEST_CASE("a phone that answers no OPTIONS any more is dropped", "[proxy]") {
    House house(options(Method::Options));
    registerFar(house);
    house.loop.advance(25s);
    const auto ping = house.takeOne();
    CHECK(ping.message.method() == sip::Method::Options);
    CHECK(ping.message.requestUriText() == "sip:far@192.168.7.7:5060");
    CHECK(ping.flow.remote == kNat);
    house.fromOutside(answerTo(ping, 200), kNat);
    for (int i = 0; i < 8 && !house.locations.ownByUser("far").empty(); ++i) {
        house.loop.advance(26s);
    }
    house.take();
    CHECK(house.locations.ownByUser("far").empty());
    CHECK(house.isQuiet());
}

TEST_CASE("a phone on an inside network of its own kind is not behind a NAT", "[proxy]") {
    House house(options());
    const auto message = sip::Message::parse(registration("far", "home.example", "10.0.0.10:5060").text());
    REQUIRE(message);
    proxy::NatKeeper::Options nat;
    nat.networks = *access::AddressList::parse("192.168.0.0/16,10.0.0.0/8");
    struct Nowhere final : proxy::NatKeeper::Outlet {
        void sendKeepalive(std::string_view, const base::Flow&) override {}
        transaction::ClientId sendPing(const registrar::Binding&) override {
            return transaction::ClientId::None;
        }
    } nowhere;
    const proxy::NatKeeper keeper(nat, house.loop, house.locations, nowhere);
    const auto from = [](const base::SocketAddress& peer) {
        return base::Flow{base::Protocol::Udp, at("10.0.0.1"), peer, 0};
    };
    CHECK_FALSE(keeper.isNatted(*message, from(at("10.0.0.10", 4000)), proxy::Side::Inside));
    CHECK_FALSE(keeper.isNatted(*message, from(at("192.168.3.3")), proxy::Side::Inside));
    CHECK(keeper.isNatted(*message, from(at("192.168.3.3")), proxy::Side::Outside));
    CHECK(keeper.isNatted(*message, from(kNat), proxy::Side::Inside));
}

TEST_CASE("a binding behind a NAT ends with its connection", "[proxy]") {
    House house(options());
    registerFar(house, base::Protocol::Tcp);
    const auto binding = *house.locations.ownByUser("far").front();
    CHECK(binding.natted);
    auto other = binding.flow;
    ++other.connection;
    house.proxy->onConnectionClosed(other);
    CHECK(house.locations.ownByUser("far").size() == 1);
    house.proxy->onConnectionClosed(binding.flow);
    CHECK(house.locations.ownByUser("far").empty());
    house.loop.advance(100s);
    CHECK(house.takeRaw().empty());
    CHECK(house.isQuiet());
}

TEST_CASE("another interval of keepalives counts at once", "[proxy]") {
    House house(options());
    registerFar(house);
    house.loop.advance(20s);
    auto changed = options().proxy;
    const auto set = [&](std::chrono::seconds interval) {
        changed.nat.interval = interval;
        house.proxy->setOptions(changed);
    };
    SECTION("a shorter one") {
        set(5s);
        house.loop.advance(100ms);
        CHECK(house.takeRaw().size() == 1);
        house.loop.advance(20s);
        CHECK(house.takeRaw().size() == 4);
    }
    SECTION("a longer one") {
        set(40s);
        house.loop.advance(19s);
        CHECK(house.takeRaw().empty());
        house.loop.advance(2s);
        CHECK(house.takeRaw().size() == 1);
    }
    SECTION("none, and some again") {
        set(0s);
        house.loop.advance(100s);
        CHECK(house.takeRaw().empty());
        set(25s);
        house.loop.advance(26s);
        CHECK(house.takeRaw().size() >= 1);
    }
}

TEST_CASE("a phone whose NAT lets no keepalives in any more is dropped", "[proxy]") {
    const auto method = GENERATE(Method::Crlf, Method::Empty);
    House house(options(method));
    registerFar(house);
    const auto flow = house.locations.ownByUser("far").front()->flow;
    const auto isThere = [&] { return !house.locations.ownByUser("far").empty(); };
    const auto refuse = [&](const base::Flow& from) {
        house.loop.advance(25s);
        house.proxy->onUnreachable(from, "\r\n\r\n", {"connection refused"});
        house.proxy->onUnreachable(from, "\r\n\r\n", {"connection refused"});  // as good as one
    };
    refuse(flow);
    refuse(flow);
    CHECK(isThere());
    SECTION("after three in a row") {
        refuse(flow);
        CHECK_FALSE(isThere());
    }
    SECTION("not when one of them was let in") {
        house.loop.advance(25s);
        refuse(flow);
        CHECK(isThere());
    }
    SECTION("not when it has said something") {
        house.receive("\r\n\r\n", kNat, proxy::Side::Outside);
        refuse(flow);
        CHECK(isThere());
    }
    SECTION("not for others at its NAT") {
        auto other = flow;
        other.remote = at("198.51.100.7", 31001);
        refuse(other);
        refuse(other);
        CHECK(isThere());
    }
    house.takeRaw();
    house.loop.advance(600s);
    house.proxy->tick();
    house.takeRaw();
    CHECK(house.isQuiet());
}

TEST_CASE("a phone behind a NAT hears of the end of a call with somebody outside", "[proxy]") {
    House house(options());
    registerFar(house);
    const bool called = GENERATE(true, false);
    const auto timed = [](sip::Message ok, const std::string& contact) {
        return with(with(std::move(ok), "Contact", contact), "Session-Expires", "90");
    };
    if (called) {
        house.fromOutside(forAlice("INVITE", "sip:far@home.example"));
        const auto invite = house.takeOne();
        CHECK(invite.flow.remote == kNat);
        house.fromOutside(timed(answerTo(invite, 200, "f1"), "<sip:far@192.168.7.7:5060>"), kNat);
    } else {
        house.fromOutside(far("INVITE", "sip:bob@example.net"), kNat);
        const auto challenge = house.takeOne();
        REQUIRE(challenge.message.status() == 407);
        const auto parsed = access::firstSupported(challenge.message.headers("Proxy-Authenticate"));
        REQUIRE(parsed);
        house.fromOutside(far("INVITE", "sip:bob@example.net", 2)
                              .set("Proxy-Authorization",
                                   access::answer(*parsed, {.user = "far",
                                                            .password = "secret",
                                                            .method = "INVITE",
                                                            .uri = "sip:bob@example.net",
                                                            .nonceCount = 1,
                                                            .cnonce = "c"})
                                       .toString()),
                          kNat);
        const auto invite = house.takeOne();
        CHECK(invite.flow.remote == kProvider);
        house.fromOutside(timed(answerTo(invite, 200, "b1"), "<sip:bob@203.0.113.50>"));
    }
    house.takeRaw();
    for (int i = 0; i < 32 && house.proxy->callCount() > 0; ++i) {
        house.loop.advance(5s);
        house.proxy->tick();
    }
    std::set<base::SocketAddress> told;
    for (const auto& [bytes, flow] : house.takeRaw()) {
        if (bytes.starts_with("BYE ")) {
            told.insert(flow.remote);
        }
    }
    CHECK(told == std::set<base::SocketAddress>{kNat, kProvider});
    CHECK(house.proxy->callCount() == 0);
}

TEST_CASE("a user outside is reached by his connection as long as the call lasts", "[proxy]") {
    House house(options());
    // An address of his own, where nobody listens, or with no certificate for it.
    const std::string own = "sip:far@198.51.100.7:5061;transport=tls";
    registerFar(house, base::Protocol::Tls, own);
    const auto number = house.connections.number(kNat);
    CHECK_FALSE(house.locations.ownByUser("far").front()->natted);
    house.fromInside(fromAlice("INVITE", "sip:far@home.example"));
    const auto invite = house.takeOne();
    CHECK(invite.flow.connection == number);
    house.receive(with(answerTo(invite, 200, "f1"), "Contact", "<" + own + ">").serialize(), kNat,
                  proxy::Side::Outside, base::Protocol::Tls);
    const auto ok = house.takeInside();
    REQUIRE(ok.message.status() == 200);
    house.connections.opened.clear();
    const auto ack = fromAlice("ACK", ok.message.contacts().front().uri.toString())
                         .set("To", "<sip:far@home.example>;tag=f1");
    SECTION("which is open") {
        house.fromInside(ack);
        const auto sent = house.takeOne();
        CHECK(sent.flow.connection == number);
        CHECK(sent.message.requestUriText() == own);
        CHECK(house.connections.opened.empty());
    }
    SECTION("or by his Contact, when it has gone") {
        house.connections.close(number);
        house.fromInside(ack);
        house.takeOne();
        REQUIRE(house.connections.opened.size() == 1);
        CHECK(house.connections.opened.front().second == "198.51.100.7");
    }
}
