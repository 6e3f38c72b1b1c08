// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/policy.h"

#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using access::AddressList;
using access::Policy;
using access::Rights;
using test::ip;

namespace {

constexpr Rights kNothing{false, false};
constexpr Rights kSip{false, true};
constexpr Rights kRegister{true, false};
constexpr Rights kAll{true, true};

Policy policy(const char* allowReg, const char* allowSip, const char* denySip) {
    return {AddressList::parse(allowReg).value(), AddressList::parse(allowSip).value(),
            AddressList::parse(denySip).value()};
}

}  // namespace

TEST_CASE("The three lists give rights as the original does", "[access]") {
    struct Row {
        const char* allowReg;
        const char* allowSip;
        const char* denySip;
        Rights lan;       // 10.0.0.1
        Rights provider;  // 203.0.113.50
    };
    const Row rows[] = {
        {"", "", "", kAll, kAll},
        {"10.0.0.0/24", "", "", kAll, kSip},
        {"10.0.0.0/24", "203.0.113.0/24", "", kAll, kSip},
        {"10.0.0.0/24", "198.51.100.0/24", "", kAll, kNothing},
        {"192.168.0.0/16", "10.0.0.0/8", "", kSip, kNothing},
        {"", "10.0.0.0/8", "", kAll, kRegister},
        {"10.0.0.0/24", "", "203.0.113.0/24", kAll, kNothing},
        {"10.0.0.0/24", "10.0.0.0/24", "10.0.0.0/8", kNothing, kNothing},
        {"", "", "0.0.0.0/0", kNothing, kNothing},
    };
    for (const auto& row : rows) {
        INFO("reg " << row.allowReg << " sip " << row.allowSip << " deny " << row.denySip);
        const auto rules = policy(row.allowReg, row.allowSip, row.denySip);
        CHECK(rules.classify(ip("10.0.0.1")) == row.lan);
        CHECK(rules.classify(ip("203.0.113.50")) == row.provider);
    }
}

TEST_CASE("While a name of the deny list is unknown only those named elsewhere get in",
          "[access]") {
    auto rules = policy("10.0.0.0/24", "", "bad.example.test/32");
    CHECK(rules.classify(ip("10.0.0.1")) == kAll);
    CHECK(rules.classify(ip("203.0.113.50")) == kNothing);

    const base::IpAddress bad[] = {ip("198.51.100.66")};
    rules.denySip.resolve("bad.example.test", bad);
    CHECK(rules.classify(ip("203.0.113.50")) == kSip);
    CHECK(rules.classify(ip("198.51.100.66")) == kNothing);

    rules.denySip.resolve("bad.example.test", {});
    CHECK(rules.classify(ip("198.51.100.66")) == kSip);
}

TEST_CASE("A name of an allow list allows nobody while it is unknown", "[access]") {
    auto rules = policy("phone.example.test/32", "", "");
    CHECK(rules.classify(ip("10.0.0.1")) == kSip);
    const base::IpAddress phone[] = {ip("10.0.0.1")};
    rules.allowReg.resolve("phone.example.test", phone);
    CHECK(rules.classify(ip("10.0.0.1")) == kAll);
}
