// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/send_allowance.h"

#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;
using namespace std::chrono_literals;

namespace {

const base::TimePoint kStart = base::TimePoint{} + 1000s;

/// How many packets it gives, of many.
unsigned takeAll(SendAllowance& allowance) {
    unsigned taken = 0;
    while (taken < 10'000 && allowance.take()) {
        ++taken;
    }
    return taken;
}

}  // namespace

TEST_CASE("who has not been heard gets so many packets", "[media]") {
    SendAllowance allowance;
    allowance.restart(true, kStart);
    CHECK(takeAll(allowance) == kUnheardLimit);
    allowance.heard();
    CHECK(takeAll(allowance) == 10'000);
}

TEST_CASE("who may be sent to anyway has no limit", "[media]") {
    SendAllowance allowance;
    allowance.restart(false, kStart);
    CHECK(takeAll(allowance) == 10'000);
    allowance.restart(true, kStart);
    CHECK(takeAll(allowance) == kUnheardLimit);
}

TEST_CASE("one place after the other does not get more than one call's", "[media]") {
    SendAllowance allowance;
    allowance.restart(true, kStart);
    CHECK(takeAll(allowance) == kUnheardLimit);
    unsigned more = 0;
    for (auto passed = 100ms; passed <= 20s; passed += 100ms) {
        allowance.restart(true, kStart + passed);
        more += takeAll(allowance);
    }
    CHECK(more == 20 * kUnheardRate);
    // Later it is as at first, and not more.
    allowance.restart(true, kStart + 1h);
    CHECK(takeAll(allowance) == kUnheardLimit);
    // What has been left is not lost.
    allowance.restart(true, kStart + 2h);
    allowance.restart(true, kStart + 2h);
    CHECK(takeAll(allowance) == kUnheardLimit);
}

TEST_CASE("who was heard at one place is as good at the next", "[media]") {
    SendAllowance allowance;
    allowance.restart(true, kStart);
    CHECK(takeAll(allowance) == kUnheardLimit);
    allowance.heard();
    allowance.restart(true, kStart);
    CHECK(takeAll(allowance) == kUnheardLimit);
}
