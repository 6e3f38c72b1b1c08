// SPDX-License-Identifier: GPL-2.0-or-later
#include <chrono>
#include <string>
#include <vector>

#include "app/access_options.h"
#include "app/firewall_text.h"
#include "app/local_addresses.h"
#include "app/module_settings.h"
#include "support/addresses.h"
#include "support/catch.h"
#include "support/certificates.h"

using namespace siproxd;
using test::ip;

namespace {

/// eth0 outside with an alias address, lan0 inside with two, wan0 down, tun0 without addresses.
net::InterfaceTable machine() {
    net::Interface eth0{"eth0", 2, true, true, false, false, {}};
    eth0.addresses = {{ip("203.0.113.1"), 24}, {ip("203.0.113.9"), 24}, {ip("2001:db8:f::1"), 64}};
    net::Interface lan0{"lan0", 3, true, true, false, false, {}};
    lan0.addresses = {{ip("2001:db8::1"), 64}, {ip("192.168.1.1"), 24}, {ip("10.7.0.1"), 16}};
    net::Interface wan0{"wan0", 4, false, false, false, false, {}};
    wan0.addresses = {{ip("198.51.100.1"), 24}};
    const net::Interface tun0{"tun0", 5, true, true, false, true, {}};
    return {{eth0, lan0, wan0, tun0}, "eth0"};
}

config::Settings settings(std::string inbound, std::string outbound, std::string host = "") {
    config::Settings out;
    out.network.ifInbound = std::move(inbound);
    out.network.ifOutbound = std::move(outbound);
    out.network.hostOutbound = std::move(host);
    return out;
}

proxy::Addresses found(const config::Settings& settings, const dns::Addresses& announced = {}) {
    const auto selection = app::readSelection(settings);
    REQUIRE(selection);
    return app::localAddresses(selection->resolve(machine()), settings, announced);
}

const proxy::Endpoint& inside(const proxy::Addresses& all) { return *all.first(proxy::Side::Inside); }

const proxy::Endpoint& outside(const proxy::Addresses& all) {
    return *all.first(proxy::Side::Outside);
}

}  // namespace

TEST_CASE("Whoever shares a public network with the only interface is told of", "[app]") {
    CHECK(app::neighbourWarning(found(settings("eth0", "eth0"))).find("203.0.113.0/24") !=
          std::string::npos);
    CHECK(app::neighbourWarning(found(settings("lan0", "lan0"))).empty());
    CHECK(app::neighbourWarning(found(settings("lan0", "eth0"))).empty());
}

TEST_CASE("what a plugin has found out about our address goes before host_outbound", "[app]") {
    const auto with = [](const char* host, const char* learned) {
        const auto given = settings("lan0", "eth0", host);
        return app::localAddresses(app::readSelection(given)->resolve(machine()), given, {}, ip(learned));
    };
    CHECK(outside(with("", "198.51.100.7")).host == "198.51.100.7");
    CHECK(outside(with("", "198.51.100.7")).announced == ip("198.51.100.7"));
    CHECK(outside(with("198.51.100.8", "198.51.100.7")).host == "198.51.100.7");
    CHECK(outside(with("www.example.test", "198.51.100.7")).host == "198.51.100.7");
    CHECK(outside(with("198.51.100.8", "2001:db8::7")).host == "198.51.100.8");
    CHECK(inside(with("", "198.51.100.7")).host == "192.168.1.1");
}

TEST_CASE("our addresses are those of the interfaces named", "[app]") {
    const auto addresses = found(settings("lan0", "eth0"));
    CHECK(inside(addresses).ip == ip("192.168.1.1"));
    CHECK(outside(addresses).ip == ip("203.0.113.1"));
    CHECK(outside(addresses).announced == outside(addresses).ip);
    CHECK(outside(addresses).host == "203.0.113.1");
    CHECK(inside(addresses).interfaceIndex == 3);
    CHECK(outside(addresses).interfaceIndex == 2);
    CHECK(!addresses.single());
    CHECK(addresses.isInside(ip("192.168.1.77")));
    CHECK(addresses.isInside(ip("10.7.200.1")));
    CHECK(!addresses.isInside(ip("10.8.0.1")));
    CHECK(!addresses.isInside(ip("203.0.113.77")));
    // Phones talk to all addresses of the inside, providers to one of each version of the outside.
    CHECK(addresses.at(proxy::Side::Inside, ip("10.7.0.1")) != nullptr);
    CHECK(addresses.at(proxy::Side::Outside, ip("203.0.113.9")) == nullptr);
    CHECK(addresses.at(proxy::Side::Outside, ip("2001:db8:f::1")) != nullptr);
}

