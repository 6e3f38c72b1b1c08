// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cache.h"

#include <string>

#include "support/catch.h"
#include "support/fake_loop.h"

using namespace siproxd;
using namespace siproxd::dns;
using namespace std::chrono_literals;
using base::Family;

namespace {

Addresses one(const char* text) { return {*base::IpAddress::parse(text)}; }

}  // namespace

TEST_CASE("An answer is kept for its time to live", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {});
    cache.storeAddresses("sip.example.test", Family::V4, one("192.0.2.1"), 60s);
    clock.advance(59s);
    REQUIRE(cache.find("sip.example.test", Family::V4));
    CHECK(cache.find("sip.example.test", Family::V4)->value() == one("192.0.2.1"));
    clock.advance(1s);
    CHECK(cache.find("sip.example.test", Family::V4) == nullptr);
    CHECK(cache.size() == 0);
}

TEST_CASE("Names are kept apart by family but not by case", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {});
    cache.storeAddresses("SIP.Example.test", Family::V4, one("192.0.2.1"), 60s);
    CHECK(cache.find("sip.example.TEST", Family::V4) != nullptr);
    CHECK(cache.find("sip.example.test", Family::V6) == nullptr);
    CHECK(cache.find("sip.example.test", Family::None) == nullptr);
    CHECK(cache.find("sip.example.test.", Family::V4) == nullptr);
}

TEST_CASE("Times to live have bounds", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {.minTtl = 1s, .maxTtl = 1h});
    cache.storeAddresses("zero.test", Family::V4, one("192.0.2.1"), 0s);
    cache.storeAddresses("ages.test", Family::V4, one("192.0.2.2"), 24h * 365 * 60);
    clock.advance(999ms);
    CHECK(cache.find("zero.test", Family::V4) != nullptr);
    clock.advance(1ms);
    CHECK(cache.find("zero.test", Family::V4) == nullptr);
    clock.advance(1h - 1s - 1ms);
    CHECK(cache.find("ages.test", Family::V4) != nullptr);
    clock.advance(1ms);
    CHECK(cache.find("ages.test", Family::V4) == nullptr);
}

TEST_CASE("Names that do not exist are kept longer than failures", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {.negativeTtl = 30s, .failureTtl = 5s});
    cache.storeNegative("no.test", Family::V4, {"no such name"});
    cache.storeFailure("dead.test", Family::V4, {"no name server"});
    clock.advance(4s);
    REQUIRE(cache.find("dead.test", Family::V4));
    CHECK(cache.find("dead.test", Family::V4)->error().message == "no name server");
    clock.advance(1s);
    CHECK(cache.find("dead.test", Family::V4) == nullptr);
    clock.advance(24s);
    REQUIRE(cache.find("no.test", Family::V4));
    CHECK(cache.find("no.test", Family::V4)->error().message == "no such name");
    clock.advance(1s);
    CHECK(cache.find("no.test", Family::V4) == nullptr);
}

TEST_CASE("A newer answer takes the place of the older one", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {});
    cache.storeFailure("a.test", Family::V4, {"no name server"});
    cache.storeAddresses("a.test", Family::V4, one("192.0.2.1"), 1min);
    cache.storeAddresses("A.test", Family::V4, one("192.0.2.2"), 1min);
    CHECK(cache.size() == 1);
    CHECK(cache.find("a.test", Family::V4)->value() == one("192.0.2.2"));
}

TEST_CASE("A full cache forgets what was not asked for the longest time", "[dns]") {
    test::FakeLoop clock;
    Cache cache(clock, {.entries = 3});
    for (const char* name : {"a.test", "b.test", "c.test"}) {
        cache.storeAddresses(name, Family::V4, one("192.0.2.1"), 1h);
    }
    REQUIRE(cache.find("a.test", Family::V4));
    cache.storeAddresses("d.test", Family::V4, one("192.0.2.1"), 1h);
    CHECK(cache.size() == 3);
    CHECK(cache.find("b.test", Family::V4) == nullptr);
    CHECK(cache.find("a.test", Family::V4) != nullptr);

    for (int i = 0; i < 10'000; ++i) {
        cache.storeNegative("x" + std::to_string(i) + ".test", Family::V4, {"no such name"});
    }
    CHECK(cache.size() == 3);
    cache.clear();
    CHECK(cache.find("x9999.test", Family::V4) == nullptr);
}
