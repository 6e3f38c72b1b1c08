// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/parser.h"

#include "support/catch.h"

#include <string>

using namespace siproxd::config;

namespace {

const Origin kOrigin{"test.conf", 7};

std::string errorOf(std::string_view text) {
    const auto line = parseLine(text, kOrigin);
    return line ? "" : line.error().message;
}

}  // namespace

TEST_CASE("A line is a key and a value with any blanks around them", "[config]") {
    struct Case {
        const char* text;
        const char* key;
        const char* value;
    };
    const Case cases[] = {
        {"if_inbound = eth0", "if_inbound", "eth0"},
        {"if_inbound=eth0", "if_inbound", "eth0"},
        {"  if_inbound  =  eth0  ", "if_inbound", "eth0"},
        {"\tif_inbound\t=\teth0\t", "if_inbound", "eth0"},
        {"if_inbound = eth0\r", "if_inbound", "eth0"},
        {"if_inbound = eth0 # to the phones", "if_inbound", "eth0"},
        {"if_inbound = eth0#", "if_inbound", "eth0"},
        {"ua_string = My user agent", "ua_string", "My user agent"},
        {"registration_file = /home/user/x", "registration_file", "/home/user/x"},
        {"plugin_regex_replace = a=b==c", "plugin_regex_replace", "a=b==c"},
        {"ua_string = T\xc3\xa9l\xc3\xa9phone", "ua_string", "T\xc3\xa9l\xc3\xa9phone"},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        const auto line = parseLine(c.text, kOrigin);
        REQUIRE(line);
        REQUIRE(*line);
        CHECK((*line)->key == c.key);
        CHECK((*line)->value == c.value);
        CHECK((*line)->origin.toString() == "test.conf:7");
    }
}

TEST_CASE("Blank lines and comments are nothing", "[config]") {
    for (const char* text :
         {"", " ", "\t\r", "#", "# a = b", "   # if_inbound = eth0", "#a = b\r"}) {
        INFO(text);
        const auto line = parseLine(text, kOrigin);
        REQUIRE(line);
        CHECK_FALSE(*line);
    }
}

TEST_CASE("A line that is no key and value is refused with its text", "[config]") {
    CHECK(errorOf("if_inbound eth0") == "Syntax error in config file [if_inbound eth0]");
    CHECK(errorOf(" = eth0") == "Syntax error in config file [= eth0]");
    CHECK(errorOf("user = no\x01"
                  "body") == "Syntax error in config file [user = no\\x01body]");
    CHECK(errorOf("user = a\rb") == "Syntax error in config file [user = a\\x0db]");
    CHECK(errorOf("user =") == "empty argument in config file, line:\"user =\"");
    CHECK(errorOf("user = \t\r") == "empty argument in config file, line:\"user =\"");
    CHECK(errorOf("user = # nobody") == "empty argument in config file, line:\"user =\"");
}

TEST_CASE("A password does not get into a message", "[config]") {
    CHECK(errorOf("proxy_auth_passwd secret") ==
          "Syntax error in config file [proxy_auth_passwd ...]");
    CHECK(quoted("Proxy_Password=secret") == "Proxy_Password ...");
}

TEST_CASE("A value that ends right before a # is marked", "[config]") {
    const auto cutShort = [](std::string_view text) {
        const auto line = parseLine(text, kOrigin);
        REQUIRE(line);
        REQUIRE(*line);
        return (*line)->cutShort;
    };
    CHECK(cutShort("proxy_auth_passwd = ab#cd"));
    CHECK_FALSE(cutShort("proxy_auth_passwd = ab #cd"));
    CHECK_FALSE(cutShort("proxy_auth_passwd = ab\t#cd"));
    CHECK_FALSE(cutShort("proxy_auth_passwd = ab"));
}

TEST_CASE("A text is read line by line with all its problems", "[config]") {
    const auto parsed = parseText("\xef\xbb\xbfif_inbound = eth0\r\n"
                                  "nonsense\n"
                                  "\n"
                                  "if_outbound = ppp0\n"
                                  "user =\n"
                                  "pid_file = /run/x",
                                  "a.conf");
    REQUIRE(parsed.lines.size() == 3);
    CHECK(parsed.lines[0].key == "if_inbound");
    CHECK(parsed.lines[1].origin.line == 4);
    CHECK(parsed.lines[2].value == "/run/x");
    REQUIRE(parsed.problems.size() == 2);
    CHECK(parsed.problems[0].toString() == "a.conf:2: Syntax error in config file [nonsense]");
    CHECK(parsed.problems[1].origin.line == 5);
    CHECK(parsed.problems[1].severity == Severity::Warning);
}

TEST_CASE("A line may be of any length", "[config]") {
    const std::string value(100000, 'x');
    const auto parsed = parseText("ua_string = " + value + "\nuser = nobody\n", "a.conf");
    REQUIRE(parsed.lines.size() == 2);
    CHECK(parsed.lines[0].value == value);
    CHECK(parsed.problems.empty());
}

TEST_CASE("A NUL byte is no end of the line and no part of a value", "[config]") {
    using namespace std::string_view_literals;
    const auto parsed = parseText("user = a\0b\nuser = nobody\n"sv, "a.conf");
    CHECK(parsed.lines.size() == 1);
    CHECK(parsed.problems.size() == 1);
}
