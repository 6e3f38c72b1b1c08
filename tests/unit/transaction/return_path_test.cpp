// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/return_path.h"

#include "fixture.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::transaction;
using namespace siproxd::transaction::test;

TEST_CASE("received and rport say where a request came from", "[transaction]") {
    struct Row {
        std::string sentBy;
        std::string params;
        std::string via;
    };
    const auto row = GENERATE(
        Row{"10.0.0.5:5060", "", "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa"},
        Row{"10.0.0.5", ";rport",
            "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa;rport=1024;received=10.0.0.5"},
        Row{"192.168.1.2:5070", "",
            "SIP/2.0/UDP 192.168.1.2:5070;branch=z9hG4bKa;received=10.0.0.5"},
        Row{"phone.example:5070", ";rport",
            "SIP/2.0/UDP phone.example:5070;branch=z9hG4bKa;rport=1024;received=10.0.0.5"},
        Row{"phone.example", "",
            "SIP/2.0/UDP phone.example;branch=z9hG4bKa;received=10.0.0.5"},
        Row{"10.0.0.5:5060", ";received=192.0.2.66",
            "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa;received=10.0.0.5"},
        Row{"10.0.0.5:5060", ";rport=99;received=192.0.2.66",
            "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa;rport=1024;received=10.0.0.5"});
    Fixture f;
    const auto id = f.receive("OPTIONS", {.sentBy = row.sentBy, .viaParams = row.params},
                              udp("10.0.0.5", 1024));
    CHECK(f.user.messages.back().via()->toString() == row.via);
    CHECK(f.layer.serverRequest(id)->via()->toString() == row.via);
}

TEST_CASE("an ACK and a CANCEL get received as well", "[transaction]") {
    Fixture f;
    f.receive("ACK", {.sentBy = "192.168.1.2"});
    CHECK(f.user.messages.back().via()->params.value("received") == "10.0.0.5");
    f.receive("CANCEL", {.sentBy = "192.168.1.2"});
    CHECK(f.sender.last().via()->params.value("received") == "10.0.0.5");
}

TEST_CASE("only the topmost Via is touched", "[transaction]") {
    Fixture f;
    f.receive("OPTIONS", {.sentBy = "192.168.1.2",
                          .more = "Via: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bKinner\r\n"});
    REQUIRE(f.user.messages.back().viaCount() == 2);
    CHECK(f.user.messages.back().via(1)->toString() ==
          "SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bKinner");
}

TEST_CASE("an IPv6 source is written without brackets", "[transaction]") {
    Fixture f;
    const base::Flow from{base::Protocol::Udp, address("2001:db8::1", 5060),
                               address("2001:db8::5", 1024), 0};
    const auto id = f.receive("OPTIONS", {.sentBy = "[2001:db8::9]:5070"}, from);
    CHECK(f.user.messages.back().via()->params.value("received") == "2001:db8::5");
    CHECK(f.layer.serverPeer(id)->remote == address("2001:db8::5", 5070));
}

TEST_CASE("responses go the way that RFC 3261 and RFC 3581 name", "[transaction]") {
    struct Row {
        std::string sentBy;
        std::string params;
        std::uint16_t port;
    };
    const auto row = GENERATE(Row{"10.0.0.5:5070", "", 5070}, Row{"10.0.0.5", "", 5060},
                              Row{"192.168.1.2:5070", "", 5070},
                              Row{"192.168.1.2:5070", ";rport", 1024},
                              Row{"phone.example:5070", "", 1024});
    Fixture f;
    const auto from = udp("10.0.0.5", 1024);
    const Spec spec{.sentBy = row.sentBy, .viaParams = row.params};
    const auto to = udp("10.0.0.5", row.port);
    CHECK(responsePeer(request("OPTIONS", spec), from) == to);
    const auto id = f.receive("OPTIONS", spec, from);
    CHECK(f.layer.serverPeer(id) == to);
    CHECK(responsePeer(*f.layer.serverRequest(id), from) == to);
    f.respond(id, 200);
    CHECK(f.sender.sent.back().to == to);
}

TEST_CASE("a connection is answered on the connection", "[transaction]") {
    CHECK(responsePeer(request("OPTIONS", {.sentBy = "192.0.2.1:5070"}), tcp()) == tcp());
}
