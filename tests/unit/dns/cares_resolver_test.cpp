// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cares_resolver.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "support/catch.h"
#include "unit/dns/fake_dns_server.h"

using namespace siproxd;
using namespace siproxd::dns;
using namespace std::chrono_literals;
using base::Family;

namespace {

Addresses addresses(std::initializer_list<const char*> texts) {
    Addresses result;
    for (const char* text : texts) {
        result.push_back(*base::IpAddress::parse(text));
    }
    return result;
}

/// What a query's callback was told.
struct Reply {
    bool came = false;
    Addresses found;
    std::string error;
};

/// A resolver that asks a name server of ours, both in a real loop.
struct Bench {
    std::unique_ptr<event::Loop> loop = std::move(*event::makeLoop());
    test::FakeDnsServer server{*loop};
    std::unique_ptr<Resolver> resolver;
    std::deque<Query> queries;
    std::deque<Reply> answers;

    explicit Bench(ResolverSettings settings = {}) {
        settings.servers = {server.local()};
        resolver = std::move(*makeCaresResolver(*loop, settings));
    }

    /// Asks; the answer goes to the place that is returned.
    const Reply& ask(std::string_view host, Family family = Family::V4) {
        auto& place = answers.emplace_back();
        queries.push_back(resolver->resolve(host, family, [&](const Answer& answer) {
            CHECK_FALSE(place.came);
            place = {true, answer.value_or(Addresses()), answer ? "" : answer.error().message};
        }));
        return place;
    }

    /// Runs the loop until each of the steps has come true, one after the other. Steps may act.
    void play(std::vector<std::function<bool()>> steps) {
        const auto end = loop->now() + 5s;
        std::size_t step = 0;
        std::unique_ptr<event::Timer> poll = loop->timer([&] {
            while (step < steps.size() && steps[step]()) {
                ++step;
            }
            if (step == steps.size() || loop->now() > end) {
                loop->stop();
            } else {
                poll->start(1ms);
            }
        });
        poll->start({});
        loop->run();
        REQUIRE(step == steps.size());
    }

    void waitForAll() {
        play({[&] { return std::ranges::all_of(answers, &Reply::came); }});
    }
};

}  // namespace

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
    CHECK(dead.error ==
          "cannot resolve dead.test: no answer from a name server within 200 ms");
    CHECK(bench.resolver->known("dead.test", Family::V4).has_value());
}

TEST_CASE("An answer that comes after the deadline still serves the next query", "[dns]") {
    Bench bench({.deadline = 20ms, .tryTimeout = 3s, .cache = {.failureTtl = 0s}});
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
    auto query = bench.resolver->resolve("a.test", Family::V4, [&](const Answer&) {
        second = &bench.ask("a.test");
    });
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
