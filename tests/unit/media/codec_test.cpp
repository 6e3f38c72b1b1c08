// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/codec.h"

#include "support/catch.h"

using namespace siproxd::media;

TEST_CASE("a payload type is what the SDP maps it to, else what RFC 3551 says", "[media]") {
    const std::vector<Codec> mapped{{96, 48000, "opus"}, {8, 16000, "odd"}};
    CHECK(codecOf(0, mapped) == Codec{0, 8000, "PCMU"});
    CHECK(codecOf(9, mapped) == Codec{9, 8000, "G722"});
    CHECK(codecOf(96, mapped) == Codec{96, 48000, "opus"});
    CHECK(codecOf(8, mapped) == Codec{8, 16000, "odd"});
    CHECK(codecOf(97, mapped) == Codec{97, 0, ""});
}

TEST_CASE("events and comfort noise interrupt a codec", "[media]") {
    CHECK(isInterlude("Telephone-Event"));
    CHECK(isInterlude("CN"));
    CHECK_FALSE(isInterlude("PCMA"));
    CHECK_FALSE(isInterlude(""));
}
