// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include "support/catch.h"

using namespace siproxd::base;

TEST_CASE("Numbers are digits only and bounded", "[base]") {
    CHECK(parseUnsigned("0") == 0);
    CHECK(parseUnsigned("65535", 65535) == 65535);
    CHECK(parseUnsigned("18446744073709551615") == UINT64_MAX);
    for (const char* bad : {"", "-1", "+1", "1 ", "0x1", "65536", "99999999999999999999999"}) {
        INFO(bad);
        CHECK_FALSE(parseUnsigned(bad, 65535));
    }
    CHECK_FALSE(parseUnsigned("18446744073709551616"));
    CHECK_FALSE(parseUnsigned("7", 5));
}

TEST_CASE("Text is compared, cut and made printable", "[base]") {
    CHECK(equalsIgnoreCase("Via", "vIA"));
    CHECK_FALSE(equalsIgnoreCase("Via", "Vi"));
    CHECK(startsWithIgnoreCase("Grandstream GXP", "grandstream"));
    CHECK(trim(" \t a b\r\n") == "a b");
    CHECK(trim("  ").empty());
    CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
    CHECK(printable("a\r\nb") == "a\\x0d\\x0ab");
    CHECK(printable("abcdef", 3) == "abc...");
}
