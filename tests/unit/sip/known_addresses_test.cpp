// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/known_addresses.h"

#include "support/catch.h"

using namespace siproxd::sip;

TEST_CASE("an address that comes again is not read again", "[sip]") {
    KnownAddresses known;
    const std::string text = "\"Ann\" <sip:ann@example.org>;tag=1";
    const auto first = known.read(text);
    REQUIRE(first != nullptr);
    CHECK(*first == NameAddr::parse(text));
    CHECK(known.read(text) == first);
    const auto other = known.read("<sip:ann@example.org>;tag=2");
    REQUIRE(other != nullptr);
    CHECK(other->params.value("tag") == "2");
}

TEST_CASE("what is not an address is not one the second time either", "[sip]") {
    KnownAddresses known;
    CHECK(known.read("<sip:ann@example.org") == nullptr);
    CHECK(known.read("<sip:ann@example.org") == nullptr);
    CHECK(known.read("") == nullptr);
}

TEST_CASE("more addresses than there are places are all read right", "[sip]") {
    KnownAddresses known;
    for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < 3 * KnownAddresses::kPlaces; ++i) {
            const auto user = "u" + std::to_string(i);
            const auto address = known.read("<sip:" + user + "@example.org>");
            REQUIRE(address != nullptr);
            REQUIRE(address->uri.user == user);
        }
    }
}

TEST_CASE("very long addresses are read, and not kept", "[sip]") {
    KnownAddresses known;
    const auto text =
        "<sip:" + std::string(KnownAddresses::kLongest, 'a') + "@example.org>";
    const auto first = known.read(text);
    REQUIRE(first != nullptr);
    const auto second = known.read(text);
    REQUIRE(second != nullptr);
    CHECK(first != second);
    CHECK(*first == *second);
}
