// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/via.h"

#include "sip/scan.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::sip;

TEST_CASE("Vias are read with all the white space that RFC 3261 allows", "[sip]") {
    const std::vector<std::pair<const char*, const char*>> cases{
        {"SIP/2.0/UDP 192.0.2.1", "SIP/2.0/UDP 192.0.2.1"},
        {"sip / 2.0 / TCP \t host.test : 5070 ; branch = a ; rport",
         "SIP/2.0/TCP host.test:5070;branch=a;rport"},
        {"SIP/2.0/TLS [2001:db8::9:1];received=[2001:db8::1]",
         "SIP/2.0/TLS [2001:db8::9:1];received=[2001:db8::1]"},
        {"SIP/2.0/UDP [::ffff:192.0.2.10]:19823", "SIP/2.0/UDP [::ffff:192.0.2.10]:19823"},
        {"SIP/2.0/UDP [2001:db8:::192.0.2.1]", "SIP/2.0/UDP [2001:db8::192.0.2.1]"},
        {"SIP/2.0/UNKNOWN t4.example.com;x=\"a;b\"", "SIP/2.0/UNKNOWN t4.example.com;x=\"a;b\""},
    };
    for (const auto& [text, expected] : cases) {
        INFO(text);
        const auto via = Via::parse(text);
        REQUIRE(via);
        CHECK(via->toString() == expected);
        CHECK(Via::parse(expected) == via);
    }
}

TEST_CASE("Vias with anything else in them are refused", "[sip]") {
    for (const char* text :
         {"", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.1/UDP a", "TIP/2.0/UDP a",
          "SIP/2.0/U DP a", "SIP/2.0/UDP a b", "SIP/2.0/UDP a:b", "SIP/2.0/UDP a:0",
          "SIP/2.0/UDP a:65536", "SIP/2.0/UDP a:5060:5061", "SIP/2.0/UDP [::1", "SIP/2.0/UDP ::1",
          "SIP/2.0/UDP [a]", "SIP/2.0/UDP a/b", "SIP/2.0/UDP a@b", "SIP/2.0/UDP a;", "SIP/2.0/UDP a;b;B",
          "SIP/2.0/UDP a;b=c d", "SIP/2.0/UDP a,SIP/2.0/UDP b", "SIP / 2.0 /\r\n S Z20",
          "SIP/2.0/UDP\r\n a"}) {
        INFO(text);
        const auto via = Via::parse(text);
        // A line end never gets this far; it must not end up in what is written.
        CHECK((!via || via->toString().find_first_of("\r\n") == std::string::npos));
        CHECK((!via || std::string_view(text).find('\r') != std::string_view::npos));
    }
}

TEST_CASE("Hosts and ports are read strictly", "[sip]") {
    CHECK(readHostPort("host.test") == HostPort{"host.test", 0});
    CHECK(readHostPort("192.0.2.1:5060") == HostPort{"192.0.2.1", 5060});
    CHECK(readHostPort("[2001:db8::1]:1") == HostPort{"2001:db8::1", 1});
    CHECK(readHostPort("[:::192.0.2.1]") == HostPort{"::192.0.2.1", 0});
    for (const char* text : {"", ":", "a:", ":1", "a b", "a:1:2", "[a]", "[[::1]]", "[::1]a", "a[::1]",
                             "[192.0.2.1]", "[2001:db8:::1]", "[::::192.0.2.1]", "[::1", "::1]"}) {
        INFO(text);
        CHECK_FALSE(readHostPort(text));
    }
    CHECK_FALSE(readHostPort(std::string(256, 'a')));
}
