// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/interface_table.h"

#include <string>
#include <vector>

#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::net;
using test::ip;

namespace {

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
    CHECK(table.first("eth0", base::Family::V4) == ip("203.0.113.1"));
    CHECK(table.first("eth0", base::Family::V6) == ip("2001:db8::1"));
    CHECK_FALSE(table.first("eth1", base::Family::V6));
    CHECK_FALSE(table.first("ppp0", base::Family::V4));
}

TEST_CASE("An interface that is down has no address to use", "[net]") {
    auto wan = running("ppp0", 4, "203.0.113.1");
    wan.up = false;
    CHECK_FALSE(InterfaceTable({wan}, "").first("ppp0", base::Family::V4));
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

TEST_CASE("The other end of a point-to-point link is on its subnet, we are not", "[net]") {
    auto ppp = running("ppp0", 4, "203.0.113.1", 32);
    ppp.addresses[0].peer = ip("198.51.100.254");
    CHECK(ppp.reaches(ip("198.51.100.254")));
    CHECK_FALSE(ppp.reaches(ip("203.0.113.1")));
    CHECK(InterfaceTable({ppp}, "").isLocalAddress(ip("203.0.113.1")));
}

TEST_CASE("Addresses of an interface come in order of preference", "[net]") {
    auto wan = running("eth0", 2, "fe80::1", 64);
    const auto add = [&](const char* text) -> InterfaceAddress& {
        return wan.addresses.emplace_back(InterfaceAddress{ip(text), 64});
    };
    add("2001:db8::77").tentative = true;
    add("192.0.2.9").tentative = true;
    add("2001:db8::666").temporary = true;
    add("2001:db8::dead").deprecated = true;
    add("fd00::1");
    add("2001:db8::d").dynamic = true;
    add("2001:db8::1");
    add("169.254.7.7");
    // DHCP gave the first one, somebody added the second.
    add("192.0.2.2").dynamic = true;
    add("192.0.2.1");
    const InterfaceTable table({wan}, "eth0");

    std::vector<std::string> order;
    for (const auto& address : table.byName("eth0")->addresses) {
        order.push_back(address.ip.toString());
    }
    CHECK(order == std::vector<std::string>{"192.0.2.2", "192.0.2.1", "169.254.7.7", "2001:db8::1",
                                            "2001:db8::d", "fd00::1", "2001:db8::666",
                                            "2001:db8::dead", "192.0.2.9", "2001:db8::77"});
    CHECK(table.first("eth0", base::Family::V6) == ip("2001:db8::1"));
    REQUIRE(table.byName("eth0")->linkLocal.size() == 1);
    CHECK(table.isLocalAddress(ip("fe80::1")));
    CHECK_FALSE(table.subnetContains("eth0", ip("fe80::2")));
}

TEST_CASE("An address that is not known to be unique is not for use", "[net]") {
    auto lan = running("eth1", 3, "2001:db8::1", 64);
    lan.addresses[0].tentative = true;
    CHECK_FALSE(InterfaceTable({lan}, "").first("eth1", base::Family::V6));
    lan.addresses[0].tentative = false;
    lan.addresses[0].duplicate = true;
    CHECK_FALSE(InterfaceTable({lan}, "").first("eth1", base::Family::V6));
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

TEST_CASE("A router that has only IPv6 gets its interfaces suggested too", "[net]") {
    const std::vector<Interface> interfaces{loopback(), running("eth0", 2, "2001:db8::1", 64),
                                            running("eth1", 3, "2001:db8:1::1", 64)};
    const InterfaceTable table(interfaces, "", "eth0");
    REQUIRE(table.suggestInterfaces());
    CHECK(table.suggestInterfaces()->inbound == "eth1");
    CHECK(table.suggestInterfaces()->outbound == "eth0");
    CHECK(table.defaultRouteInterface(base::Family::V6) == "eth0");
    // Beside IPv4 such a network is not taken for the phones'.
    CHECK(InterfaceTable(interfaces, "eth0", "eth0").suggestInterfaces()->inbound == "eth0");
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
        CHECK(table->first("lo", base::Family::V4) == ip("127.0.0.1"));
        CHECK(table->subnetContains("lo", ip("127.1.2.3")));
        CHECK_FALSE(table->subnetContains("lo", ip("128.0.0.1")));
    }
}
