// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include "base/character_set.h"

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

TEST_CASE("A control byte is seen wherever it stands and whatever is beside it", "[base]") {
    for (std::size_t size = 1; size <= 20; ++size) {
        for (std::size_t place = 0; place < size; ++place) {
            for (int byte = 0; byte < 256; ++byte) {
                for (const char beside : {' ', 'a', '~', '\x80', '\x9f', '\xff'}) {
                    std::string text(size, beside);
                    text[place] = static_cast<char>(byte);
                    const bool control = byte < 32 || byte == 127;
                    if (hasControlBytes(text) != control) {
                        FAIL("size " << size << " place " << place << " byte " << byte);
                    }
                }
            }
        }
    }
    CHECK_FALSE(hasControlBytes(""));
}

TEST_CASE("A character set has its members and no other byte", "[base]") {
    static constexpr auto kSet = CharacterSet("x-").with('0', '9');
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        CHECK(kSet.has(c) == (c == 'x' || c == '-' || (c >= '0' && c <= '9')));
    }
    CHECK(kSet.hasAllOf("x-07"));
    CHECK(kSet.hasAllOf(""));
    CHECK_FALSE(kSet.hasAllOf("x 0"));
    CHECK(kSet.hasAnyOf("abc7"));
    CHECK_FALSE(kSet.hasAnyOf("abc"));
}
