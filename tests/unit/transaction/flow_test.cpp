// SPDX-License-Identifier: GPL-2.0-or-later
/// What connections that break, and ICMP errors, do to transactions.
#include "fixture.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transaction;
using namespace siproxd::transaction::test;

namespace {

base::Flow connection(std::uint64_t number) {
    auto flow = tcp();
    flow.connection = number;
    return flow;
}

}  // namespace

TEST_CASE("a broken flow ends the requests on it that nobody has answered", "[transaction]") {
    Fixture f;
    const auto lost = f.layer.send(request("INVITE", {.branch = "z9hG4bK1"}), connection(0));
    const auto heard = f.layer.send(request("INVITE", {.branch = "z9hG4bK2"}), connection(0));
    const auto other = f.layer.send(request("OPTIONS", {.branch = "z9hG4bK3"}), udp());
    f.layer.receive(answer(request("INVITE", {.branch = "z9hG4bK2"}), 100), connection(7));
    f.layer.flowFailed(connection(7));
    CHECK(f.user.lines == Lines{"transport error", "client ended"});
    CHECK(f.user.client == lost);
    CHECK(f.layer.clientCount() == 2);
    static_cast<void>(heard);
    static_cast<void>(other);

    SECTION("another connection to the same peer is another flow") {
        f.layer.send(request("MESSAGE", {.branch = "z9hG4bK4"}), connection(8));
        f.layer.flowFailed(connection(7));
        CHECK(f.layer.clientCount() == 3);
        f.layer.flowFailed(connection(8));
        CHECK(f.layer.clientCount() == 2);
    }
    SECTION("and so is another protocol") {
        f.layer.flowFailed(udp());
        CHECK(f.layer.clientCount() == 1);
    }
}

TEST_CASE("an ICMP error ends the request whose branch it quotes, and no other", "[transaction]") {
    Fixture f;
    const auto first = f.layer.send(
        request("INVITE", {.branch = "z9hG4bK0123456789abcdef0123456789abcdef"}), udp());
    f.layer.send(request("INVITE", {.branch = "z9hG4bK0123456789abcdee0123456789abcdef"}), udp());
    REQUIRE(f.sender.sent.size() == 2);
    const std::string sent = f.sender.sent[0].bytes;
    const std::size_t enough = sent.find("z9hG4bK") + 7 + 16;
    SECTION("all of it") { f.layer.unreachable(udp(), sent); }
    SECTION("the first half of the branch, and padding") {
        f.layer.unreachable(udp(), sent.substr(0, enough) + std::string(30, '\0'));
    }
    SECTION("which has to be right") {
        auto forged = sent;
        forged[enough - 1] = 'x';
        f.layer.unreachable(udp(), forged);
        f.layer.unreachable(udp(), "MESSAGE");
        f.layer.unreachable(udp("10.0.0.6"), sent);
        CHECK(f.user.take().empty());
        f.layer.unreachable(udp(), sent);
    }
    SECTION("while a short quotation only raises doubts") {
        f.layer.unreachable(udp(), "");
        CHECK(f.user.take() == Lines{"doubt", "doubt"});
        f.layer.unreachable(udp(), sent.substr(0, enough - 1));
        CHECK(f.user.take() == Lines{"doubt", "doubt"});
        CHECK(f.layer.clientCount() == 2);
        f.layer.unreachable(udp(), sent);
    }
    CHECK(f.user.lines == Lines{"transport error", "client ended"});
    CHECK(f.user.client == first);
    CHECK(f.layer.clientCount() == 1);
}

TEST_CASE("an ICMP error says nothing about a request that has been heard of", "[transaction]") {
    Fixture f;
    f.layer.send(request("INVITE", {.branch = "z9hG4bK0123456789abcdef"}), udp());
    f.layer.receive(answer(request("INVITE", {.branch = "z9hG4bK0123456789abcdef"}), 100), udp());
    f.layer.unreachable(udp(), "");
    f.layer.unreachable(udp(), f.sender.sent[0].bytes);
    CHECK(f.user.take().empty());
    CHECK(f.layer.clientCount() == 1);
}

TEST_CASE("a response goes by a new connection when the request's is gone", "[transaction]") {
    Fixture f;
    f.layer.receive(request("OPTIONS", {.sentBy = "10.0.0.5:5070"}), tcp());
    f.sender.closed = 7;
    f.respond(f.user.server, 200);
    REQUIRE(f.sender.sent.size() == 1);
    const auto& to = f.sender.sent.back().to;
    CHECK(to.remote == address("10.0.0.5", 5070));
    CHECK(to.connection == 0);
    CHECK(to.protocol == base::Protocol::Tcp);
}
