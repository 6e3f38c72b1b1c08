// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cares_resolver.h"

#include <string>

#include "support/catch.h"
#include "unit/dns/resolver_bench.h"

using namespace siproxd;
using namespace siproxd::dns;
using namespace std::chrono_literals;
using base::Family;
using test::addresses;
using Bench = test::ResolverBench;
using test::Reply;

TEST_CASE("A host's addresses come from the name server", "[dns]") {
    Bench bench;
    bench.server.records["sip.example.test"] = {
        .addresses = {"192.0.2.2", "2001:db8::1", "192.0.2.1"}};
    const auto& four = bench.ask("sip.example.test");
    const auto& six = bench.ask("sip.example.test", Family::V6);
    const auto& both = bench.ask("sip.example.test", Family::None);
    CHECK_FALSE(four.came);
    bench.waitForAll();
    CHECK(four.found == addresses({"192.0.2.2", "192.0.2.1"}));
    CHECK(six.found == addresses({"2001:db8::1"}));
    CHECK(both.found == addresses({"192.0.2.2", "192.0.2.1", "2001:db8::1"}));
}

TEST_CASE("An address is its own answer, but never inside the call", "[dns]") {
    Bench bench;
    const auto& four = bench.ask("192.0.2.7", Family::None);
    const auto& six = bench.ask("[2001:db8::7]", Family::V6);
    const auto& wrong = bench.ask("2001:db8::7", Family::V4);
    CHECK_FALSE(four.came);
    bench.waitForAll();
    CHECK(four.found == addresses({"192.0.2.7"}));
    CHECK(six.found == addresses({"2001:db8::7"}));
    CHECK(wrong.error == "2001:db8::7 is no IPv4 address");
    CHECK(bench.server.asked.empty());
    CHECK(bench.resolver->known("192.0.2.7", Family::V4)->value() == addresses({"192.0.2.7"}));
}

TEST_CASE("What is no host name is not looked up", "[dns]") {
    Bench bench;
    const auto& bad = bench.ask("evil\r\n.test");
    bench.waitForAll();
    CHECK(bad.error == "'evil\\x0d\\x0a.test' is no host name");
    CHECK(bench.server.asked.empty());
    CHECK_FALSE(bench.resolver->known("1.2.3.400", Family::V4)->has_value());
    CHECK_FALSE(bench.resolver->known("unknown.test", Family::V4).has_value());
}

TEST_CASE("Queries for one name share a lookup and its cached answer", "[dns]") {
    Bench bench;
    bench.server.records["sip.example.test"] = {.addresses = {"192.0.2.1"}, .ttl = 300};
    for (const char* spelling : {"sip.example.test", "SIP.example.test", "sip.example.test"}) {
        bench.ask(spelling);
    }
    const Reply* later = nullptr;
    bench.play({[&] { return bench.answers.back().came; },
                [&] {
                    later = &bench.ask("Sip.Example.Test");
                    return true;
                },
                [&] { return later->came; }});
    for (const auto& answer : bench.answers) {
        CHECK(answer.found == addresses({"192.0.2.1"}));
    }
    CHECK(bench.server.asked["sip.example.test A"] == 1);
    CHECK(bench.resolver->known("sip.example.test", Family::V4)->value() ==
          addresses({"192.0.2.1"}));
}

TEST_CASE("An answer is asked for again when its time is over", "[dns]") {
    Bench bench({.cache = {.minTtl = 5ms}});
    bench.server.records["short.test"] = {.addresses = {"192.0.2.1"}, .ttl = 0};
    bench.ask("short.test");
    bench.play({[&] { return bench.answers.back().came; },
                [&] { return !bench.resolver->known("short.test", Family::V4).has_value(); },
                [&] {
                    bench.ask("short.test");
                    return true;
                },
                [&] { return bench.answers.back().came; }});
    CHECK(bench.server.asked["short.test A"] == 2);
}

