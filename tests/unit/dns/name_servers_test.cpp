// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/name_servers.h"

#include <functional>
#include <string>
#include <vector>

#include "support/catch.h"
#include "unit/dns/resolver_bench.h"

using namespace siproxd;
using namespace siproxd::dns;
using namespace std::chrono_literals;
using base::Family;
using test::addresses;
using Bench = test::ResolverBench;

TEST_CASE("A truncated answer is fetched by TCP, and no answer is endless", "[dns]") {
    Bench bench;
    SrvRecords many;
    for (std::uint16_t i = 0; i < 1000; ++i) {
        many.push_back({static_cast<std::uint16_t>(1000 - i), 0, 5060,
                        "host" + std::to_string(i) + ".example.test"});
    }
    std::vector<std::string> addressTexts;
    for (int i = 0; i < 1000; ++i) {
        addressTexts.push_back("192.0." + std::to_string(i / 250) + "." +
                               std::to_string(i % 250 + 1));
    }
    bench.server.records["_sip._tcp.huge.test"] = {.srv = many, .truncated = true};
    bench.server.records["huge.test"] = {.addresses = addressTexts, .truncated = true};
    const auto& srv = bench.askRecords("_sip._tcp.huge.test", RecordType::Srv);
    const auto& hosts = bench.ask("huge.test");
    bench.waitForAll();
    REQUIRE(srv.has_value());
    REQUIRE(std::get<SrvRecords>(*srv).size() == kMaxRecords);
    CHECK(std::get<SrvRecords>(*srv).front().priority == 1);
    CHECK(hosts.found.size() == kMaxRecords);
    CHECK(bench.server.asked["_sip._tcp.huge.test SRV/TCP"] == 1);
}

TEST_CASE("Each try goes to the next server and waits longer", "[dns]") {
    Bench bench;
    test::FakeDnsServer other{*bench.loop};
    REQUIRE(bench.resolver
                ->setSettings({.servers = {bench.server.local(), other.local()},
                               .firstTimeout = 40ms,
                               .tries = 4,
                               .cache = {.failureTtl = 0s}})
                .has_value());
    bench.server.records["dead.test"] = other.records["dead.test"] = {.silent = true};
    const auto start = bench.loop->now();
    const auto waited = [&] { return bench.loop->now() - start; };
    const auto& dead = bench.ask("dead.test");
    bench.play({[&] { return other.asked["dead.test A"] == 1; },
                [&] {
                    CHECK(waited() >= 35ms);
                    return true;
                },
                [&] { return bench.server.asked["dead.test A"] == 2; },
                [&] {
                    CHECK(waited() >= 115ms);
                    return true;
                },
                [&] { return other.asked["dead.test A"] == 2; },
                [&] {
                    CHECK(waited() >= 235ms);
                    return true;
                },
                [&] { return dead.came; }});
    CHECK(waited() >= 395ms);
    CHECK(dead.error.find("imeout") != std::string::npos);

    // Both were silent last; who answers then comes first, and the other one is not waited for.
    other.records["alive.test"] = other.records["again.test"] = {.addresses = {"192.0.2.1"}};
    bench.server.records["alive.test"] = {.silent = true};
    const auto& alive = bench.ask("alive.test");
    bench.play({[&] { return alive.came; }});
    const auto& again = bench.ask("again.test");
    bench.play({[&] { return again.came; }});
    CHECK(again.found == addresses({"192.0.2.1"}));
    CHECK(bench.server.asked["again.test A"] == 0);
}

TEST_CASE("A server that cannot say is not asked twice, the next one is asked at once", "[dns]") {
    Bench bench;
    test::FakeDnsServer other{*bench.loop};
    REQUIRE(
        bench.resolver
            ->setSettings({.servers = {bench.server.local(), other.local()}, .firstTimeout = 3s})
            .has_value());
    bench.server.records["a.test"] = {.rcode = 2};
    other.records["a.test"] = {.addresses = {"192.0.2.1"}};
    bench.server.records["b.test"] = other.records["b.test"] = {.rcode = 5};
    const auto& one = bench.ask("a.test");
    const auto& none = bench.ask("b.test");
    bench.waitForAll();
    CHECK(one.found == addresses({"192.0.2.1"}));
    CHECK_FALSE(none.error.empty());
    CHECK(bench.server.asked["b.test A"] == 1);
    CHECK(other.asked["b.test A"] == 1);
}

