// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/access_options.h"
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

const proxy::Endpoint& inside(const proxy::Addresses& all) { return *all.first(proxy::Side::Inside); }

const proxy::Endpoint& outside(const proxy::Addresses& all) {
    return *all.first(proxy::Side::Outside);
}

}  // namespace

TEST_CASE("our addresses are those of the interfaces named", "[app]") {
    const auto found = app::findAddresses(machine(), settings("lan0", "eth0"));
    REQUIRE(found);
    CHECK(inside(*found).ip == ip("192.168.1.1"));
    CHECK(outside(*found).ip == ip("203.0.113.1"));
    CHECK(outside(*found).announced == outside(*found).ip);
    CHECK(outside(*found).host == "203.0.113.1");
    CHECK(inside(*found).interfaceIndex == 3);
    CHECK(outside(*found).interfaceIndex == 2);
    CHECK(!found->single());
    CHECK(found->isInside(ip("192.168.1.77")));
    CHECK(found->isInside(ip("10.7.200.1")));
    CHECK(!found->isInside(ip("10.8.0.1")));
    CHECK(!found->isInside(ip("203.0.113.77")));
    // Phones talk to all addresses of the inside, providers to one of the outside.
    CHECK(found->at(proxy::Side::Inside, ip("10.7.0.1")) != nullptr);
    CHECK(found->at(proxy::Side::Outside, ip("203.0.113.9")) == nullptr);
}

TEST_CASE("an interface may be named by one of its addresses", "[app]") {
    const auto found = app::findAddresses(machine(), settings("10.7.0.1", "203.0.113.9"));
    REQUIRE(found);
    CHECK(found->local() == std::vector{ip("10.7.0.1"), ip("203.0.113.9")});
    CHECK(outside(*found).interfaceIndex == 2);
}

TEST_CASE("host_outbound is what the outside is told", "[app]") {
    const auto byAddress = app::findAddresses(machine(), settings("lan0", "eth0", "198.51.100.77"));
    REQUIRE(byAddress);
    CHECK(outside(*byAddress).announced == ip("198.51.100.77"));
    CHECK(outside(*byAddress).host == "198.51.100.77");
    CHECK(outside(*byAddress).ip == ip("203.0.113.1"));

    auto byName = app::findAddresses(machine(), settings("lan0", "eth0", "pbx.example.org"));
    REQUIRE(byName);
    CHECK(!outside(*byName).announced);
    CHECK(outside(*byName).host == "pbx.example.org");
    CHECK(byName->announce("pbx.example.org", ip("198.51.100.78")));
    CHECK_FALSE(byName->announce("pbx.example.org", ip("198.51.100.78")));
    CHECK(outside(*byName).announced == ip("198.51.100.78"));
}

TEST_CASE("one interface for both sides is the mode in front of a NAT router", "[app]") {
    const auto found = app::findAddresses(machine(), settings("lan0", "lan0", "198.51.100.77"));
    REQUIRE(found);
    CHECK(found->single());
    CHECK(inside(*found).announced == ip("192.168.1.1"));
    CHECK(outside(*found).announced == ip("198.51.100.77"));
}

TEST_CASE("what is wrong with the interfaces is said of both, with the directive", "[app]") {
    const auto none = app::findAddresses(machine(), settings("lan9", "wan0"));
    REQUIRE(!none);
    CHECK(none.error().message.find("if_inbound = lan9") != std::string::npos);
    CHECK(none.error().message.find("if_outbound = wan0") != std::string::npos);
    CHECK(none.error().message.find("is down") != std::string::npos);

    const auto empty = app::findAddresses(machine(), settings("lan0", "tun0"));
    REQUIRE(!empty);
    CHECK(empty.error().message.find("no IP address") != std::string::npos);

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
