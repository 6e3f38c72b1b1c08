// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/locator.h"

#include <optional>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"
#include "unit/dns/fake_records.h"
#include "unit/dns/resolver_bench.h"

using namespace siproxd;
using namespace siproxd::dns;
using namespace std::chrono_literals;
using base::Family;
using base::Protocol;

namespace {

using Lines = std::vector<std::string>;

Lines linesOf(const Located& located) {
    if (!located) {
        return {"error: " + located.error().message};
    }
    Lines lines;
    for (const auto& service : *located) {
        lines.push_back(std::string(base::viaName(service.protocol)) + " " +
                        service.address.toString());
    }
    return lines;
}

struct Bench {
    test::FakeLoop loop;
    test::FakeRandom random;
    test::FakeRecords records{loop};
    DeadServers dead{loop};
    std::unique_ptr<Locator> locator = makeLocator(loop, records, dead, random);

    /// What locate() says, and that known() says the same when all is cached.
    Lines locate(const Wanted& wanted) {
        std::optional<Located> result;
        const auto query = locator->locate(wanted, [&](const Located& located) {
            CHECK_FALSE(result.has_value());
            result = located;
        });
        CHECK_FALSE(result.has_value());
        loop.advance(5s);
        REQUIRE(result.has_value());
        CHECK(loop.pendingTimers() == 0);
        const auto lines = linesOf(*result);
        if (result->has_value()) {
            records.cached = true;
            const auto known = locator->known(wanted);
            REQUIRE(known.has_value());
            CHECK(linesOf(*known) == lines);
            records.cached = false;
        }
        return lines;
    }

    /// example.test as in RFC 3263 §4.1.
    void offerAll() {
        records.naptr("example.test", {{50, 50, "s", "SIPS+D2T", "_sips._tcp.example.test"},
                                       {90, 50, "s", "SIP+D2T", "_sip._tcp.example.test"},
                                       {100, 50, "s", "SIP+D2U", "_sip._udp.example.test"}});
        records.srv("_sips._tcp.example.test", {{1, 0, 5061, "server1.example.test"}});
        records.srv("_sip._tcp.example.test",
                    {{0, 0, 5060, "server1.example.test"}, {1, 0, 5070, "server2.example.test"}});
        records.srv("_sip._udp.example.test", {{0, 0, 5080, "server2.example.test"}});
        records.addresses("server1.example.test", {"192.0.2.1"});
        records.addresses("server2.example.test", {"192.0.2.2"});
    }
};

}  // namespace

TEST_CASE("An address is used as it is", "[dns]") {
    Bench bench;
    CHECK(bench.locate({.host = "192.0.2.7"}) == Lines{"UDP 192.0.2.7:5060"});
    CHECK(bench.locate({.host = "[2001:db8::7]", .port = 5070}) == Lines{"UDP [2001:db8::7]:5070"});
    CHECK(bench.locate({.host = "192.0.2.7", .secure = true}) == Lines{"TLS 192.0.2.7:5061"});
    CHECK(bench.locate({.host = "192.0.2.7", .transport = Protocol::Tcp}) ==
          Lines{"TCP 192.0.2.7:5060"});
    CHECK(bench.locate({.host = "192.0.2.7", .protocols = {Protocol::Tls, Protocol::Tcp}}) ==
          Lines{"TLS 192.0.2.7:5061"});
    CHECK(bench.records.asked.empty());
}

TEST_CASE("A port stops the search for records", "[dns]") {
    Bench bench;
    bench.offerAll();
    bench.records.addresses("example.test", {"192.0.2.9"});
    CHECK(bench.locate({.host = "example.test.", .port = 5090}) == Lines{"UDP 192.0.2.9:5090"});
    CHECK(bench.locate({.host = "example.test", .port = 5090, .secure = true}) ==
          Lines{"TLS 192.0.2.9:5090"});
    CHECK(bench.records.asked.size() == 1);
}

