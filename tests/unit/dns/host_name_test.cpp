// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>

#include "dns/resolver.h"
#include "support/catch.h"

using siproxd::dns::isHostName;

TEST_CASE("Host names are told from other text", "[dns]") {
    for (const std::string good :
         {"a", "sip.example.test", "sip.example.test.", "_sip._udp.example.test", "3com.example",
          "xn--bcher-kva.example", "a-b.c-d", "pbx1", "1.2.3.example"}) {
        INFO(good);
        CHECK(isHostName(good));
    }
    for (const std::string bad :
         {"", ".", "..", "a..b", ".a", "a b", "a\nb", "-a.test", "a-.test", "a/b", "a;b", "a:1",
          "[::1]", "1.2.3.400", "12345", "b\xfc" "cher.example", "a.test.."}) {
        INFO(bad);
        CHECK_FALSE(isHostName(bad));
    }
    CHECK_FALSE(isHostName(std::string("a\0b", 3)));
}

TEST_CASE("Host names keep to the lengths of RFC 1035", "[dns]") {
    const std::string label(63, 'a');
    CHECK(isHostName(label + ".test"));
    CHECK_FALSE(isHostName(label + "a.test"));
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
    REQUIRE(longest.size() == 253);
    CHECK(isHostName(longest));
    CHECK(isHostName(longest + "."));
    CHECK_FALSE(isHostName(longest + "a"));
}
