// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/accounts.h"

#include "registrar/binding.h"
#include "support/catch.h"
#include "support/fake_random.h"

using namespace siproxd;
using proxy::Account;
using proxy::Accounts;

namespace {

base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }

struct Fixture {
    test::FakeRandom random;
    Accounts accounts{random};
    Account& one = accounts.obtain("one");
    Account& two = accounts.obtain("two");
};

}  // namespace

TEST_CASE("an account is known by label, Contact and address", "[proxy]") {
    Fixture f;
    CHECK(&f.accounts.obtain("one") == &f.one);
    CHECK(f.accounts.find("three") == nullptr);
    CHECK(f.one.token != f.two.token);
    CHECK(f.accounts.byContact(registrar::masqueradedContact("x", "192.0.2.1", 5060, f.two.token)) ==
          &f.two);
    CHECK(f.accounts.byContact(*sip::Uri::parse("sip:x@192.0.2.1")) == nullptr);
    CHECK(f.accounts.byContact(*sip::Uri::parse("sip:x@192.0.2.1;siproxd=0123456789abcdef")) ==
          nullptr);
    CHECK_FALSE(f.accounts.knows(ip("198.51.100.1")));
    f.accounts.learn(f.one, ip("198.51.100.1"));
    CHECK(f.accounts.knows(ip("198.51.100.1")));
    CHECK(f.accounts.byAddress(ip("198.51.100.1")) == &f.one);
    f.accounts.learn(f.two, ip("198.51.100.1"));
    CHECK(f.accounts.byAddress(ip("198.51.100.1")) == &f.two);
}

TEST_CASE("only so many addresses of an account are kept, those heard last", "[proxy]") {
    Fixture f;
    f.accounts.learn(f.one, ip("198.51.100.0"));
    f.accounts.learn(f.two, ip("198.51.100.1"));
    for (std::size_t i = 1; i < Accounts::kMostAddresses; ++i) {
        f.accounts.learn(f.one, ip("198.51.100." + std::to_string(i)));
    }
    f.accounts.learn(f.one, ip("198.51.100.0"));
    CHECK(f.one.addresses.size() == Accounts::kMostAddresses);
    f.accounts.learn(f.one, ip("203.0.113.7"));
    CHECK(f.one.addresses.size() == Accounts::kMostAddresses);
    CHECK_FALSE(f.accounts.knows(ip("198.51.100.1")));
    CHECK(f.accounts.knows(ip("198.51.100.0")));
    CHECK(f.accounts.knows(ip("203.0.113.7")));
    CHECK(f.two.addresses.size() == 1);
}
