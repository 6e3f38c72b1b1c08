// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/interface_selection.h"

#include <string>
#include <vector>

#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::net;
using test::ip;

namespace {

Interface running(const char* name, unsigned index, std::vector<const char*> networks) {
    Interface interface{.name = name, .index = index, .up = true, .running = true};
    for (const char* text : networks) {
        const std::string network(text);
        const auto slash = network.find('/');
        const auto prefix = static_cast<unsigned>(std::stoul(network.substr(slash + 1)));
        interface.addresses.push_back({ip(network.substr(0, slash).c_str()), prefix});
    }
    return interface;
}

Interface ppp0() {
    auto ppp = running("ppp0", 9, {"203.0.113.1/32", "203.0.113.2/32", "2001:db8::1/64"});
    ppp.pointToPoint = true;
    return ppp;
}

Interface lan() {
    return running("br-lan", 3,
                   {"192.168.1.1/24", "10.7.0.1/16", "fd00::1/64", "2001:db8:1::1/64"});
}

InterfaceTable router() {
    return {{lan(), running("eth2", 4, {"10.9.0.1/24"}), ppp0()}, "ppp0", "ppp0"};
}

SelectedInterfaces select(std::string_view inbound, std::string_view outbound,
                          const InterfaceTable& table) {
    const auto selection = InterfaceSelection::parse(inbound, outbound);
    REQUIRE(selection);
    return selection->resolve(table);
}

std::string why(std::string_view inbound, std::string_view outbound) {
    const auto selection = InterfaceSelection::parse(inbound, outbound);
    return selection ? "" : selection.error().message;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("A name stands for all addresses inside, for one of each kind outside", "[net]") {
    const auto selected = select("br-lan", "ppp0", router());
    CHECK(selected.complete());
    CHECK(selected.bothThere());
    CHECK(selected.inbound.toString() ==
          "br-lan (192.168.1.1, 10.7.0.1, 2001:db8:1::1, fd00::1)");
    CHECK(selected.outbound.toString() == "ppp0 (203.0.113.1, 2001:db8::1)");
    REQUIRE(selected.inbound.interfaces.size() == 1);
    CHECK(selected.inbound.interfaces[0].index == 3);
    CHECK(selected.inbound.interfaces[0].addresses[1].subnet().toString() == "10.7.0.0/16");
    CHECK(selected == select("br-lan", "ppp0", router()));
}

TEST_CASE("An address stands for itself", "[net]") {
    const auto selected = select("10.7.0.1", "[2001:db8::1]", router());
    CHECK(selected.complete());
    CHECK(selected.inbound.toString() == "br-lan (10.7.0.1)");
    CHECK(selected.outbound.toString() == "ppp0 (2001:db8::1)");
}

TEST_CASE("Several inbound interfaces are a list", "[net]") {
    CHECK(select("br-lan,eth2", "ppp0", router()).inbound.toString() ==
          "br-lan (192.168.1.1, 10.7.0.1, 2001:db8:1::1, fd00::1), eth2 (10.9.0.1)");
    CHECK(select("eth2  10.7.0.1, 192.168.1.1", "ppp0", router()).inbound.toString() ==
          "eth2 (10.9.0.1), br-lan (10.7.0.1, 192.168.1.1)");
    CHECK(select("10.7.0.1 br-lan br-lan", "ppp0", router()).inbound.toString() ==
          "br-lan (10.7.0.1, 192.168.1.1, 2001:db8:1::1, fd00::1)");
}

TEST_CASE("What is not there is waited for, and said", "[net]") {
    const InterfaceTable booting({lan()}, "");
    const auto selected = select("br-lan eth2", "ppp0", booting);
    CHECK(selected.inbound.interfaces.size() == 1);
    CHECK(selected.inbound.missing == Texts{"if_inbound = eth2: eth2 does not exist yet"});
    CHECK(selected.outbound.missing == Texts{"if_outbound = ppp0: ppp0 does not exist yet"});
    CHECK(selected.outbound.toString() == "none");
    CHECK_FALSE(selected.complete());
    CHECK_FALSE(selected.bothThere());

    CHECK(select("br-lan", "203.0.113.1", booting).outbound.missing ==
          Texts{"if_outbound = 203.0.113.1: no interface has this address yet"});
    CHECK(select("br-lan", "auto", booting).outbound.missing ==
          Texts{"if_outbound = auto: there is no default route yet"});

    auto ppp = ppp0();
    ppp.up = false;
    CHECK(select("br-lan", "ppp0", {{lan(), ppp}, ""}).outbound.missing ==
          Texts{"if_outbound = ppp0: ppp0 is down"});
    CHECK(select("br-lan", "203.0.113.1", {{lan(), ppp}, ""}).outbound.missing ==
          Texts{"if_outbound = 203.0.113.1: ppp0 is down"});
    ppp = ppp0();
    ppp.addresses.clear();
    CHECK(select("br-lan", "ppp0", {{lan(), ppp}, ""}).outbound.missing ==
          Texts{"if_outbound = ppp0: ppp0 has no IP address yet"});
}

TEST_CASE("Addresses that cannot be bound yet are not selected", "[net]") {
    auto wan = running("eth0", 2, {"2001:db8::1/64"});
    wan.addresses[0].tentative = true;
    CHECK(select("br-lan", "eth0", {{lan(), wan}, ""}).outbound.missing ==
          Texts{"if_outbound = eth0: eth0 has no IP address yet"});
    CHECK(select("br-lan", "2001:db8::1", {{lan(), wan}, ""}).outbound.missing ==
          Texts{"if_outbound = 2001:db8::1: eth0 is still checking this address"});
    wan.addresses[0].duplicate = true;
    CHECK(select("br-lan", "2001:db8::1", {{lan(), wan}, ""}).outbound.missing ==
          Texts{"if_outbound = 2001:db8::1: eth0 shares this address with another host"});
}

TEST_CASE("Short-lived addresses count where there are no better ones", "[net]") {
    auto wan = running("eth0", 2, {"169.254.1.1/16", "2001:db8::a/64", "2001:db8::b/64"});
    wan.addresses[1].temporary = true;
    CHECK(select("eth0", "eth0", {{wan}, ""}).inbound.toString() ==
          "eth0 (169.254.1.1, 2001:db8::b)");
    wan.addresses.push_back({ip("192.0.2.1"), 24});
    wan.addresses[2].deprecated = true;
    CHECK(select("eth0", "eth0", {{wan}, ""}).inbound.toString() ==
          "eth0 (192.0.2.1, 2001:db8::a, 2001:db8::b)");
    CHECK(select("eth0", "eth0", {{wan}, ""}).outbound.toString() ==
          "eth0 (192.0.2.1, 2001:db8::a)");
}

TEST_CASE("Providers see a unique local address only where the default route leads", "[net]") {
    const auto wan = running("eth0", 2, {"192.0.2.1/24", "fd00::1/64"});
    CHECK(select("lo", "eth0", {{wan}, "eth0"}).outbound.toString() == "eth0 (192.0.2.1)");
    CHECK(select("lo", "eth0", {{wan}, "eth0", "eth0"}).outbound.toString() ==
          "eth0 (192.0.2.1, fd00::1)");
    CHECK(select("lo", "eth0", {{running("eth0", 2, {"fd00::1/64"})}, ""}).outbound.missing ==
          Texts{"if_outbound = eth0: eth0 has no public IP address yet"});
    CHECK(select("lo", "fd00::1", {{wan}, ""}).outbound.toString() == "eth0 (fd00::1)");
}

TEST_CASE("auto finds both sides by the default route", "[net]") {
    const auto selected = select("auto", "AUTO", router());
    CHECK(selected.inbound.toString() == "br-lan (192.168.1.1, 10.7.0.1, 2001:db8:1::1, fd00::1)");
    CHECK(selected.outbound.toString() == "ppp0 (203.0.113.1, 2001:db8::1)");

    CHECK(select("auto", "br-lan", router()).inbound.toString() == "eth2 (10.9.0.1)");
    CHECK(select("auto", "192.168.1.1", router()).inbound.toString() == "eth2 (10.9.0.1)");
    CHECK(select("eth2 auto", "ppp0", router()).inbound.interfaces.size() == 2);
}

TEST_CASE("auto follows IPv6 to its tunnel", "[net]") {
    const auto tunnel = running("he-ipv6", 12, {"2001:db8:6::2/64"});
    auto ppp = running("ppp0", 9, {"203.0.113.1/32"});
    CHECK(select("auto", "auto", {{lan(), ppp, tunnel}, "ppp0", "he-ipv6"}).outbound.toString() ==
          "ppp0 (203.0.113.1), he-ipv6 (2001:db8:6::2)");
    const InterfaceTable both({lan(), ppp0(), tunnel}, "ppp0", "he-ipv6");
    CHECK(select("auto", "auto", both).outbound.toString() == "ppp0 (203.0.113.1, 2001:db8::1)");
    CHECK(select("auto", "auto", {{lan(), tunnel}, "", "he-ipv6"}).outbound.toString() ==
          "he-ipv6 (2001:db8:6::2)");
}

TEST_CASE("auto waits rather than to take the Internet for the phones' side", "[net]") {
    CHECK(select("auto", "auto", {{lan()}, ""}).inbound.missing ==
          Texts{"if_inbound = auto: the outbound interface is not there yet"});
    CHECK(select("auto", "ppp0", {{ppp0()}, "ppp0"}).inbound.missing ==
          Texts{"if_inbound = auto: no other interface has a private address yet"});
    // The phones' side is there before ppp0 is.
    CHECK(select("auto", "ppp0", {{lan()}, ""}).inbound.interfaces.size() == 1);
    // In front of a NAT router.
    const auto single = select("auto", "auto", {{running("eth0", 2, {"192.168.1.5/24"})}, "eth0"});
    CHECK(single.inbound == single.outbound);
    CHECK(single.bothThere());
}

TEST_CASE("Directives that can never be fulfilled are refused with the reason", "[net]") {
    CHECK(why("", "ppp0") == "if_inbound names no interface");
    CHECK(why(" , ", "") == "if_inbound names no interface; if_outbound names no interface");
    CHECK(why("eth0", "ppp0 ppp1") == "if_outbound = ppp0 ppp1: only one interface is possible");
    CHECK(why("eth0", "192.168.1.300") ==
          "if_outbound = 192.168.1.300: 192.168.1.300 is not a valid address");
    CHECK(why("eth0, 10.0.0.0/8", "ppp0") ==
          "if_inbound = eth0, 10.0.0.0/8: 10.0.0.0/8 is neither an interface nor an address");
    CHECK(why("interface-with-a-long-name", "ppp0") ==
          "if_inbound = interface-with-a-long-name: interface-with-a-long-name is too long for an "
          "interface");
    CHECK(why("0.0.0.0", "ppp0") == "if_inbound = 0.0.0.0: 0.0.0.0 is no address of an interface");
    CHECK(why("fe80::1", "ppp0") ==
          "if_inbound = fe80::1: fe80::1 is a link-local address, which cannot be used");
    CHECK(why("eth0:1", "pppoe-wan") == "");
}
