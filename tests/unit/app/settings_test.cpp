// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/application.h"
#include "app/local_addresses.h"
#include "support/catch.h"

using namespace siproxd;

namespace {

base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }

/// eth0 outside with an alias address, lan0 inside with two, wan0 down, tun0 without addresses.
net::InterfaceTable machine() {
    net::Interface eth0{"eth0", 2, true, true, false, false, {}};
    eth0.addresses = {{ip("203.0.113.1"), 24}, {ip("203.0.113.9"), 24}};
    net::Interface lan0{"lan0", 3, true, true, false, false, {}};
    lan0.addresses = {{ip("2001:db8::1"), 64}, {ip("192.168.1.1"), 24}, {ip("10.7.0.1"), 16}};
    net::Interface wan0{"wan0", 4, false, false, false, false, {}};
    wan0.addresses = {{ip("198.51.100.1"), 24}};
    const net::Interface tun0{"tun0", 5, true, true, false, true, {}};
    return {{eth0, lan0, wan0, tun0}, "eth0"};
}

config::NetworkSettings settings(std::string inbound, std::string outbound,
                                 std::string host = "") {
    config::NetworkSettings out;
    out.ifInbound = std::move(inbound);
    out.ifOutbound = std::move(outbound);
    out.hostOutbound = std::move(host);
    return out;
}

}  // namespace

TEST_CASE("our addresses are those of the interfaces named", "[app]") {
    const auto found = app::findAddresses(machine(), settings("lan0", "eth0"));
    REQUIRE(found);
    CHECK(found->inbound == ip("192.168.1.1"));
    CHECK(found->outbound == ip("203.0.113.1"));
    CHECK(found->announced == found->outbound);
    CHECK(found->announcedHost == "203.0.113.1");
    CHECK(found->inboundIndex == 3);
    CHECK(found->outboundIndex == 2);
    CHECK(!found->single());
    CHECK(found->isInside(ip("192.168.1.77")));
    CHECK(found->isInside(ip("10.7.200.1")));
    CHECK(!found->isInside(ip("10.8.0.1")));
    CHECK(!found->isInside(ip("203.0.113.77")));
}

TEST_CASE("an interface may be named by one of its addresses", "[app]") {
    const auto found = app::findAddresses(machine(), settings("10.7.0.1", "203.0.113.9"));
    REQUIRE(found);
    CHECK(found->inbound == ip("10.7.0.1"));
    CHECK(found->outbound == ip("203.0.113.9"));
    CHECK(found->outboundIndex == 2);
}

TEST_CASE("host_outbound is what the outside is told", "[app]") {
    const auto byAddress = app::findAddresses(machine(), settings("lan0", "eth0", "198.51.100.77"));
    REQUIRE(byAddress);
    CHECK(byAddress->announced == ip("198.51.100.77"));
    CHECK(byAddress->announcedHost == "198.51.100.77");
    CHECK(byAddress->outbound == ip("203.0.113.1"));

    const auto byName = app::findAddresses(machine(), settings("lan0", "eth0", "pbx.example.org"));
    REQUIRE(byName);
    CHECK(!byName->announced);
    CHECK(byName->announcedHost == "pbx.example.org");
}

TEST_CASE("one interface for both sides is the mode in front of a NAT router", "[app]") {
    const auto found = app::findAddresses(machine(), settings("lan0", "lan0", "198.51.100.77"));
    REQUIRE(found);
    CHECK(found->single());
    CHECK(found->mediaTowards(proxy::Side::Inside) == ip("192.168.1.1"));
    CHECK(found->mediaTowards(proxy::Side::Outside) == ip("198.51.100.77"));
}

TEST_CASE("what is wrong with the interfaces is said of both, with the directive", "[app]") {
    const auto none = app::findAddresses(machine(), settings("lan9", "wan0"));
    REQUIRE(!none);
    CHECK(none.error().message.find("if_inbound = lan9") != std::string::npos);
    CHECK(none.error().message.find("if_outbound = wan0") != std::string::npos);
    CHECK(none.error().message.find("is down") != std::string::npos);

    const auto empty = app::findAddresses(machine(), settings("lan0", "tun0"));
    REQUIRE(!empty);
    CHECK(empty.error().message.find("no IPv4 address") != std::string::npos);

    const auto foreign = app::findAddresses(machine(), settings("lan0", "192.0.2.1"));
    REQUIRE(!foreign);
    CHECK(foreign.error().message.find("no interface has this address") != std::string::npos);
}

TEST_CASE("all bad access lists are reported at once, each with its place", "[app]") {
    config::AccessSettings access;
    access.hostsAllowReg = {"192.168.1.0/24", {"siproxd.conf", 3}};
    access.hostsAllowSip = {"nonsense", {"siproxd.conf", 4}};
    access.hostsDenySip = {"10.0.0.0/99", {"siproxd.conf", 5}};
    const auto policy = app::readPolicy(access);
    REQUIRE(!policy);
    CHECK(policy.error().message.find("siproxd.conf:4: hosts_allow_sip") != std::string::npos);
    CHECK(policy.error().message.find("siproxd.conf:5: hosts_deny_sip") != std::string::npos);
    CHECK(policy.error().message.find("siproxd.conf:3") == std::string::npos);

    access.hostsAllowSip.text.clear();
    access.hostsDenySip.text = "10.0.0.5/32";
    const auto good = app::readPolicy(access);
    REQUIRE(good);
    CHECK(good->classify(ip("192.168.1.7")).mayRegister);
    CHECK(!good->classify(ip("10.0.0.5")).maySip);
}
