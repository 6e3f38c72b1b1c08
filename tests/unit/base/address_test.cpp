// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/address.h"

#include "support/catch.h"

using namespace siproxd::base;

TEST_CASE("Addresses of both families are read and written", "[base]") {
    CHECK(IpAddress::parse("192.0.2.1")->toString() == "192.0.2.1");
    CHECK(IpAddress::parse("[2001:db8::1]")->toString() == "2001:db8::1");
    CHECK(IpAddress::parse("2001:DB8::1")->toHost() == "[2001:db8::1]");
    for (const char* bad : {"", "sip.example.test", "1.2.3", "1.2.3.4.5", "[1.2.3.4]", "256.1.1.1",
                            "::g", "1.2.3.4 ", "[::1"}) {
        INFO(bad);
        CHECK_FALSE(IpAddress::parse(bad));
    }
}

TEST_CASE("An IPv6 address that stands for an IPv4 address is that", "[base]") {
    const auto mapped = IpAddress::parse("[::ffff:10.1.2.3]");
    REQUIRE(mapped);
    CHECK(mapped == IpAddress::parse("10.1.2.3"));
    CHECK(mapped->isPrivate());
    CHECK(IpAddress::parse("::FFFF:7f00:1")->isLoopback());
    CHECK(IpAddress::parse("::fffe:7f00:1")->isV6());
    CHECK(Network::parse("::ffff:10.0.0.0/104") == Network::parse("10.0.0.0/8"));
    CHECK(Network::parse("::ffff:10.0.0.1") == Network::parse("10.0.0.1/32"));
    CHECK_FALSE(Network::parse("::ffff:10.0.0.0/95"));
    sockaddr_in6 from{};
    from.sin6_family = AF_INET6;
    from.sin6_port = htons(5060);
    from.sin6_addr.s6_addr[10] = from.sin6_addr.s6_addr[11] = 0xff;
    from.sin6_addr.s6_addr[12] = 192;
    CHECK(SocketAddress::fromSockaddr(reinterpret_cast<const sockaddr*>(&from)).toString() ==
          "192.0.0.0:5060");
}

TEST_CASE("Addresses know what they are for", "[base]") {
    CHECK(IpAddress::parse("10.1.2.3")->isPrivate());
    CHECK(IpAddress::parse("172.31.0.1")->isPrivate());
    CHECK_FALSE(IpAddress::parse("172.32.0.1")->isPrivate());
    CHECK(IpAddress::parse("fd00::1")->isPrivate());
    CHECK(IpAddress::parse("127.0.0.2")->isLoopback());
    CHECK(IpAddress::parse("::1")->isLoopback());
    CHECK(IpAddress::parse("224.0.0.1")->isMulticast());
    CHECK(IpAddress::parse("ff02::1")->isMulticast());
    CHECK(IpAddress::parse("0.0.0.0")->isUnspecified());
    CHECK(IpAddress::parse("255.255.255.255")->isBroadcast());
    CHECK(IpAddress::parse("169.254.1.1")->isLinkLocal());
}

TEST_CASE("A network contains its addresses and no others", "[base]") {
    const auto lan = Network::parse("10.0.0.77/24");
    REQUIRE(lan);
    CHECK(lan->toString() == "10.0.0.0/24");
    CHECK(lan->contains(*IpAddress::parse("10.0.0.255")));
    CHECK_FALSE(lan->contains(*IpAddress::parse("10.0.1.0")));
    CHECK_FALSE(lan->contains(*IpAddress::parse("::1")));
    CHECK(Network::parse("0.0.0.0/0")->contains(*IpAddress::parse("203.0.113.9")));
    CHECK(Network::parse("2001:db8::/32")->contains(*IpAddress::parse("2001:db8:ffff::1")));
    CHECK(Network::parse("192.0.2.1")->prefix() == 32);
    CHECK_FALSE(Network::parse("10.0.0.0/33"));
    CHECK_FALSE(Network::parse("10.0.0.0/"));
}

TEST_CASE("A socket address survives the kernel's form", "[base]") {
    for (const char* text : {"192.0.2.1", "2001:db8::1"}) {
        const SocketAddress address{*IpAddress::parse(text), 5060};
        sockaddr_storage storage{};
        CHECK(address.toSockaddr(storage) > 0);
        CHECK(SocketAddress::fromSockaddr(reinterpret_cast<const sockaddr*>(&storage)) == address);
    }
    CHECK(SocketAddress{*IpAddress::parse("::1"), 7}.toString() == "[::1]:7");
    for (const char* text : {"192.0.2.1:5060", "[2001:db8::1]:65535"}) {
        REQUIRE(SocketAddress::parse(text));
        CHECK(SocketAddress::parse(text)->toString() == text);
    }
    for (const char* text : {"", ":5060", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "::1",
                             "2001:db8::1:5060", "[192.0.2.1]:5060", "host.example:5060", "[::1]", "[::1]5060"}) {
        INFO(text);
        CHECK_FALSE(SocketAddress::parse(text));
    }
}
