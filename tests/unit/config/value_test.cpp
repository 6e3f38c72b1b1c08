// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/value.h"

#include "support/catch.h"

#include <cstdint>

using namespace siproxd::config;

namespace {

const Origin kOrigin{"test.conf", 3};

std::string errorOf(std::string_view key, std::string_view text) {
    const auto checked = checkValue(*findDirective(key), text, kOrigin);
    return checked ? "" : checked.error().message;
}

}  // namespace

TEST_CASE("Integers are decimal, hexadecimal or octal", "[config]") {
    struct Case {
        const char* text;
        std::int64_t value;
        bool octal;
    };
    const Case cases[] = {
        {"0", 0, false},          {"5060", 5060, false},
        {"-1", -1, false},        {"+7", 7, false},
        {"0x1A", 26, false},      {"0X1a", 26, false},
        {"0x00000000", 0, false}, {"0xffffffff", 4294967295, false},
        {"010", 8, true},         {"00", 0, true},
        {"-010", -8, true},       {"99999999999999999999", INT64_MAX, false},
        {"-99999999999999999999", INT64_MIN, false},
        {"9223372036854775808", INT64_MAX, false},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        const auto number = parseInteger(c.text);
        REQUIRE(number);
        CHECK(number->value == c.value);
        CHECK(number->octal == c.octal);
    }
}

TEST_CASE("What is no integer as a whole is none", "[config]") {
    for (const char* text : {"", "-", "+", "--1", "+-1", "0x", "0xg", "08", "5060a", "5060 1",
                             "1.5", "abc", " 1", "1e3", "0x-1"}) {
        INFO(text);
        CHECK_FALSE(parseInteger(text));
    }
}

TEST_CASE("A value has to fit its directive", "[config]") {
    CHECK(errorOf("sip_listen_port", "65535").empty());
    CHECK(errorOf("sip_listen_port", "0") ==
          "sip_listen_port = 0 is out of range (1 to 65535)");
    CHECK(errorOf("sip_listen_port", "65536") ==
          "sip_listen_port = 65536 is out of range (1 to 65535)");
    CHECK(errorOf("sip_listen_port", "sip") ==
          "illegal format in config file, line:\"sip_listen_port = sip\": an integer is needed");
    CHECK(errorOf("rtp_dscp", "-1") == "rtp_dscp = -1 is out of range (0 to 63)");
    CHECK(errorOf("daemonize", "2") == "daemonize = 2 is out of range (0 to 1)");
    CHECK(errorOf("debug_level", "-1").empty());
    CHECK(errorOf("debug_level", "0xffffffff").empty());
    CHECK(errorOf("debug_bind", "::1").empty());
    CHECK(errorOf("debug_bind", "eth0") == "debug_bind = eth0 is not an IP address");
    for (const char* wrong : {"2", "-1", "yes"}) {
        CHECK(errorOf("rtp_proxy_enable", wrong) ==
              "CONFIG: rtp_proxy_enable has invalid value");
    }
}

TEST_CASE("An octal number is told about", "[config]") {
    const auto checked = checkValue(*findDirective("sip_listen_port"), "010", kOrigin);
    REQUIRE(checked);
    CHECK(checked->value.number == 8);
    CHECK(checked->warning ==
          "sip_listen_port = 010 has a leading zero, is read as octal and means 8");
}
