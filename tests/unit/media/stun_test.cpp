// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/stun.h"

#include <algorithm>

#include "stun_messages.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;
using namespace siproxd::test;

namespace {

bool holds(const Octets& bytes, std::string_view hex) {
    return !std::ranges::search(bytes, fromHex(hex)).empty();
}

StunDraft named() {
    StunDraft draft;
    draft.add(0x0006, octets("us:them"));
    return draft;
}

}  // namespace

TEST_CASE("the sample of RFC 5769 is a check", "[stun]") {
    const auto bytes = sampleRequest();
    CHECK(isStun(bytes));
    CHECK_FALSE(isStun(fromHex("00 01 00 01 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae 00")));
    const auto request = BindingRequest::parse(bytes);
    REQUIRE(request);
    CHECK(request->localFragment() == "evtj");
    CHECK(request->priority() == 0x6e0001ff);
    CHECK(request->fromControlled());
    CHECK_FALSE(request->nominates());
    CHECK(request->unknown().empty());
    CHECK(request->isSignedWith(kSamplePassword));
    CHECK_FALSE(request->isSignedWith("VOkJxbRl1RmTxUk/WvJxBT"));
    CHECK_FALSE(request->isSignedWith(""));
}

TEST_CASE("a check in which one bit is different is not believed", "[stun]") {
    for (std::size_t bit = 0; bit < 8 * sampleRequest().size(); ++bit) {
        auto bytes = sampleRequest();
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1U << bit % 8);
        const auto request = BindingRequest::parse(bytes);
        INFO("bit " << bit);
        CHECK_FALSE((request && request->isSignedWith(kSamplePassword)));
    }
}

TEST_CASE("a check that is cut off is none", "[stun]") {
    const auto bytes = sampleRequest();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        auto cut = Octets(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        INFO("first " << size);
        CHECK_FALSE(BindingRequest::parse(cut));
        if (size >= 20) {
            // The same with a header that agrees.
            cut[3] = static_cast<std::uint8_t>(size - 20);
            CHECK_FALSE(BindingRequest::parse(cut));
        }
    }
}

TEST_CASE("what a check must have it has, and in order", "[stun]") {
    CHECK(BindingRequest::parse(named().sign("p").seal().bytes()));
    CHECK_FALSE(BindingRequest::parse(StunDraft().sign("p").seal().bytes()));
    CHECK_FALSE(BindingRequest::parse(named().sign("p").bytes()));
    CHECK_FALSE(BindingRequest::parse(named().seal().bytes()));
    CHECK_FALSE(BindingRequest::parse(named().seal().sign("p").bytes()));
    CHECK_FALSE(BindingRequest::parse(named().sign("p").seal().add(0x8022, {1}).bytes()));
    CHECK_FALSE(BindingRequest::parse(named().add(0x0008, {1, 2}).seal().bytes()));
    CHECK_FALSE(BindingRequest::parse(named().add(0x0024, {1, 2}).sign("p").seal().bytes()));
    for (const unsigned type : {0x0011U, 0x0101U, 0x0111U, 0x0003U}) {
        StunDraft other(static_cast<std::uint16_t>(type));
        other.add(0x0006, octets("us:them"));
        CHECK_FALSE(BindingRequest::parse(other.sign("p").seal().bytes()));
    }
}

TEST_CASE("what the sum does not cover is not read", "[stun]") {
    const auto bytes = named().sign("p").add(0x0025, {}).add(0x0024, {1, 2}).seal().bytes();
    const auto request = BindingRequest::parse(bytes);
    REQUIRE(request);
    CHECK(request->isSignedWith("p"));
    CHECK_FALSE(request->nominates());
}

TEST_CASE("attributes that must be understood are told when they are not", "[stun]") {
    auto draft = named();
    for (std::uint16_t type = 0x4000; type < 0x4010; ++type) {
        draft.add(type, {1});
    }
    const auto bytes = draft.add(0x9000, {1}).sign("p").seal().bytes();
    const auto request = BindingRequest::parse(bytes);
    REQUIRE(request);
    CHECK(request->unknown().size() == 8);
    const auto answer = request->failure(BindingRequest::kUnknownAttribute, "p");
    CHECK(isAnswer(answer, 0x0111, "p"));
    CHECK(holds(answer, "00 09 00 04 00 00 04 14"));
    CHECK(holds(answer, "00 0a 00 10 40 00 40 01"));
}

TEST_CASE("the answer tells where the check has come from", "[stun]") {
    const auto sample = sampleRequest();
    const auto request = BindingRequest::parse(sample);
    REQUIRE(request);
    // As in RFC 5769 §2.2 and §2.3.
    CHECK(holds(request->success({ip("192.0.2.1"), 32853}, "p"),
                "01 01 00 2c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae"
                "00 20 00 08 00 01 a1 47 e1 12 a6 43 00 08 00 14"));
    CHECK(holds(request->success({ip("2001:db8:1234:5678:11:2233:4455:6677"), 32853}, "p"),
                "00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9"));
    const auto bytes = named().sign("p").seal().bytes();
    const auto answer =
        BindingRequest::parse(bytes)->success({ip("192.0.2.1"), 32853}, "p");
    CHECK(isAnswer(answer, 0x0101, "p"));
    CHECK_FALSE(isAnswer(answer, 0x0101, "q"));
    CHECK(isAnswer(BindingRequest::parse(bytes)->failure(BindingRequest::kRoleConflict, "p"),
                   0x0111, "p"));
}
