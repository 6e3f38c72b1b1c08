// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/address_set.h"

#include <algorithm>
#include <bitset>
#include <string>

#include "support/addresses.h"
#include "support/catch.h"
#include "support/fake_random.h"

using namespace siproxd;
using access::AddressRange;
using access::AddressSetBuilder;
using test::ip;

namespace {

AddressRange range(const std::string& first, const std::string& last) {
    return AddressRange::between(ip(first), ip(last)).value();
}

std::string text(const AddressSetBuilder& builder) {
    std::string out;
    const auto set = builder.build();
    for (const auto& each : set.ranges()) {
        out += each.first.toString() + "-" + each.last.toString() + " ";
    }
    return out;
}

}  // namespace

TEST_CASE("Ranges that touch become one", "[access]") {
    AddressSetBuilder set;
    set.add(range("10.0.0.0", "10.0.0.255"));
    set.add(range("10.0.2.0", "10.0.2.255"));
    set.add(range("10.0.1.0", "10.0.1.255"));
    set.add(range("255.255.255.255", "255.255.255.255"));
    set.add(range("::", "::5"));
    CHECK(text(set) == "10.0.0.0-10.0.2.255 255.255.255.255-255.255.255.255 ::-::5 ");
    set.add(range("0.0.0.0", "255.255.255.255"));
    CHECK(text(set) == "0.0.0.0-255.255.255.255 ::-::5 ");
}

TEST_CASE("What is removed leaves both sides", "[access]") {
    AddressSetBuilder set;
    set.add(range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    set.remove(range("::", "::"));
    set.remove(range("2001:db8::", "2001:db8::ffff"));
    set.remove(range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    CHECK(text(set) == "::1-2001:db7:ffff:ffff:ffff:ffff:ffff:ffff "
                       "2001:db8::1:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe ");
}

TEST_CASE("A network is a range", "[access]") {
    const auto lan = AddressRange::of(base::Network(ip("10.1.2.3"), 20));
    CHECK(lan.first == ip("10.1.0.0"));
    CHECK(lan.last == ip("10.1.15.255"));
    const auto six = AddressRange::of(base::Network(ip("2001:db8::1"), 61));
    CHECK(six.last == ip("2001:db8:0:7:ffff:ffff:ffff:ffff"));
    CHECK_FALSE(AddressRange::between(ip("10.0.0.2"), ip("10.0.0.1")));
    CHECK_FALSE(AddressRange::between(ip("10.0.0.2"), ip("::1")));
    CHECK_FALSE(AddressRange::between({}, {}));
}

TEST_CASE("A set of addresses agrees with a bit map over many random steps", "[access]") {
    test::FakeRandom random;
    AddressSetBuilder builder;
    std::bitset<256> model;
    const auto at = [](std::uint32_t number) { return ip("10.0.0." + std::to_string(number)); };
    for (int step = 0; step < 2000; ++step) {
        const auto first = random.below(256);
        const auto last = first + random.below(std::min(256U - first, 20U));
        const bool add = random.below(2) == 0;
        for (auto i = first; i <= last; ++i) {
            model.set(i, add);
        }
        const AddressRange each{at(first), at(last)};
        add ? builder.add(each) : builder.remove(each);
        const auto set = builder.build();
        bool same = true;
        for (std::uint32_t i = 0; i < 256; ++i) {
            same = same && set.contains(at(i)) == model.test(i);
        }
        REQUIRE(same);
    }
}