TEST_CASE("A name that does not exist is remembered", "[dns]") {
    Bench bench;
    bench.server.records["six.test"] = {.addresses = {"2001:db8::1"}};
    const auto& missing = bench.ask("no.example.test");
    const auto& noA = bench.ask("six.test");
    bench.waitForAll();
    CHECK(missing.error.starts_with("cannot resolve no.example.test: "));
    CHECK(noA.found.empty());
    CHECK(bench.server.asked["no.example.test A"] == 1);
    CHECK_FALSE(bench.resolver->known("no.example.test", Family::V4)->has_value());
}

TEST_CASE("A silent name server delays only those who need it", "[dns]") {
    Bench bench({.deadline = 200ms});
    bench.server.records["dead.test"] = {.addresses = {"192.0.2.1"}, .silent = true};
    bench.server.records["alive.test"] = {.addresses = {"192.0.2.2"}};
    const auto start = bench.loop->now();
    const auto& dead = bench.ask("dead.test");
    const auto& alive = bench.ask("alive.test");
    bench.play({[&] { return alive.came; },
                [&] {
                    CHECK_FALSE(dead.came);
                    return true;
                },
                [&] { return dead.came; }});
    CHECK(alive.found.size() == 1);
    CHECK(bench.loop->now() - start >= 200ms);
    CHECK(dead.error == "cannot resolve dead.test: no answer from a name server within 200 ms");
    CHECK(bench.resolver->known("dead.test", Family::V4).has_value());
}

TEST_CASE("An answer that comes after the deadline still serves the next query", "[dns]") {
    Bench bench({.deadline = 20ms, .firstTimeout = 3s, .cache = {.failureTtl = 0s}});
    bench.server.records["late.test"] = {.addresses = {"192.0.2.1"}, .silent = true};
    bench.ask("late.test");
    bench.play({[&] { return bench.answers.front().came; },
                [&] {
                    CHECK(bench.answers.front().found.empty());
                    bench.ask("late.test");
                    bench.server.answerLate();
                    return true;
                },
                [&] { return bench.answers.back().came; }});
    CHECK(bench.answers.back().found == addresses({"192.0.2.1"}));
    CHECK(bench.server.asked["late.test A"] == 1);
}

TEST_CASE("A server failure is a failure, not a missing name", "[dns]") {
    Bench bench({.cache = {.negativeTtl = 1h, .failureTtl = 0s}});
    bench.server.records["broken.test"] = {.addresses = {}, .rcode = 2};
    const auto& broken = bench.ask("broken.test");
    bench.waitForAll();
    CHECK_FALSE(broken.error.empty());
    CHECK_FALSE(bench.resolver->known("broken.test", Family::V4).has_value());
}

TEST_CASE("A cancelled query is not called back", "[dns]") {
    Bench bench;
    bench.server.records["a.test"] = {.addresses = {"192.0.2.1"}};
    bench.ask("a.test");
    bench.ask("192.0.2.9");
    const auto& kept = bench.ask("a.test");
    bench.queries[0].cancel();
    bench.queries[1] = Query();
    bench.play({[&] { return kept.came; }});
    CHECK_FALSE(bench.answers[0].came);
    CHECK_FALSE(bench.answers[1].came);
}

TEST_CASE("A callback may end other queries and the resolver itself", "[dns]") {
    Bench bench;
    bool called = false;
    Query first = bench.resolver->resolve("192.0.2.1", Family::V4, [&](const Answer&) {
        called = true;
        first.cancel();
        bench.queries.clear();
        bench.resolver.reset();
    });
    bench.ask("192.0.2.2");
    bench.ask("never.test");
    bench.play({[&] { return called; }});
    CHECK_FALSE(bench.answers[0].came);
    CHECK_FALSE(bench.answers[1].came);
}

TEST_CASE("A callback may ask again", "[dns]") {
    Bench bench;
    bench.server.records["a.test"] = {.addresses = {"192.0.2.1"}};
    const Reply* second = nullptr;
    auto query = bench.resolver->resolve("a.test", Family::V4,
                                         [&](const Answer&) { second = &bench.ask("a.test"); });
    bench.play({[&] { return second != nullptr && second->came; }});
    CHECK(second->found == addresses({"192.0.2.1"}));
}

