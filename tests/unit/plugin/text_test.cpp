// SPDX-License-Identifier: GPL-2.0-or-later
#include "siproxd/api/text.hpp"

#include <optional>

#include "support/catch.h"

using namespace siproxd::api;
using namespace std::literals;

TEST_CASE("texts are compared without regard to the case of ASCII letters", "[plugin][text]") {
    CHECK(equals("Call-ID", "cALL-id"));
    CHECK_FALSE(equals("Call-ID", "Call-I"));
    CHECK_FALSE(equals("[", "{"));  // 0x20 apart, and no letters
    CHECK(lowered("SIP:\xC4") == "sip:\xC4");
}

TEST_CASE("texts are trimmed and split", "[plugin][text]") {
    CHECK(trim(" \ta b \t") == "a b");
    CHECK(trim(" \t").empty());
    CHECK(trim("a\r", "\r") == "a");
    CHECK(split("a;;b", ';') == std::vector{"a"sv, ""sv, "b"sv});
    CHECK(split("", ';') == std::vector{""sv});
    CHECK(listOf("; a b ;\tc;") == std::vector{"a b"s, "c"s});
    CHECK(listOf(" ; ").empty());
}

TEST_CASE("a number has a range, and nothing behind it", "[plugin][text]") {
    std::optional<std::uint32_t> number;
    CHECK(readNumber(number, "7", 7, 9).empty());
    CHECK(number == 7U);
    for (const auto* text : {"", "6", "10", "-7", "7 ", "0x7", "99999999999"}) {
        CAPTURE(text);
        CHECK(readNumber(number, text, 7, 9) == "a number from 7 to 9 is needed");
    }
    CHECK(number == 7U);
}

TEST_CASE("a mask fits the whole text", "[plugin][text]") {
    const Wildcards shell{.any = '*', .one = '?'};
    CHECK(fits("Acme*2.?", "ACME phone 2.0", shell));
    CHECK(fits("*a*b", "xaybab", shell));
    CHECK_FALSE(fits("*a*b", "xaybabc", shell));
    CHECK(fits("", "", shell));
    CHECK_FALSE(fits("?", "", shell));
    CHECK(fits("a?", "a?", {.any = '%'}));
    CHECK_FALSE(fits("a?", "ab", {.any = '%'}));
}
