// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers and NAPTR records.
#include "number.h"
#include "records.h"
#include "support/catch.h"

using namespace enumlookup;
using siproxd::api::Naptr;

namespace {

const NumberPlan kPlan{.country = "44", .international = "00", .national = "0"};

Naptr record(std::uint32_t order, std::uint32_t preference, const char* service, const char* regexp,
             const char* flags = "u", const char* replacement = "") {
    return {order, preference, flags, service, regexp, replacement};
}

std::string substitute(std::string_view regexp, std::string_view e164) {
    siproxd::pattern::Effort effort;
    return enumlookup::substitute(regexp, e164, effort);
}

}  // namespace

TEST_CASE("what is dialled as an E.164 number", "[plugin_enum]") {
    CHECK(e164("+4479795551234", kPlan) == "+4479795551234");
    CHECK(e164("0044 7979 555-1234", kPlan) == "+4479795551234");
    CHECK(e164("07979 5551234", kPlan) == "+4479795551234");
    CHECK(e164("+1-310-555.1234", kPlan) == "+13105551234");
    CHECK(e164("079795551234", {.country = "", .international = "00", .national = "0"}).empty());
    CHECK(e164("0044", {.country = "", .international = "", .national = ""}).empty());
    for (const char* none : {"", "+", "112", "999", "5551234", "+44abc", "*21", "+4", "+012345", "00", "0",
                             "+1234567890123456", "alice"}) {
        INFO(none);
        CHECK(e164(none, kPlan).empty());
    }
}

TEST_CASE("the domain of a number", "[plugin_enum]") {
    CHECK(domainOf("+441632960083", "e164.arpa") == "3.8.0.0.6.9.2.3.6.1.4.4.e164.arpa");
}

TEST_CASE("services that are SIP", "[plugin_enum]") {
    for (const char* good : {"E2U+sip", "e2u+SIP", "E2U+sips", "sip+E2U", "E2U+voice:sip", "E2U+email:mailto+sip",
                             "E2U+sip+im"}) {
        INFO(good);
        CHECK(isSipService(good));
    }
    for (const char* bad : {"", "E2U", "E2U+", "E2U+email:mailto", "E2U+sipping", "SIP+D2U", "E2U+h323"}) {
        INFO(bad);
        CHECK_FALSE(isSipService(bad));
    }
}

TEST_CASE("expressions make URIs of numbers", "[plugin_enum]") {
    CHECK(substitute("!^.*$!sip:info@example.test!", "+441632960083") == "sip:info@example.test");
    CHECK(substitute(R"(!^\+44(.*)$!sip:\1@gw.example.test!)", "+441632960083") ==
          "sip:1632960083@gw.example.test");
    CHECK(substitute(R"(!^(\+44)(1632)(.*)$!sip:\3.\2@x.test!i)", "+441632960083") == "sip:960083.1632@x.test");
    CHECK(substitute(R"(/^.*$/sip:a\/b@x.test/)", "+44163") == "sip:a/b@x.test");
    for (const char* bad :
         {"", "!", "!!!", "!^.*$!sip:x@y", "!^.*$!sip:x@y!x", "1^.*$1sip:x@y1", "!^($!sip:x@y!",
          R"(!^.*$!sip:\1@y!)", "!^99$!sip:x@y!", R"(\^.*$\sip:x@y\)"}) {
        INFO(bad);
        CHECK(substitute(bad, "+44163").empty());
    }
}

TEST_CASE("expressions that take for ever are passed over", "[plugin_enum]") {
    CHECK(substitute("!^.(([0-9]+)*)*([0-9]+)*([0-9]+)*([0-9]+)*[xy]$!sip:x@y!", "+441632960083").empty());
    CHECK(substitute("!^.*$!sip:" + std::string(2000, 'x') + "@y.test!", "+44163").empty());
    // There is no more for those behind it.
    constexpr const char* kSlow = "!^.(([0-9]+)*)*([0-9]+)*([0-9]+)*([0-9]+)*[xy]$!sip:x@y!";
    const auto good = record(20, 10, "E2U+sip", "!^.*$!sip:good@x.test!");
    CHECK(meaningOf({record(10, 10, "E2U+sip", kSlow), good}, "+441632960083").uri.empty());
    CHECK(meaningOf({record(10, 10, "E2U+sip", "!^99$!sip:x@y!"), good}, "+441632960083").uri == "sip:good@x.test");
}

TEST_CASE("the best record counts", "[plugin_enum]") {
    const std::string number = "+44163";
    CHECK(meaningOf({}, number).uri.empty());
    CHECK(meaningOf({record(100, 20, "E2U+sip", "!^.*$!sip:second@x.test!"),
                     record(100, 10, "E2U+sip", "!^.*$!sip:first@x.test!"),
                     record(10, 10, "E2U+email:mailto", "!^.*$!mailto:a@x.test!"),
                     record(5, 10, "E2U+sip", "!^99$!sip:other@x.test!")},
                    number)
              .uri == "sip:first@x.test");
    CHECK(meaningOf({record(10, 10, "E2U+sip", "!^.*$!http://evil.test/!"),
                     record(20, 10, "E2U+sip", "!^.*$!SIPS:good@x.test!")},
                    number)
              .uri == "SIPS:good@x.test");
    const auto next = meaningOf({record(10, 10, "", "", "", "3.6.1.other.test"),
                                 record(20, 10, "E2U+sip", "!^.*$!sip:a@x.test!")},
                                number);
    CHECK(next.domain == "3.6.1.other.test");
    CHECK(next.uri.empty());
}

TEST_CASE("a call that has to be protected stays so", "[plugin_enum]") {
    const std::vector<Naptr> records = {record(10, 10, "E2U+sip", "!^.*$!sip:a@x.test!"),
                                        record(20, 10, "E2U+sips", "!^.*$!sips:b@x.test!")};
    CHECK(meaningOf(records, "+44163").uri == "sip:a@x.test");
    CHECK(meaningOf(records, "+44163", Wanted::Sips).uri == "sips:b@x.test");
    CHECK(meaningOf({records.front()}, "+44163", Wanted::Sips).uri.empty());
}

TEST_CASE("header fields that a URI names are left out", "[plugin_enum]") {
    const auto uriOf = [](const char* regexp) {
        return meaningOf({record(10, 10, "E2U+sip", regexp)}, "+44163").uri;
    };
    CHECK(uriOf("!^.*$!sip:a@x.test;user=phone?Subject=x&Route=%3Csip:y%3E!") == "sip:a@x.test;user=phone");
    CHECK(uriOf("!^.*$!sip:x.test?Subject=x!") == "sip:x.test");
    CHECK(uriOf("!^.*$!sip:a?b@x.test!") == "sip:a?b@x.test");
}