TEST_CASE("A query may outlive its resolver", "[dns]") {
    Bench bench;
    bench.ask("a.test");
    bench.ask("192.0.2.1");
    bench.resolver.reset();
    int turns = 0;
    bench.play({[&] { return ++turns > 3; }});
    CHECK_FALSE(bench.answers[0].came);
    CHECK_FALSE(bench.answers[1].came);
}

TEST_CASE("The number of lookups under way is bounded", "[dns]") {
    Bench bench({.deadline = 50ms, .maxLookups = 8});
    for (int i = 0; i < 100; ++i) {
        const auto name = "n" + std::to_string(i) + ".test";
        bench.server.records[name] = {.addresses = {}, .silent = true};
        bench.ask(name);
    }
    const auto& shared = bench.ask("n0.test");
    bench.waitForAll();
    CHECK(bench.server.asked.size() == 8);
    CHECK(bench.answers[99].error ==
          "cannot resolve n99.test: too many other names are being looked up");
    CHECK(shared.error.find("within 50 ms") != std::string::npos);
    CHECK_FALSE(bench.resolver->known("n99.test", Family::V4).has_value());
}

TEST_CASE("The hosts file comes before the name server", "[dns]") {
    Bench bench;
    const auto& local = bench.ask("localhost");
    bench.waitForAll();
    REQUIRE_FALSE(local.found.empty());
    CHECK(local.found.front().isLoopback());
    CHECK(bench.server.asked.empty());
}

TEST_CASE("SRV and NAPTR records come sorted, and unusable ones are left out", "[dns]") {
    Bench bench;
    bench.server.records["_sip._udp.example.test"] = {
        .srv = {{20, 0, 5060, "b.example.test"},
                {10, 5, 5070, "a.example.test"},
                {10, 5, 0, "port-zero.example.test"},
                {10, 5, 5060, "bad name.example.test"},
                {30, 0, 0, ""}},
        .ttl = 300};
    bench.server.records["example.test"] = {
        .naptr = {{20, 10, "s", "SIP+D2T", "_sip._tcp.example.test"},
                  {10, 20, "s", "SIP+D2U", "_sip._udp.example.test"},
                  {10, 10, "s", "SIPS+D2T", "_sips._tcp.example.test"},
                  {5, 10, "s", "SIP+D2U", ""}}};
    bench.server.records["regexp.test"] = {.naptr = {{10, 10, "u", "E2U+sip", ""}},
                                           .regexp = "!^.*$!sip:evil@example.test!"};
    const auto& srv = bench.askRecords("_sip._udp.example.test", RecordType::Srv);
    const auto& naptr = bench.askRecords("Example.test", RecordType::Naptr);
    const auto& regexp = bench.askRecords("regexp.test", RecordType::Naptr);
    bench.waitForAll();
    REQUIRE(srv.has_value());
    CHECK(std::get<SrvRecords>(*srv) == SrvRecords{{10, 5, 5070, "a.example.test"},
                                                   {20, 0, 5060, "b.example.test"},
                                                   {30, 0, 0, ""}});
    REQUIRE(naptr.has_value());
    REQUIRE(std::get<NaptrRecords>(*naptr).size() == 3);
    CHECK(std::get<NaptrRecords>(*naptr).front() ==
          NaptrRecord{10, 10, "s", "SIPS+D2T", "_sips._tcp.example.test"});
    REQUIRE(regexp.has_value());
    CHECK(std::get<NaptrRecords>(*regexp) ==
          NaptrRecords{{10, 10, "u", "E2U+sip", "", "!^.*$!sip:evil@example.test!"}});
    CHECK(bench.resolver->knownRecords({"_SIP._udp.example.test", RecordType::Srv})->has_value());
    CHECK(bench.server.asked["example.test NAPTR"] == 1);
}

