// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/dead_servers.h"

#include "support/catch.h"
#include "support/fake_loop.h"

using namespace siproxd;
using namespace siproxd::dns;
using namespace std::chrono_literals;
using base::Protocol;

namespace {

base::SocketAddress at(int number) {
    const auto text = "192.0." + std::to_string(number / 250) + "." + std::to_string(number % 250);
    return {*base::IpAddress::parse(text), 5060};
}

}  // namespace

TEST_CASE("A server is dead for a minute, and longer each time that it fails again", "[dns]") {
    test::FakeLoop clock;
    DeadServers dead(clock);
    for (const auto period : {60s, 120s, 240s, 480s, 600s, 600s}) {
        CHECK_FALSE(dead.isDead(Protocol::Udp, at(1)));
        dead.markDead(Protocol::Udp, at(1));
        clock.advance(period - 1s);
        CHECK(dead.isDead(Protocol::Udp, at(1)));
        clock.advance(1s);
    }
    clock.advance(10min);
    dead.markDead(Protocol::Udp, at(1));
    clock.advance(60s);
    CHECK_FALSE(dead.isDead(Protocol::Udp, at(1)));
}

TEST_CASE("Many calls that fail at once are one failure", "[dns]") {
    test::FakeLoop clock;
    DeadServers dead(clock);
    for (int i = 0; i < 100; ++i) {
        dead.markDead(Protocol::Udp, at(1));
    }
    clock.advance(60s);
    CHECK_FALSE(dead.isDead(Protocol::Udp, at(1)));
}

TEST_CASE("All servers are alive again when our network has changed", "[dns]") {
    test::FakeLoop clock;
    DeadServers dead(clock);
    dead.markDead(Protocol::Udp, at(1));
    dead.clear();
    CHECK_FALSE(dead.isDead(Protocol::Udp, at(1)));
    CHECK(dead.size() == 0);
    dead.markDead(Protocol::Udp, at(1));
    CHECK(dead.isDead(Protocol::Udp, at(1)));
}

TEST_CASE("A server may say how long it wants to be left alone, within limits", "[dns]") {
    test::FakeLoop clock;
    DeadServers dead(clock);
    dead.markDead(Protocol::Udp, at(1), 5s);
    dead.markDead(Protocol::Udp, at(2), 24h);
    dead.markDead(Protocol::Udp, at(3), -1s);
    CHECK_FALSE(dead.isDead(Protocol::Udp, at(3)));
    clock.advance(5s);
    CHECK_FALSE(dead.isDead(Protocol::Udp, at(1)));
    CHECK(dead.isDead(Protocol::Udp, at(2)));
    clock.advance(10min);
    CHECK_FALSE(dead.isDead(Protocol::Udp, at(2)));
}

TEST_CASE("A server is dead by one protocol and alive by another, until it answers", "[dns]") {
    test::FakeLoop clock;
    DeadServers dead(clock);
    dead.markDead(Protocol::Tcp, at(1));
    CHECK(dead.isDead(Protocol::Tcp, at(1)));
    CHECK_FALSE(dead.isDead(Protocol::Udp, at(1)));
    CHECK_FALSE(dead.isDead(Protocol::Tcp, {at(1).ip, 5070}));
    dead.markAlive(Protocol::Tcp, at(1));
    dead.markAlive(Protocol::Tcp, at(2));
    CHECK_FALSE(dead.isDead(Protocol::Tcp, at(1)));
    CHECK(dead.size() == 0);
}

TEST_CASE("The table of dead servers is bounded, the oldest goes first", "[dns]") {
    test::FakeLoop clock;
    DeadServers dead(clock, {.entries = 10});
    for (int i = 0; i < 1000; ++i) {
        dead.markDead(Protocol::Udp, at(i));
    }
    CHECK(dead.size() == 10);
    CHECK_FALSE(dead.isDead(Protocol::Udp, at(989)));
    CHECK(dead.isDead(Protocol::Udp, at(990)));
    CHECK(dead.isDead(Protocol::Udp, at(999)));
}