TEST_CASE("an interface may be named by one of its addresses", "[app]") {
    const auto addresses = found(settings("10.7.0.1", "203.0.113.9"));
    CHECK(addresses.local() == std::vector{ip("10.7.0.1"), ip("203.0.113.9")});
    CHECK(outside(addresses).interfaceIndex == 2);
}

TEST_CASE("host_outbound is what the outside is told, by its own IP version", "[app]") {
    const auto byAddress = found(settings("lan0", "eth0", "198.51.100.77"));
    CHECK(outside(byAddress).announced == ip("198.51.100.77"));
    CHECK(outside(byAddress).host == "198.51.100.77");
    CHECK(outside(byAddress).ip == ip("203.0.113.1"));
    CHECK(byAddress.at(proxy::Side::Outside, ip("2001:db8:f::1"))->host == "2001:db8:f::1");

    const auto byName = settings("lan0", "eth0", "pbx.example.org");
    CHECK(!outside(found(byName)).announced);
    CHECK(outside(found(byName)).host == "pbx.example.org");
    CHECK(outside(found(byName, {ip("198.51.100.78")})).announced == ip("198.51.100.78"));
    // A name without addresses of a version does not stand for those.
    const auto other = found(byName, {ip("198.51.100.78")});
    CHECK(other.at(proxy::Side::Outside, ip("2001:db8:f::1"))->host == "2001:db8:f::1");
    const auto both = found(byName, {ip("198.51.100.78"), ip("2001:db8::77")});
    CHECK(both.at(proxy::Side::Outside, ip("2001:db8:f::1"))->announced == ip("2001:db8::77"));
    CHECK(both.at(proxy::Side::Outside, ip("2001:db8:f::1"))->host == "pbx.example.org");
}

TEST_CASE("one interface for both sides is the mode in front of a NAT router", "[app]") {
    const auto addresses = found(settings("lan0", "lan0", "198.51.100.77"));
    CHECK(addresses.single());
    CHECK(inside(addresses).announced == ip("192.168.1.1"));
    CHECK(outside(addresses).announced == ip("198.51.100.77"));
}

TEST_CASE("what is not there yet is waited for", "[app]") {
    const auto addresses = found(settings("lan0", "tun0"));
    CHECK(inside(addresses).ip == ip("192.168.1.1"));
    CHECK(addresses.first(proxy::Side::Outside) == nullptr);
    CHECK(found(settings("lan9", "wan0")).endpoints().empty());
}

TEST_CASE("interfaces that cannot be are told with their place", "[app]") {
    auto wrong = settings("lan0", "0.0.0.0");
    wrong.origins["if_outbound"] = {"siproxd.conf", 7};
    const auto selection = app::readSelection(wrong);
    REQUIRE(!selection);
    CHECK(selection.error().message.starts_with("siproxd.conf:7: if_outbound = 0.0.0.0"));
    CHECK_FALSE(app::checkModuleSettings(wrong));
}

TEST_CASE("name servers are addresses with a port or not", "[app]") {
    auto given = settings("lan0", "eth0");
    given.resolver.dnsServers = "192.0.2.1, 192.0.2.2:5353,2001:db8::1 [2001:db8::2]:54";
    given.resolver.dnsDummyAddresses = "198.51.100.0/24,203.0.113.7";
    const auto read = app::readResolver(given);
    REQUIRE(read);
    CHECK(read->servers == std::vector<base::SocketAddress>{{ip("192.0.2.1"), 53},
                                                            {ip("192.0.2.2"), 5353},
                                                            {ip("2001:db8::1"), 53},
                                                            {ip("2001:db8::2"), 54}});
    REQUIRE(read->isDummy);
    CHECK(read->isDummy(ip("198.51.100.1")));
    CHECK(read->isDummy(ip("203.0.113.7")));
    CHECK_FALSE(read->isDummy(ip("203.0.113.8")));
    for (const char* bad : {"ns.example", "192.0.2.1:0", "192.0.2.1:99999", "192.0.2.1:",
                            "[2001:db8::1", "192.0.2.1;192.0.2.2"}) {
        INFO(bad);
        given.resolver.dnsServers = bad;
        const auto wrong = app::readResolver(given);
        REQUIRE(!wrong);
        CHECK(wrong.error().message.starts_with("default: dns_servers: "));
    }
    given.resolver.dnsServers.clear();
    for (const char* bad : {"198.51.100.0/33", "dummy.example/32", "dummy.example", "!192.0.2.1"}) {
        INFO(bad);
        given.resolver.dnsDummyAddresses = bad;
        const auto wrong = app::readResolver(given);
        REQUIRE(!wrong);
        CHECK(wrong.error().message.starts_with("default: dns_dummy_addresses: "));
    }
    given.resolver.dnsDummyAddresses = "198.51.100.0 - 198.51.100.9, !198.51.100.7/32, 2001:db8::1";
    const auto list = app::readResolver(given);
    REQUIRE(list);
    CHECK(list->isDummy(ip("198.51.100.8")));
    CHECK_FALSE(list->isDummy(ip("198.51.100.7")));
    CHECK(list->isDummy(ip("2001:db8::1")));
}

