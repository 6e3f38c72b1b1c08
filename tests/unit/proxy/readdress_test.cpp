// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "harness.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

HouseOptions withMedia() {
    HouseOptions options;
    options.media = true;
    return options;
}

/// A call with media between a phone and the outside; the relay is on 127.0.0.1 and 127.0.0.2.
OutgoingCall talk(House& house) {
    return OutgoingCall(house, audioSdp("10.0.0.10", 4000), audioSdp("203.0.113.50", 5000));
}

}  // namespace

TEST_CASE("Calls end when another address has come in place of theirs", "[proxy]") {
    House house(withMedia());
    const auto call = talk(house);
    CHECK(house.proxy->callCount() == 1);
    CHECK(house.streams() == 1);
    house.outside.ip = ip("127.0.0.3");
    house.outside.announced = ip("198.51.100.9");
    house.outside.host = "198.51.100.9";
    house.readdress();
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.streams() == 0);
    // The next one is on the new address.
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net")
                         .set("Call-ID", "next")
                         .sdp(audioSdp("10.0.0.10", 4000)));
    const auto invite = house.takeOutside();
    CHECK(invite.contact().host == "198.51.100.9");
    CHECK(invite.line("c=") == "c=IN IP4 198.51.100.9");
    CHECK(invite.flow.local.ip == ip("127.0.0.3"));
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("Calls outlive a moment without their address", "[proxy]") {
    House house(withMedia());
    const auto call = talk(house);
    const auto present = house.addresses;
    proxy::Addresses without;
    without.add(house.inside);
    house.proxy->setAddresses(without);
    house.loop.advance(9s);
    house.proxy->tick();
    CHECK(house.proxy->callCount() == 1);
    house.proxy->setAddresses(present);
    house.loop.advance(5s);
    house.proxy->tick();
    CHECK(house.proxy->callCount() == 1);

    house.proxy->setAddresses(without);
    house.loop.advance(11s);
    house.proxy->tick();
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.streams() == 0);
}

TEST_CASE("Calls stay when only the outside's name for us changes", "[proxy]") {
    House house(withMedia());
    const auto call = talk(house);
    house.outside.host = "pbx.example";
    house.outside.announced = ip("198.51.100.9");
    house.readdress();
    house.loop.advance(30s);
    house.proxy->tick();
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("Without an address outside a phone is told that it cannot call now", "[proxy]") {
    House house;
    house.addresses = {};
    house.addresses.add(house.inside);
    house.proxy->setAddresses(house.addresses);
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    CHECK(house.takeOne().message.status() == 503);
    house.fromInside(registration());
    CHECK(house.takeOne().message.status() == 503);
    house.outside.host = "198.51.100.9";
    house.readdress();
    house.fromInside(registration("alice", "example.org", "10.0.0.10:5060", 2));
    CHECK(house.takeOne().contact().host == "198.51.100.9");
}