TEST_CASE("Rotation begins with another server each time", "[dns]") {
    Bench bench;
    test::FakeDnsServer other{*bench.loop};
    REQUIRE(bench.resolver
                ->setSettings({.servers = {bench.server.local(), other.local()}, .rotate = true})
                .has_value());
    for (int i = 0; i < 6; ++i) {
        const auto name = "n" + std::to_string(i) + ".test";
        bench.server.records[name] = other.records[name] = {.addresses = {"192.0.2.1"}};
        bench.ask(name);
    }
    bench.waitForAll();
    CHECK(bench.server.asked.size() == 3);
    CHECK(other.asked.size() == 3);
}

TEST_CASE("A name server may have an IPv6 address, and one that is not there is passed over",
          "[dns]") {
    Bench bench;
    REQUIRE(
        bench.resolver
            ->setSettings({.servers = {{*base::IpAddress::parse("::1"), 1}, bench.server.local()},
                           .firstTimeout = 500ms})
            .has_value());
    bench.server.records["a.test"] = {.addresses = {"192.0.2.1"}};
    const auto& found = bench.ask("a.test");
    bench.waitForAll();
    CHECK(found.found == addresses({"192.0.2.1"}));
}

TEST_CASE("Hostile answers are failures and nothing worse", "[dns]") {
    Bench bench({.firstTimeout = 30ms, .tries = 2, .cache = {.failureTtl = 0s}});
    const test::FakeDnsServer::Record good{
        .addresses = {"192.0.2.1", "2001:db8::1"},
        .srv = {{1, 1, 5060, "a.example.test"}},
        .naptr = {{1, 1, "s", "SIP+D2U", "_sip._udp.example.test"}}};
    std::vector<std::function<std::string(std::string)>> mangles{
        [](std::string reply) { return reply.substr(0, reply.size() - 3); },
        [](std::string reply) { return reply.substr(0, 12); },
        [](std::string reply) { return reply.substr(0, 2) + "garbage"; },
        // The owner's name points at itself.
        [](std::string reply) {
            const auto at = reply.find("\xc0\x0c");
            reply[at] = static_cast<char>(0xc0U | at >> 8U);
            reply[at + 1] = static_cast<char>(at);
            return reply;
        },
        // More answers are promised than there are.
        [](std::string reply) {
            reply[6] = '\x7f';
            return reply;
        },
        // The data's length goes beyond the end.
        [](std::string reply) {
            const auto at = reply.find("\xc0\x0c");
            reply[at + 10] = '\x7f';
            return reply;
        },
        [](std::string) { return std::string(); },
        [](std::string reply) { return reply.substr(0, 12) + std::string(400, '\xc0'); },
    };
    for (std::size_t i = 0; i < mangles.size(); ++i) {
        const auto name = "m" + std::to_string(i) + ".test";
        bench.server.records[name] = good;
        bench.server.records[name].mangle = mangles[i];
        bench.ask(name);
        bench.ask(name, Family::None);
        bench.askRecords(name, RecordType::Srv);
        bench.askRecords(name, RecordType::Naptr);
    }
    bench.server.records["loop-a.test"] = {.alias = "loop-b.test"};
    bench.server.records["loop-b.test"] = {.alias = "loop-a.test"};
    bench.server.records["self.test"] = {.alias = "self.test"};
    bench.ask("loop-a.test");
    bench.ask("self.test");
    bench.askRecords("self.test", RecordType::Srv);
    bench.waitForAll();
    for (const auto& answer : bench.answers) {
        CHECK(answer.found.empty());
    }
    for (const auto& answer : bench.recordAnswers) {
        CHECK_FALSE(answer.has_value());
    }
}
