// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/random.h"

#include <set>

#include "support/catch.h"

using namespace siproxd::base;

TEST_CASE("Random numbers stay below their bound and reach all of it", "[base]") {
    SystemRandom random;
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 2000; ++i) {
        const auto value = random.below(10);
        REQUIRE(value < 10);
        seen.insert(value);
    }
    CHECK(seen.size() == 10);
    CHECK(random.below(1) == 0);
}

TEST_CASE("Random tokens have the asked length and do not repeat", "[base]") {
    SystemRandom random;
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto token = random.hex(8);
        REQUIRE(token.size() == 16);
        CHECK(seen.insert(token).second);
    }
}
