// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/mos.h"

#include "support/catch.h"

using namespace siproxd::media;

TEST_CASE("the quality of speech follows codec, loss and delay", "[media]") {
    struct Case {
        Impairments impairments;
        double mos;  // of the header's formulas, worked out elsewhere
    };
    const Case cases[] = {
        {{"PCMA", 0, 0}, 4.409},     {{"pcmu", 0, 100}, 4.358}, {{"PCMA", 5, 50}, 3.873},
        {{"PCMA", 20, 100}, 2.505},  {{"G729", 0, 50}, 4.061},  {{"G729", 5, 50}, 3.279},
        {{"PCMA", 0, 400}, 3.053},   {{"GSM", 0, 0}, 3.743},    {{"opus", 100, 5000}, 1.0},
        {{"PCMA", -3, -5}, 4.409},
    };
    for (const auto& one : cases) {
        INFO(one.impairments.codec << " " << one.impairments.lossPercent << " % "
                                   << one.impairments.delayMs << " ms");
        const auto mos = estimateMos(one.impairments);
        REQUIRE(mos);
        CHECK(*mos == Approx(one.mos).margin(0.005));
    }
}

TEST_CASE("the quality of what is no known voice is not told", "[media]") {
    CHECK_FALSE(estimateMos({"H264", 0, 0}));
    CHECK_FALSE(estimateMos({"", 0, 0}));
}

TEST_CASE("the delay is half of the way there and back, a packet and the buffer", "[media]") {
    CHECK(estimateDelayMs(80, 5) == Approx(70));
}