TEST_CASE("NAPTR records choose the protocol by the domain's order", "[dns]") {
    Bench bench;
    bench.offerAll();
    CHECK(bench.locate({.host = "example.test"}) ==
          Lines{"TLS 192.0.2.1:5061", "TCP 192.0.2.1:5060", "TCP 192.0.2.2:5070",
                "UDP 192.0.2.2:5080"});
    CHECK(bench.locate({.host = "EXAMPLE.test", .protocols = {Protocol::Udp, Protocol::Tcp}}) ==
          Lines{"TCP 192.0.2.1:5060", "TCP 192.0.2.2:5070", "UDP 192.0.2.2:5080"});
    CHECK(bench.locate({.host = "example.test", .secure = true}) == Lines{"TLS 192.0.2.1:5061"});
}

TEST_CASE("A transport parameter leaves SRV records of that protocol only", "[dns]") {
    Bench bench;
    bench.offerAll();
    CHECK(bench.locate({.host = "example.test", .transport = Protocol::Udp}) ==
          Lines{"UDP 192.0.2.2:5080"});
    CHECK(bench.locate({.host = "example.test", .transport = Protocol::Tls}) ==
          Lines{"TLS 192.0.2.1:5061"});
    CHECK(bench.locate({.host = "example.test", .transport = Protocol::Tcp, .secure = true}) ==
          Lines{"TLS 192.0.2.1:5061"});
    CHECK(bench.records.asked.count("example.test/NAPTR") == 0);
}

TEST_CASE("NAPTR records that are of no use to SIP are passed over", "[dns]") {
    Bench bench;
    bench.records.naptr("example.test", {{1, 1, "s", "SIP+D2S", "_sip._sctp.example.test"},
                                         {2, 1, "u", "SIP+D2U", "_sip._udp.example.test"},
                                         {3, 1, "a", "SIP+D2U", "host.example.test"},
                                         {4, 1, "s", "http+N2R", "_http._tcp.example.test"},
                                         {5, 1, "s", "SIP+D2T", "_ldap._tcp.internal.test"},
                                         {6, 1, "s", "SIP+D2U", "_sip._tcp.example.test"},
                                         {7, 1, "s", "SIP+D2T", "_sip._tcp"},
                                         {8, 1, "S", "sip+d2u", "_SIP._udp.other.test"}});
    bench.records.srv("_sip._udp.other.test", {{1, 1, 5066, "host.other.test"}});
    bench.records.srv("_ldap._tcp.internal.test", {{1, 1, 389, "host.other.test"}});
    bench.records.addresses("host.other.test", {"192.0.2.8"});
    CHECK(bench.locate({.host = "example.test"}) == Lines{"UDP 192.0.2.8:5066"});
    CHECK(bench.records.asked.count("_ldap._tcp.internal.test/SRV") == 0);
}

TEST_CASE("Among NAPTR records alike in order and preference ours decides", "[dns]") {
    Bench bench;
    bench.offerAll();
    bench.records.naptr("example.test", {{1, 1, "s", "SIP+D2U", "_sip._udp.example.test"},
                                         {1, 1, "s", "SIP+D2T", "_sip._tcp.example.test"}});
    CHECK(bench.locate({.host = "example.test", .protocols = {Protocol::Tcp, Protocol::Udp}})
              .front() == "TCP 192.0.2.1:5060");
}

TEST_CASE("Without NAPTR records SRV records are looked for in our order", "[dns]") {
    Bench bench;
    bench.offerAll();
    bench.records.naptr("other.test", {});
    bench.records.srv("_sip._udp.other.test", {{0, 0, 5080, "server2.example.test"}});
    bench.records.srv("_sip._tcp.other.test", {{0, 0, 5060, "server1.example.test"}});
    CHECK(bench.locate({.host = "other.test"}) ==
          Lines{"UDP 192.0.2.2:5080", "TCP 192.0.2.1:5060"});
    CHECK(bench.locate({.host = "other.test", .protocols = {Protocol::Tcp, Protocol::Udp}}) ==
          Lines{"TCP 192.0.2.1:5060", "UDP 192.0.2.2:5080"});
}

TEST_CASE("Without any records the host itself is the server", "[dns]") {
    Bench bench;
    bench.records.addresses("plain.test", {"192.0.2.3", "192.0.2.4"});
    CHECK(bench.locate({.host = "plain.test"}) ==
          Lines{"UDP 192.0.2.3:5060", "UDP 192.0.2.4:5060"});
    CHECK(bench.locate({.host = "plain.test", .secure = true}) ==
          Lines{"TLS 192.0.2.3:5061", "TLS 192.0.2.4:5061"});
    CHECK(bench.locate({.host = "plain.test", .transport = Protocol::Tcp}).front() ==
          "TCP 192.0.2.3:5060");
    CHECK(bench.locate({.host = "nowhere.test"}) == Lines{"error: cannot resolve nowhere.test"});
}

