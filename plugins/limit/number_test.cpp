// SPDX-License-Identifier: GPL-2.0-or-later
#include "number.h"

#include "caller.h"
#include "support/catch.h"
#include "usage.h"

using limit::normalised;

TEST_CASE("numbers are compared as they are dialled, however they are written", "[plugin_limit]") {
    CHECK(normalised("+44 (79) 555-12.34", "00") == "+44795551234");
    CHECK(normalised("0044795551234", "00") == "+44795551234");
    CHECK(normalised("0-044795551234", "00") == "+44795551234");
    CHECK(normalised("01144795551234", "011") == "+44795551234");
    CHECK(normalised("0044795551234", "") == "0044795551234");
    CHECK(normalised("+44;phone-context=x", "00") == "+44");
    CHECK(normalised("alice", "00") == "alice");
}

TEST_CASE("the longest prefix says whether a number is forbidden", "[plugin_limit]") {
    limit::PrefixRules rules;
    CHECK_FALSE(rules.forbids("+44"));
    rules.add("+44", true);
    rules.add("+44900", false);
    rules.add("+4490012", true);
    rules.add("", false);
    CHECK(rules.forbids("+1") == "");
    CHECK_FALSE(rules.forbids("+4479"));
    CHECK(rules.forbids("+4490034") == "+44900");
    CHECK_FALSE(rules.forbids("+44900123"));
    rules.add("+44", false);
    CHECK(rules.forbids("+4479") == "+44");
}

TEST_CASE("a bucket lets as many through as it is worth, and goes on as time does", "[plugin_limit]") {
    limit::TokenBucket bucket;
    std::int64_t now = 1'000'000;
    for (int i = 0; i < 6; ++i) {
        CHECK(bucket.take(6, now));
    }
    CHECK_FALSE(bucket.take(6, now));
    CHECK_FALSE(bucket.take(6, now + 9'900));
    CHECK(bucket.take(6, now += 10'000));
    CHECK_FALSE(bucket.take(6, now));
    bucket.giveBack();
    CHECK(bucket.take(6, now));
    CHECK_FALSE(bucket.isFull(now + 59'000));
    CHECK(bucket.isFull(now + 60'000));
    CHECK(bucket.take(0, now));
}

TEST_CASE("a flood of users costs bounded memory, and no limit can be escaped by it", "[plugin_limit]") {
    limit::Usages usages(3);
    CHECK(usages.of("a", 0)->bucket.take(1, 0));
    ++usages.of("b", 0)->calls;
    ++usages.of("c", 0)->calls;
    const auto fourth = usages.of("d", 0);
    CHECK(fourth == usages.of("e", 0));
    CHECK(usages.size() == 3);
    CHECK_FALSE(usages.of("a", 0)->bucket.take(1, 0));
    CHECK(usages.of("f", 2'000) == fourth);
    // Who uses nothing any more leaves.
    CHECK(usages.of("g", 60'000) != fourth);
    CHECK(usages.of("b", 60'000)->calls == 1);
    CHECK(usages.size() == 3);
}

TEST_CASE("of an IPv6 address the network counts", "[plugin_limit]") {
    CHECK(limit::sourceName("192.0.2.1") == "192.0.2.1");
    CHECK(limit::sourceName("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
    CHECK(limit::sourceName("2001:db8:1:2::1") == "2001:db8:1:2::/64");
}
