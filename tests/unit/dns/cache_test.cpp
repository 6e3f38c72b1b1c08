// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cache.h"

#include <string>
#include <utility>

#include "support/catch.h"
#include "support/fake_loop.h"

using namespace siproxd;
using namespace siproxd::dns;
using namespace std::chrono_literals;

namespace {

Records one(const char* text) {
    return Addresses{*base::IpAddress::parse(text)};
}

Question a(std::string name) {
    return {std::move(name), RecordType::A};
}

}  // namespace

TEST_CASE("An answer is kept for its time to live", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {});
    cache.storeRecords(a("sip.example.test"), one("192.0.2.1"), 60s);
    clock.advance(59s);
    REQUIRE(cache.find(a("sip.example.test")));
    CHECK(cache.find(a("sip.example.test"))->value() == one("192.0.2.1"));
    clock.advance(1s);
    CHECK(cache.find(a("sip.example.test")) == nullptr);
    CHECK(cache.size() == 0);
}

TEST_CASE("Names are kept apart by type but not by case", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {});
    cache.storeRecords(a("SIP.Example.test"), one("192.0.2.1"), 60s);
    CHECK(cache.find(a("sip.example.TEST")) != nullptr);
    CHECK(cache.find({"sip.example.test", RecordType::Aaaa}) == nullptr);
    CHECK(cache.find({"sip.example.test", RecordType::Both}) == nullptr);
    CHECK(cache.find({"sip.example.test", RecordType::Srv}) == nullptr);
    CHECK(cache.find(a("sip.example.test.")) == nullptr);
}

TEST_CASE("Times to live have bounds", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {.minTtl = 1s, .maxTtl = 1h});
    cache.storeRecords(a("zero.test"), one("192.0.2.1"), 0s);
    cache.storeRecords(a("ages.test"), one("192.0.2.2"), 24h * 365 * 60);
    clock.advance(999ms);
    CHECK(cache.find(a("zero.test")) != nullptr);
    clock.advance(1ms);
    CHECK(cache.find(a("zero.test")) == nullptr);
    clock.advance(1h - 1s - 1ms);
    CHECK(cache.find(a("ages.test")) != nullptr);
    clock.advance(1ms);
    CHECK(cache.find(a("ages.test")) == nullptr);
}

TEST_CASE("Names that do not exist are kept longer than failures", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {.negativeTtl = 30s, .failureTtl = 5s});
    cache.storeNegative(a("no.test"), {"no such name"});
    cache.storeFailure(a("dead.test"), {"no name server"});
    clock.advance(4s);
    REQUIRE(cache.find(a("dead.test")));
    CHECK(cache.find(a("dead.test"))->error().message == "no name server");
    clock.advance(1s);
    CHECK(cache.find(a("dead.test")) == nullptr);
    clock.advance(24s);
    REQUIRE(cache.find(a("no.test")));
    CHECK(cache.find(a("no.test"))->error().message == "no such name");
    clock.advance(1s);
    CHECK(cache.find(a("no.test")) == nullptr);
}

TEST_CASE("A newer answer takes the place of the older one", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {});
    cache.storeFailure(a("a.test"), {"no name server"});
    cache.storeRecords(a("a.test"), one("192.0.2.1"), 1min);
    cache.storeRecords(a("A.test"), one("192.0.2.2"), 1min);
    CHECK(cache.size() == 1);
    CHECK(cache.find(a("a.test"))->value() == one("192.0.2.2"));
}

TEST_CASE("A full cache forgets what was not asked for the longest time", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {.entries = 3});
    for (const char* name : {"a.test", "b.test", "c.test"}) {
        cache.storeRecords(a(name), one("192.0.2.1"), 1h);
    }
    REQUIRE(cache.find(a("a.test")));
    cache.storeRecords(a("d.test"), one("192.0.2.1"), 1h);
    CHECK(cache.size() == 3);
    CHECK(cache.find(a("b.test")) == nullptr);
    CHECK(cache.find(a("a.test")) != nullptr);

    for (int i = 0; i < 10'000; ++i) {
        cache.storeNegative(a("x" + std::to_string(i) + ".test"), {"no such name"});
    }
    CHECK(cache.size() == 3);
    cache.setLimits({.entries = 1});
    CHECK(cache.size() == 1);
    cache.clear();
    CHECK(cache.find(a("x9999.test")) == nullptr);
}