TEST_CASE("A NAPTR record without SRV records still chooses the protocol", "[dns]") {
    Bench bench;
    bench.records.naptr("example.test", {{1, 1, "s", "SIP+D2T", "_sip._tcp.example.test"}});
    bench.records.addresses("example.test", {"192.0.2.3"});
    CHECK(bench.locate({.host = "example.test"}) == Lines{"TCP 192.0.2.3:5060"});
}

TEST_CASE("A target that is a dot says that there is no such service", "[dns]") {
    Bench bench;
    bench.records.addresses("example.test", {"192.0.2.3"});
    bench.records.srv("_sip._udp.example.test", {{0, 0, 0, ""}});
    CHECK(
        bench.locate({.host = "example.test", .transport = Protocol::Udp}) ==
        Lines{"error: cannot reach example.test: its domain says that it offers no such service"});
    CHECK(bench.locate({.host = "example.test"}) == Lines{"TCP 192.0.2.3:5060"});
    bench.records.srv("_sip._tcp.example.test", {{0, 0, 0, ""}});
    bench.records.srv("_sips._tcp.example.test", {{0, 0, 0, ""}});
    CHECK(bench.locate({.host = "example.test"}).front().starts_with("error: cannot reach"));
}

TEST_CASE("What cannot be reached by any protocol of ours is an error", "[dns]") {
    Bench bench;
    CHECK(bench.locate({.host = "a.test", .secure = true, .protocols = {Protocol::Udp}}) ==
          Lines{"error: cannot reach a.test: it must be reached by TLS, which is not available"});
    CHECK(bench.locate({.host = "a.test", .transport = Protocol::Udp, .secure = true})
              .front()
              .starts_with("error: "));
    CHECK(bench.locate({.host = "a.test", .protocols = {}}).front().starts_with("error: "));
    CHECK(bench.locate({.host = "evil\r\n.test"}) ==
          Lines{"error: 'evil\\x0d\\x0a.test' is no host name"});
    CHECK(bench.locate({.host = ""}).front().starts_with("error: "));
    CHECK(bench.records.asked.empty());
}

TEST_CASE("A long request goes by TCP first", "[dns]") {
    Bench bench;
    bench.offerAll();
    bench.records.addresses("plain.test", {"192.0.2.3"});
    CHECK(bench.locate({.host = "192.0.2.7", .port = 5070, .large = true}) ==
          Lines{"TCP 192.0.2.7:5070", "UDP 192.0.2.7:5070"});
    CHECK(bench.locate({.host = "plain.test", .large = true}) ==
          Lines{"TCP 192.0.2.3:5060", "UDP 192.0.2.3:5060"});
    CHECK(bench.locate({.host = "plain.test", .transport = Protocol::Udp, .large = true}) ==
          Lines{"UDP 192.0.2.3:5060"});
    bench.records.naptr("example.test", {{1, 1, "s", "SIP+D2U", "_sip._udp.example.test"},
                                         {2, 1, "s", "SIP+D2T", "_sip._tcp.example.test"}});
    CHECK(bench.locate({.host = "example.test", .large = true}) ==
          Lines{"TCP 192.0.2.1:5060", "TCP 192.0.2.2:5070", "UDP 192.0.2.2:5080"});
}

TEST_CASE("Families take turns, and the preferred one begins", "[dns]") {
    Bench bench;
    bench.records.addresses("both.test", {"192.0.2.1", "192.0.2.2", "2001:db8::1"});
    CHECK(bench.locate({.host = "both.test"}) ==
          Lines{"UDP 192.0.2.1:5060", "UDP [2001:db8::1]:5060", "UDP 192.0.2.2:5060"});
    CHECK(bench.locate({.host = "both.test", .preferred = Family::V6}) ==
          Lines{"UDP [2001:db8::1]:5060", "UDP 192.0.2.1:5060", "UDP 192.0.2.2:5060"});
    CHECK(bench.locate({.host = "both.test", .families = Family::V6}) ==
          Lines{"UDP [2001:db8::1]:5060"});
    CHECK(bench.records.asked["both.test/AAAA"] == 1);
}

