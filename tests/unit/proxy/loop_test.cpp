// SPDX-License-Identifier: GPL-2.0-or-later
/// RFC 5393: loops, and how wide a request may be forked.
#include "harness.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

Draft again(Draft draft, const std::string& branch) {
    return draft.set("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=" + branch);
}

}  // namespace

TEST_CASE("a request that comes back unchanged has looped", "[proxy]") {
    House house;
    const auto uri = house.enrol().toString();
    const auto invite = forAlice("INVITE", uri);
    house.fromOutside(invite);
    const auto in = house.takeInside();
    house.fromOutside(again(invite, "z9hG4bK-second"));
    CHECK(house.takeOutside().message.status() == 482);

    SECTION("not with another request URI") {
        house.fromOutside(again(forAlice("INVITE", "sip:alice@203.0.113.1"), "z9hG4bK-third"));
        CHECK(house.takeInside().message.method() == sip::Method::Invite);
    }
    SECTION("not once the first one has been answered") {
        house.fromInside(answerTo(in, 486));
        house.take();
        house.fromOutside(again(invite, "z9hG4bK-third"));
        CHECK(house.takeInside().message.method() == sip::Method::Invite);
    }
    SECTION("not as the next request") {
        house.fromOutside(again(forAlice("INVITE", uri, 2), "z9hG4bK-third"));
        CHECK(house.takeInside().message.method() == sip::Method::Invite);
    }
}

TEST_CASE("Max-Breadth is shared by the branches", "[proxy]") {
    House house;
    house.enrol();
    house.enrol(registration("alice", "example.org", "10.0.0.11:5060"), kPhone2);
    const auto breadths = [&](const std::string& given) {
        auto invite = forAlice("INVITE", "sip:alice@203.0.113.1");
        invite.set("Max-Breadth", given);
        house.fromOutside(invite);
        std::vector<std::string> out;
        for (const auto& sent : house.take()) {
            out.push_back(sent.message.isRequest()
                              ? sent.message.header("Max-Breadth").value_or("none")
                              : std::to_string(sent.message.status()));
        }
        return out;
    };
    using Texts = std::vector<std::string>;
    SECTION("60 when nothing is said") { CHECK(breadths("") == Texts{"30", "30"}); }
    SECTION("as much as there is") { CHECK(breadths("5") == Texts{"2", "2"}); }
    SECTION("as many as there are") { CHECK(breadths("2") == Texts{"1", "1"}); }
    SECTION("too few") { CHECK(breadths("1") == Texts{"440"}); }
    SECTION("none") { CHECK(breadths("0") == Texts{"440"}); }
}