TEST_CASE("A name whose first address is a dummy is unknown", "[dns]") {
    Bench bench({.isDummy = [](const base::IpAddress& ip) {
        return base::Network::parse("198.51.100.0/24")->contains(ip) ||
               base::Network::parse("2001:db8:dead::/48")->contains(ip);
    }});
    bench.server.records["typo.test"] = {.addresses = {"198.51.100.1", "192.0.2.1"}};
    bench.server.records["typo6.test"] = {.addresses = {"2001:db8:dead::1"}};
    bench.server.records["good.test"] = {.addresses = {"192.0.2.1", "198.51.100.1"}};
    const auto& typo = bench.ask("typo.test");
    const auto& typo6 = bench.ask("typo6.test", Family::None);
    const auto& good = bench.ask("good.test");
    bench.waitForAll();
    CHECK(typo.error == "cannot resolve typo.test: its address is one of the dummy addresses");
    CHECK_FALSE(typo6.error.empty());
    CHECK(good.found.size() == 2);
    CHECK_FALSE(bench.resolver->known("typo.test", Family::V4)->has_value());
}

TEST_CASE("One family may be switched off", "[dns]") {
    Bench bench({.family = Family::V4});
    bench.server.records["a.test"] = {.addresses = {"192.0.2.1", "2001:db8::1"}};
    const auto& any = bench.ask("a.test", Family::None);
    const auto& six = bench.ask("a.test", Family::V6);
    const auto& literal = bench.ask("2001:db8::2", Family::None);
    bench.waitForAll();
    CHECK(any.found == addresses({"192.0.2.1"}));
    CHECK(six.error == "addresses of a.test are not looked up: only IPv4 is wanted");
    CHECK(literal.found == addresses({"2001:db8::2"}));
    CHECK(bench.server.asked.count("a.test AAAA") == 0);
}

TEST_CASE("New settings forget answers and ask again what is under way", "[dns]") {
    Bench bench({.firstTimeout = 4s});
    test::FakeDnsServer other{*bench.loop};
    bench.server.records["a.test"] = {.addresses = {"192.0.2.1"}};
    bench.server.records["slow.test"] = {.silent = true};
    other.records["a.test"] = {.addresses = {"192.0.2.2"}};
    other.records["slow.test"] = {.addresses = {"192.0.2.3"}};
    const auto& before = bench.ask("a.test");
    const auto& slow = bench.ask("slow.test");
    bench.play({[&] { return before.came && bench.server.asked["slow.test A"] == 1; },
                [&] {
                    REQUIRE(bench.resolver->setSettings({.servers = {other.local()}}).has_value());
                    CHECK_FALSE(bench.resolver->known("a.test", Family::V4).has_value());
                    return true;
                },
                [&] { return slow.came; }});
    const auto& after = bench.ask("a.test");
    bench.waitForAll();
    CHECK(before.found == addresses({"192.0.2.1"}));
    CHECK(slow.found == addresses({"192.0.2.3"}));
    CHECK(after.found == addresses({"192.0.2.2"}));
}

TEST_CASE("What could not be learned is asked again when the network has changed", "[dns]") {
    Bench bench({.firstTimeout = 20ms});
    bench.server.records["a.test"] = {.rcode = 2};
    const auto& failed = bench.ask("a.test");
    bench.waitForAll();
    CHECK_FALSE(failed.error.empty());
    CHECK(bench.resolver->known("a.test", Family::V4).has_value());
    bench.server.records["a.test"] = {.addresses = {"192.0.2.1"}};
    bench.resolver->networkChanged();
    const auto& again = bench.ask("a.test");
    bench.waitForAll();
    CHECK(again.found == addresses({"192.0.2.1"}));
}

TEST_CASE("Addresses that are no host's are no addresses", "[dns]") {
    Bench bench;
    bench.server.records["zero.test"] = {.addresses = {"0.0.0.0", "::"}};
    bench.server.records["some.test"] = {
        .addresses = {"224.0.1.75", "255.255.255.255", "192.0.2.1", "ff02::1"}};
    const auto& zero = bench.ask("zero.test", Family::None);
    const auto& some = bench.ask("some.test", Family::None);
    bench.waitForAll();
    CHECK(zero.found.empty());
    CHECK(some.found == addresses({"192.0.2.1"}));
}