TEST_CASE("Dead servers come last and are never left out", "[dns]") {
    Bench bench;
    bench.offerAll();
    const Wanted wanted{.host = "example.test", .transport = Protocol::Tcp};
    const auto one = *base::IpAddress::parse("192.0.2.1");
    const auto two = *base::IpAddress::parse("192.0.2.2");
    bench.dead.markDead(Protocol::Tcp, {one, 5060}, 3min);
    CHECK(bench.locate(wanted) == Lines{"TCP 192.0.2.2:5070", "TCP 192.0.2.1:5060"});
    bench.dead.markDead(Protocol::Tcp, {two, 5070}, 3min);
    CHECK(bench.locate(wanted) == Lines{"TCP 192.0.2.1:5060", "TCP 192.0.2.2:5070"});
    bench.dead.markAlive(Protocol::Tcp, {two, 5070});
    CHECK(bench.locate(wanted).front() == "TCP 192.0.2.2:5070");
}

TEST_CASE("A certificate must be for the domain that was asked for", "[dns]") {
    Bench bench;
    bench.offerAll();
    bench.records.cached = true;
    CHECK(bench.locator->known({.host = "example.test."})->value().front().host == "example.test");
    CHECK(bench.locator->known({.host = "[2001:db8::1]"})->value().front().host == "2001:db8::1");
}

TEST_CASE("A target that cannot be resolved is left out", "[dns]") {
    Bench bench;
    bench.records.srv("_sip._udp.example.test",
                      {{1, 0, 5060, "gone.test"}, {2, 0, 5060, "here.test"}});
    bench.records.addresses("here.test", {"192.0.2.1"});
    bench.records.addresses("example.test", {"192.0.2.99"});
    CHECK(bench.locate({.host = "example.test"}) == Lines{"UDP 192.0.2.1:5060"});
    bench.records.srv("_sip._udp.gone.test", {{1, 0, 5060, "gone.test"}});
    CHECK(bench.locate({.host = "gone.test"}) == Lines{"error: cannot resolve gone.test"});
}

TEST_CASE("Records are asked for at once and targets in parallel", "[dns]") {
    Bench bench;
    bench.offerAll();
    std::optional<base::TimePoint> came;
    const auto query = bench.locator->locate({.host = "example.test"}, [&](const Located& located) {
        CHECK(located.has_value());
        came = bench.loop.now();
    });
    CHECK(bench.records.asked.size() == 4);
    bench.loop.advance(20ms);
    REQUIRE(came.has_value());
    for (const auto& [key, count] : bench.records.asked) {
        CHECK(count == 1);
    }
}

TEST_CASE("A target that nobody answers for delays the others by a second at most", "[dns]") {
    Bench bench;
    bench.records.srv("_sip._udp.example.test",
                      {{1, 0, 5060, "slow.test"}, {2, 0, 5060, "here.test"}});
    bench.records.addresses("here.test", {"192.0.2.1"});
    bench.records.addresses("slow.test", {"192.0.2.2"});
    bench.records.delays["slow.test/*"] = 4s;
    Lines lines;
    const auto query = bench.locator->locate(
        {.host = "example.test"}, [&](const Located& located) { lines = linesOf(located); });
    bench.loop.advance(1s);
    CHECK(lines.empty());
    bench.loop.advance(20ms);
    CHECK(lines == Lines{"UDP 192.0.2.1:5060"});
}

TEST_CASE("Name servers that never speak of SRV and NAPTR do not hold up the call for ever",
          "[dns]") {
    Bench bench;
    for (const char* key : {"a.test/NAPTR", "_sip._udp.a.test/SRV", "_sip._tcp.a.test/SRV",
                            "_sips._tcp.a.test/SRV"}) {
        bench.records.delays[key] = 1h;
    }
    bench.records.addresses("a.test", {"192.0.2.1"});
    Lines lines;
    const auto query = bench.locator->locate(
        {.host = "a.test"}, [&](const Located& located) { lines = linesOf(located); });
    bench.loop.advance(3s);
    CHECK(lines.empty());
    bench.loop.advance(10ms);
    CHECK(lines == Lines{"UDP 192.0.2.1:5060"});
}

