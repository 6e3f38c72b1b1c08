// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/scanner_signatures.h"

#include "support/catch.h"

using siproxd::access::ScannerSignatures;

TEST_CASE("Known scanners are recognised and known phones are not", "[access]") {
    const auto known = ScannerSignatures::builtIn();
    for (const char* agent :
         {"friendly-scanner", "Friendly-Request", "sipcli/v1.8", "sipsak 0.9.7",
          "VaxSIPUserAgent/3.1", "sundayddr", "xx SIPVicious xx", "smap 0.6.0"}) {
        INFO(agent);
        CHECK_FALSE(known.match({.userAgent = agent}).empty());
    }
    for (const char* agent :
         {"", "baresip v1.0.0 (x86_64/Linux)", "Asterisk PBX 18", "snom370/8.7", "Yealink SIP-T46",
          "Linphone/4.4", "Zoiper rv2.10", "MicroSIP/3.21", "Cisco-SIPGateway", "gossmap"}) {
        INFO(agent);
        CHECK(known.match({.userAgent = agent}).empty());
    }
    CHECK(known.match({.fromDisplay = "\"sipvicious\""}) == "from-display:*sipvicious*");
    CHECK_FALSE(known.match({.fromUser = "nm", .toUser = "nm2"}).empty());
    CHECK(known.match({.fromUser = "nmueller", .toUser = "100"}).empty());
}

TEST_CASE("Signatures of the configuration take stars", "[access]") {
    struct Row {
        const char* pattern;
        const char* text;
        bool fits;
    };
    const Row rows[] = {
        {"user-agent:abc", "ABC", true},      {"user-agent:abc", "abcd", false},
        {"user-agent:abc*", "abcd", true},    {"user-agent:*abc", "xabc", true},
        {"user-agent:*abc", "abcx", false},   {"user-agent:a*b*c", "a1b2c", true},
        {"user-agent:a*b*c", "acb", false},   {"user-agent:ab*bc", "abc", false},
        {"user-agent:*ab*ab*", "abab", true}, {"user-agent:*ab*ab*", "aba", false},
        {"User-Agent : A*", "abc", true},     {"user-agent:a**c", "abc", true},
    };
    for (const auto& row : rows) {
        INFO(row.pattern << " " << row.text);
        ScannerSignatures signatures;
        REQUIRE(signatures.add(row.pattern));
        CHECK(signatures.match({.userAgent = row.text}).empty() != row.fits);
    }
    for (const char* bad : {"", "abc", "user-agent:", "user-agent:*", "agent:abc", ":abc"}) {
        INFO(bad);
        CHECK_FALSE(ScannerSignatures().add(bad));
    }
}
