// SPDX-License-Identifier: GPL-2.0-or-later
/// What is tried behind the first targets: redirections and further servers, and when nothing is.
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

const auto kFirst = at("10.0.0.20");
const auto kSecond = at("10.0.0.21");
const auto kElsewhere = at("10.0.0.30");

/// bob has a phone, and a switchboard of two servers.
struct Bob {
    Bob() : house(options()) {
        house.locator.services["board.example"] = {{base::Protocol::Udp, kFirst, "board.example"},
                                                   {base::Protocol::Udp, kSecond, "board.example"}};
        house.fromInside(Draft("REGISTER sip:home.example SIP/2.0")
                             .add("Via", "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-bob")
                             .add("From", "<sip:bob@home.example>;tag=r")
                             .add("To", "<sip:bob@home.example>")
                             .add("Call-ID", "bob")
                             .add("CSeq", "1 REGISTER")
                             .add("Contact", "<sip:bob@10.0.0.11>, <sip:bob@board.example>"),
                         kPhone2);
        REQUIRE(house.takeOne().message.status() == 200);
    }
    /// alice calls; what bob's phone and his switchboard got.
    void call(const std::string& breadth = "") {
        auto invite = fromAlice("INVITE", "sip:bob@home.example");
        house.fromInside(breadth.empty() ? invite : invite.add("Max-Breadth", breadth));
        for (auto& sent : house.take()) {
            auto& slot = sent.flow.remote == kPhone2 ? phone : board;
            CHECK(!slot);
            slot = std::make_unique<Sent>(std::move(sent));
        }
        REQUIRE(phone);
        REQUIRE(board);
    }
    /// Whom INVITEs have gone to since the last look, the board's first server not counted.
    std::vector<base::SocketAddress> invited() {
        std::vector<base::SocketAddress> out;
        for (const auto& sent : house.take()) {
            if (sent.message.isRequest() && sent.message.method() == sip::Method::Invite &&
                sent.flow.remote != kFirst) {
                out.push_back(sent.flow.remote);
            }
        }
        return out;
    }

    House house;
    std::unique_ptr<Sent> phone;
    std::unique_ptr<Sent> board;

private:
    static HouseOptions options() {
        HouseOptions options;
        options.proxy.registrar.domains = {"home.example"};
        options.proxy.proxy.followRedirects = true;
        return options;
    }
};

}  // namespace

TEST_CASE("nothing new is tried once somebody has declined for all", "[proxy]") {
    Bob bob;
    auto& house = bob.house;
    bob.call();
    SECTION("not when a server says nothing") {
        house.fromInside(answerTo(*bob.phone, 603), kPhone2);
        house.loop.advance(10s);
        CHECK(bob.invited().empty());
        house.loop.advance(30s);
    }
    SECTION("not when a server refuses") {
        house.fromInside(answerTo(*bob.board, 180), kFirst);
        house.fromInside(answerTo(*bob.phone, 603), kPhone2);
        house.fromInside(answerTo(*bob.board, 503), kFirst);
        CHECK(bob.invited().empty());
    }
    SECTION("not when a server redirects") {
        house.fromInside(answerTo(*bob.board, 180), kFirst);
        house.fromInside(answerTo(*bob.phone, 603), kPhone2);
        house.fromInside(with(answerTo(*bob.board, 302), "Contact", "<sip:bob@10.0.0.30>"), kFirst);
        CHECK(bob.invited().empty());
    }
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("nothing new is tried once a call has been given up", "[proxy]") {
    Bob bob;
    auto& house = bob.house;
    bob.call();
    house.fromInside(answerTo(*bob.board, 180), kFirst);
    house.fromInside(answerTo(*bob.phone, 180), kPhone2);
    house.loop.advance(181s);
    house.take();
    SECTION("not when a server redirects") {
        house.fromInside(with(answerTo(*bob.board, 302), "Contact", "<sip:bob@10.0.0.30>"), kFirst);
    }
    SECTION("not when a server refuses") { house.fromInside(answerTo(*bob.board, 503), kFirst); }
    CHECK(bob.invited().empty());
    house.fromInside(answerTo(*bob.phone, 487), kPhone2);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("redirections share what is left of Max-Breadth", "[proxy]") {
    Bob bob;
    auto& house = bob.house;
    const auto [given, left] =
        GENERATE(std::pair<std::string, std::string>("", "30"), std::pair("3", "2"),
                 std::pair("2", "1"));
    bob.call(given);
    house.fromInside(with(answerTo(*bob.phone, 302), "Contact", "<sip:bob@10.0.0.30>"), kPhone2);
    auto sent = house.take();
    std::erase_if(sent, [](const Sent& one) { return one.message.method() == sip::Method::Ack; });
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].flow.remote == kElsewhere);
    CHECK(sent[0].message.header("Max-Breadth") == left);
}

TEST_CASE("who asked for TLS all the way is redirected to nothing less", "[proxy]") {
    HouseOptions options;
    options.proxy.proxy.followRedirects = true;
    House house(std::move(options));
    house.receive(fromAlice("INVITE", "sips:bob@example.net")
                      .set("Contact", "<sips:alice@10.0.0.10>")
                      .text(),
                  kPhone, proxy::Side::Inside, base::Protocol::Tls);
    const auto sent = house.takeOne();
    const auto answer = [&](const std::string& contacts) {
        house.receive(with(answerTo(sent, 302), "Contact", contacts).serialize(),
                      sent.flow.remote, proxy::Side::Outside, base::Protocol::Tls);
        auto all = house.take();
        std::erase_if(all, [](const Sent& one) { return one.message.method() == sip::Method::Ack; });
        return all;
    };
    SECTION("though the caller may decide otherwise") {
        const auto other = GENERATE(std::string("<sip:bob@198.51.100.9>"),
                                    std::string("<sip:bob@198.51.100.9;transport=tls>"),
                                    std::string("<tel:+4989123456>"));
        const auto told = answer(other);
        REQUIRE(told.size() == 1);
        CHECK(told[0].flow.remote == kPhone);
        CHECK(told[0].message.status() == 302);
    }
    SECTION("but where TLS is offered") {
        const auto tried = answer("<sip:bob@198.51.100.9>, <sips:bob@198.51.100.10>");
        REQUIRE(tried.size() == 1);
        CHECK(tried[0].message.requestUri().scheme == "sips");
        CHECK(tried[0].flow.protocol == base::Protocol::Tls);
        CHECK(tried[0].flow.remote.ip == ip("198.51.100.10"));
    }
}