TEST_CASE("A search ends at its deadline", "[dns]") {
    Bench bench;
    bench.records.delays = {{"a.test/*", 1h}};
    Lines lines;
    const auto query = bench.locator->locate(
        {.host = "a.test"}, [&](const Located& located) { lines = linesOf(located); });
    bench.loop.advance(4999ms);
    CHECK(lines.empty());
    bench.loop.advance(1ms);
    CHECK(lines == Lines{"error: cannot resolve a.test: no answer in time"});
}

TEST_CASE("A domain of a stranger makes us neither ask nor try without end", "[dns]") {
    Bench bench;
    SrvRecords many;
    for (std::uint16_t i = 0; i < 30; ++i) {
        const auto name = "h" + std::to_string(i) + ".test";
        many.push_back({i, 0, 5060, name});
        bench.records.addresses(
            name, {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"});
        const auto last = static_cast<std::uint16_t>(5060 + i);
        many.back().port = last;
    }
    NaptrRecords naptr;
    for (std::uint16_t i = 0; i < 30; ++i) {
        naptr.push_back({i, 0, "s", "SIP+D2U", "_sip._udp.n" + std::to_string(i) + ".test"});
        bench.records.srv(naptr.back().replacement, many);
    }
    bench.records.naptr("evil.test", naptr);
    const auto lines = bench.locate({.host = "evil.test"});
    CHECK(lines.size() == 16);
    CHECK(lines[4] == "UDP 192.0.2.1:5061");
    int asked = 0;
    for (const auto& [key, count] : bench.records.asked) {
        asked += count;
    }
    CHECK(asked <= 1 + 3 + 6 + 8);
}

TEST_CASE("A cancelled search is not called back, one may outlive the locator", "[dns]") {
    Bench bench;
    bench.offerAll();
    int called = 0;
    const auto count = [&](const Located&) { ++called; };
    auto cancelled = bench.locator->locate({.host = "example.test"}, count);
    auto literal = bench.locator->locate({.host = "192.0.2.1"}, count);
    auto orphan = bench.locator->locate({.host = "example.test"}, count);
    auto orphanLiteral = bench.locator->locate({.host = "192.0.2.1"}, count);
    cancelled.cancel();
    literal.cancel();
    bench.locator.reset();
    bench.loop.advance(10s);
    CHECK(called == 0);
}

TEST_CASE("A callback may end its own search and the locator", "[dns]") {
    Bench bench;
    bench.offerAll();
    int called = 0;
    std::vector<Query> queries;
    for (int i = 0; i < 3; ++i) {
        queries.push_back(bench.locator->locate({.host = "example.test"}, [&](const Located&) {
            ++called;
            queries.clear();
            bench.locator.reset();
        }));
    }
    bench.loop.advance(10s);
    CHECK(called == 1);
}

TEST_CASE("A search over real name servers ends at the servers", "[dns]") {
    test::ResolverBench bench;
    test::FakeRandom random;
    const DeadServers dead(*bench.loop);
    const auto locator = makeLocator(*bench.loop, *bench.resolver, dead, random);
    bench.server.records["example.test"] = {
        .naptr = {{10, 10, "s", "SIP+D2T", "_sip._tcp.example.test"}}};
    bench.server.records["_sip._tcp.example.test"] = {
        .srv = {{1, 0, 5070, "a.example.test"}, {2, 0, 5060, "b.example.test"}}};
    bench.server.records["a.example.test"] = {.addresses = {"192.0.2.1", "2001:db8::1"}};
    bench.server.records["b.example.test"] = {.addresses = {"192.0.2.2"}, .truncated = true};
    const Wanted wanted{.host = "example.test"};
    CHECK_FALSE(locator->known(wanted).has_value());
    Lines lines;
    const auto query =
        locator->locate(wanted, [&](const Located& located) { lines = linesOf(located); });
    bench.play({[&] { return !lines.empty(); }});
    CHECK(lines == Lines{"TCP 192.0.2.1:5070", "TCP [2001:db8::1]:5070", "TCP 192.0.2.2:5060"});
    REQUIRE(locator->known(wanted).has_value());
    CHECK(linesOf(*locator->known(wanted)) == lines);
}
