// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/rate_limit.h"

#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;

TEST_CASE("so many packets pass in a window, and as many in the next", "[media]") {
    constexpr auto kWindow = std::chrono::nanoseconds(1U << kernel::kWindowShift);
    RateLimit limit;
    base::TimePoint now = base::TimePoint{} + 10 * kWindow;
    for (int window = 0; window < 3; ++window) {
        for (int i = 0; i < 5; ++i) {
            CHECK(limit.take(5, now + i * kWindow / 5));
        }
        CHECK_FALSE(limit.take(5, now + kWindow - std::chrono::nanoseconds(1)));
        now += kWindow;
    }
}

TEST_CASE("without a limit all pass", "[media]") {
    RateLimit limit;
    for (int i = 0; i < 100000; ++i) {
        REQUIRE(limit.take(0, {}));
    }
}

TEST_CASE("a window's share of a second's packets is rounded up", "[media]") {
    CHECK(kernel::packetsAWindow(0) == 0);
    CHECK(kernel::packetsAWindow(1) == 1);
    CHECK(kernel::packetsAWindow(80) == 11);
    CHECK(kernel::packetsAWindow(4000) == 537);
    CHECK(kernel::packetsAWindow(10'000'000) == 1342178);
}
