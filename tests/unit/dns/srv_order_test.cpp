// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/srv_order.h"

#include <algorithm>
#include <map>
#include <string>

#include "support/catch.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace siproxd::dns;

TEST_CASE("SRV records are ordered by priority and drawn by weight", "[dns]") {
    const SrvRecords records{{20, 0, 5060, "backup"},  {10, 60, 5060, "big"},
                             {10, 30, 5060, "medium"}, {10, 10, 5060, "small"},
                             {10, 0, 5060, "never"},   {30, 65535, 5060, "last"}};
    test::FakeRandom random;
    std::map<std::string, int> first;
    constexpr int kRounds = 10'000;
    for (int i = 0; i < kRounds; ++i) {
        const auto drawn = drawOrder(records, random);
        REQUIRE(std::ranges::is_permutation(drawn, records));
        REQUIRE(std::ranges::is_sorted(drawn, {}, &SrvRecord::priority));
        ++first[drawn.front().target];
    }
    CHECK(first["big"] > kRounds * 56 / 100);
    CHECK(first["big"] < kRounds * 64 / 100);
    CHECK(first["medium"] > kRounds * 27 / 100);
    CHECK(first["medium"] < kRounds * 33 / 100);
    CHECK(first["small"] > kRounds * 8 / 100);
    CHECK(first["small"] < kRounds * 12 / 100);
    // RFC 2782: a very small chance, which is not none.
    CHECK(first["never"] > 0);
    CHECK(first["never"] < kRounds * 3 / 100);
    CHECK(first["backup"] + first["last"] == 0);
}

TEST_CASE("Records that all have no weight keep their order, and greatest weights do not overflow",
          "[dns]") {
    test::FakeRandom random;
    const SrvRecords even{{1, 0, 1, "a"}, {1, 0, 1, "b"}, {1, 0, 1, "c"}};
    CHECK(drawOrder(even, random) == even);
    CHECK(drawOrder({}, random).empty());
    const SrvRecords heavy(kMaxRecords, {1, 65535, 5060, "x"});
    CHECK(drawOrder(heavy, random) == heavy);
}
