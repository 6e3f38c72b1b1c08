// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/interface_table.h"

#include "support/catch.h"
#include "support/fake_loop.h"

using namespace siproxd;
using namespace siproxd::net;
using namespace std::chrono_literals;

namespace {

base::IpAddress ip(const char* text) { return *base::IpAddress::parse(text); }

Interface running(const char* name, unsigned index, const char* address, unsigned prefix = 24) {
    return {.name = name,
            .index = index,
            .up = true,
            .running = true,
            .addresses = {{ip(address), prefix}}};
}

Interface loopback() {
    auto lo = running("lo", 1, "127.0.0.1", 8);
    lo.loopback = true;
    return lo;
}

InterfaceTable router() {
    auto wan = running("eth0", 2, "203.0.113.1", 29);
    wan.addresses.push_back({ip("2001:db8::1"), 64});
    wan.addresses.push_back({ip("203.0.113.2"), 29});
    return {{loopback(), wan, running("eth1", 3, "192.168.1.1")}, "eth0"};
}

const char* const kRoutes =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   \n"
    "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0   \n"
    "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0   \n"
    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0   \n"
    "*\t00000000\t00000000\t0201\t0\t0\t1\t00000000\t0\t0\t0   \n";

}  // namespace

TEST_CASE("Interfaces are found by name, index and address", "[net]") {
    const auto table = router();
    REQUIRE(table.byName("eth1"));
    CHECK(table.byName("eth1")->index == 3);
    CHECK(table.byIndex(2)->name == "eth0");
    CHECK(table.byAddress(ip("2001:db8::1"))->name == "eth0");
    CHECK(table.byName("eth2") == nullptr);
    CHECK(table.byName("") == nullptr);
    CHECK(table.byAddress(ip("203.0.113.3")) == nullptr);
    CHECK(table.firstV4("eth0") == ip("203.0.113.1"));
    CHECK_FALSE(table.firstV4("ppp0"));
}

TEST_CASE("An interface that is down has no address to use", "[net]") {
    auto wan = running("ppp0", 4, "203.0.113.1");
    wan.up = false;
    CHECK_FALSE(InterfaceTable({wan}, "").firstV4("ppp0"));
}

TEST_CASE("Subnets and own addresses are recognised", "[net]") {
    const auto table = router();
    CHECK(table.subnetContains("eth1", ip("192.168.1.77")));
    CHECK_FALSE(table.subnetContains("eth1", ip("192.168.2.77")));
    CHECK(table.subnetContains("eth0", ip("203.0.113.6")));
    CHECK_FALSE(table.subnetContains("eth0", ip("203.0.113.8")));
    CHECK(table.subnetContains("eth0", ip("2001:db8::99")));
    CHECK_FALSE(table.subnetContains("nowhere", ip("192.168.1.77")));
    CHECK(table.isLocalAddress(ip("192.168.1.1")));
    CHECK(table.isLocalAddress(ip("127.0.0.53")));
    CHECK_FALSE(table.isLocalAddress(ip("192.168.1.2")));
}

TEST_CASE("The usable default route of the least metric wins", "[net]") {
    CHECK(defaultRouteOf(kRoutes) == "eth0");
    CHECK(defaultRouteOf("") == "");
    CHECK(defaultRouteOf("eth0\t00000000\n\n garbage\nppp0\tx\ty\tz\t0\t0\t0\t00000000\n") == "");
    CHECK(defaultRouteOf("ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n") == "ppp0");
    CHECK(defaultRouteOf("tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n") == "");
}

TEST_CASE("A router's interfaces are suggested by what they look like", "[net]") {
    const auto suggestion = router().suggestInterfaces();
    REQUIRE(suggestion);
    CHECK(suggestion->inbound == "eth1");
    CHECK(suggestion->outbound == "eth0");
    CHECK(router().defaultRouteInterface() == "eth0");
}

TEST_CASE("One interface is suggested for both sides when no other will do", "[net]") {
    auto unplugged = running("eth1", 3, "192.168.7.1");
    unplugged.running = false;
    auto tunnel = running("wg0", 4, "10.9.0.1");
    tunnel.pointToPoint = true;
    auto alias = running("eth0:1", 2, "10.1.1.1");
    const InterfaceTable table({loopback(), running("eth0", 2, "192.168.1.5"), alias, unplugged,
                                tunnel, running("docker0", 5, "172.17.0.1"),
                                running("br-0123456789ab", 6, "172.18.0.1"),
                                running("virbr0", 7, "192.168.122.1"),
                                running("eth9", 8, "198.51.100.1")},
                               "eth0");
    const auto suggestion = table.suggestInterfaces();
    REQUIRE(suggestion);
    CHECK(suggestion->inbound == "eth0");
    CHECK(suggestion->outbound == "eth0");
}

TEST_CASE("A LAN bridge is a place for phones", "[net]") {
    const InterfaceTable table(
        {loopback(), running("pppoe-wan", 9, "203.0.113.9", 32), running("br-lan", 4, "10.0.0.1")},
        "pppoe-wan");
    CHECK(table.suggestInterfaces()->inbound == "br-lan");
}

TEST_CASE("Nothing is suggested without a default route", "[net]") {
    const InterfaceTable table({loopback(), running("eth0", 2, "10.0.0.1")}, "");
    CHECK_FALSE(table.suggestInterfaces());
    CHECK_FALSE(table.defaultRouteInterface());
}

TEST_CASE("This machine's interfaces can be read", "[net]") {
    const auto table = InterfaceTable::read();
    REQUIRE(table);
    const Interface* lo = table->byName("lo");
    REQUIRE(lo);
    CHECK(lo->loopback);
    CHECK(lo->index > 0);
    if (lo->up) {
        CHECK(table->firstV4("lo") == ip("127.0.0.1"));
        CHECK(table->subnetContains("lo", ip("127.1.2.3")));
        CHECK_FALSE(table->subnetContains("lo", ip("128.0.0.1")));
    }
}

TEST_CASE("The interface table is read again when it has got too old", "[net]") {
    test::FakeLoop clock;
    int reads = 0;
    std::string route = "eth0";
    InterfaceCache cache(clock, 5s, [&]() -> base::Result<InterfaceTable> {
        ++reads;
        return InterfaceTable({running("eth0", 2, "10.0.0.1")}, route);
    });
    CHECK(reads == 0);
    CHECK(cache.table().firstV4("eth0") == ip("10.0.0.1"));
    CHECK(cache.generation() == 1);
    clock.advance(4999ms);
    CHECK(cache.table().defaultRouteInterface() == "eth0");
    CHECK(reads == 1);
    clock.advance(1ms);
    (void)cache.table();
    CHECK(reads == 2);
    CHECK(cache.generation() == 1);

    route = "ppp0";
    REQUIRE(cache.refresh());
    CHECK(cache.generation() == 2);
    CHECK(cache.table().defaultRouteInterface() == "ppp0");
}

TEST_CASE("The last interface table stays when the next cannot be read", "[net]") {
    test::FakeLoop clock;
    bool broken = false;
    InterfaceCache cache(clock, 5s, [&]() -> base::Result<InterfaceTable> {
        if (broken) {
            return base::fail("cannot read the network interfaces: Too many open files");
        }
        return router();
    });
    CHECK(cache.table().byName("eth1") != nullptr);
    broken = true;
    clock.advance(1min);
    CHECK(cache.table().byName("eth1") != nullptr);
    CHECK_FALSE(cache.refresh());
}