TEST_CASE("what is wrong with certificates is told with its place", "[app]") {
    test::Certificates certificates;
    const auto files = certificates.make("server", {.alternativeNames = "DNS:sip.example"});
    const auto other = certificates.make("other", {.alternativeNames = "DNS:sip.example"});
    const auto message = [](const config::Settings& given) {
        const auto context = app::readTls(given);
        return context ? std::string(context->canServe() ? "serves" : "connects")
                       : context.error().message;
    };
    auto given = settings("lan0", "eth0");
    CHECK(message(given) == "connects");
    given.origins["tls_certificate"] = {"a.conf", 1};
    given.origins["tls_private_key"] = {"a.conf", 2};
    given.origins["tls_ca"] = {"a.conf", 3};
    given.origins["tls_ciphers"] = {"a.conf", 4};
    given.tls.tlsPrivateKey = files.key;
    CHECK(message(given).starts_with("a.conf:2: tls_private_key: tls_certificate is missing"));
    given.tls.tlsCertificate = files.certificate;
    CHECK(message(given) == "serves");
    given.tls.tlsPrivateKey = other.key;
    CHECK(message(given).starts_with("a.conf:2: tls_private_key: "));
    given.tls.tlsPrivateKey = "/nonexistent/key.pem";
    CHECK(message(given).starts_with("a.conf:2: tls_private_key: cannot read /nonexistent/key.pem"));
    given.tls.tlsPrivateKey.clear();
    CHECK(message(given).starts_with("a.conf:1: tls_certificate: "));
    given.tls.tlsCertificate.clear();
    given.tls.tlsCa = "/dev/null";
    CHECK(message(given).starts_with("a.conf:3: tls_ca: "));
    given.tls.tlsCa.clear();
    given.tls.tlsCiphers = "NO-SUCH";
    CHECK(message(given).starts_with("a.conf:4: tls_ciphers: "));
}

TEST_CASE("directives reach the connections", "[app]") {
    auto given = settings("lan0", "eth0");
    given.network.tcpTimeout = std::chrono::seconds(11);
    given.network.tcpConnectTimeout = std::chrono::milliseconds(12);
    given.network.tcpKeepalive = std::chrono::seconds(13);
    given.network.tcpMaxConnections = 14;
    given.network.tcpMaxPerAddress = 15;
    given.network.sipDscp = 16;
    const auto streams = app::streamSettings(given);
    CHECK(streams.idleTimeout == std::chrono::seconds(11));
    CHECK(streams.connectTimeout == std::chrono::milliseconds(12));
    CHECK(streams.keepalive == std::chrono::seconds(13));
    CHECK(streams.connections == 14);
    CHECK(streams.perAddress == 15);
    CHECK(streams.dscp == 16);
}

TEST_CASE("the firewall rules are those of what is listened on", "[app]") {
    auto given = settings("lan0", "eth0");
    const auto text = [&given] {
        const auto selected = app::readSelection(given)->resolve(machine());
        return app::firewallText(selected, app::localAddresses(selected, given), given);
    };
    const auto has = [](const std::string& all, std::string_view part) {
        return all.find(part) != std::string::npos;
    };
    CHECK(has(text(), "  iptables -A INPUT -m udp -p udp -i eth0 --dport 5060 -j ACCEPT\n"));
    CHECK(has(text(), "  ip6tables -A INPUT -m udp -p udp -i eth0 --dport 7070:7089 -j ACCEPT\n"));
    CHECK(has(text(), "  iptables -A INPUT -m tcp -p tcp -i eth0 --dport 5060 -j ACCEPT\n"));
    CHECK(has(text(), "iifname eth0 udp dport '{ 5060, 7070-7089 }' accept\n"));
    CHECK(has(text(), "iifname eth0 tcp dport '{ 5060 }' accept\n"));
    CHECK(has(text(), "Set 192.168.1.1 as outbound proxy"));
    CHECK_FALSE(has(text(), "5061"));
    given.tls.tlsCertificate = "cert.pem";
    CHECK(has(text(), "  iptables -A INPUT -m tcp -p tcp -i eth0 --dport 5061 -j ACCEPT\n"));
    CHECK(has(text(), "tcp dport '{ 5060, 5061 }' accept\n"));
    given.network.ifOutbound = "lan0";
    CHECK(has(text(), "5060/udp, 5060/tcp, 5061/tcp and 7070-7089/udp to 192.168.1.1"));
    CHECK(has(text(), "host_outbound=ADDRESS"));
    given.network.ifOutbound = "tun0";
    CHECK(text() == "siproxd waits for its interfaces.\n");
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
