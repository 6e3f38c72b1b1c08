// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/ice.h"

#include "media/stun.h"
#include "stun_messages.h"
#include "support/addresses.h"
#include "support/catch.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace siproxd::media;
using namespace siproxd::test;

namespace {

const base::SocketAddress kHere{ip("192.0.2.1"), 4000};
const base::SocketAddress kThere{ip("192.0.2.2"), 4000};

IceLite::Check from(bool nominated, std::uint32_t priority) {
    return {{}, true, nominated, priority};
}

}  // namespace

TEST_CASE("credentials are as long as RFC 8445 wants them, and new each time", "[ice]") {
    FakeRandom random;
    const auto one = newIceCredentials(random);
    const auto other = newIceCredentials(random);
    CHECK(one.fragment.size() == 8);
    CHECK(one.password.size() == 32);
    CHECK(one.fragment != other.fragment);
    CHECK(one.password != other.password);
}

TEST_CASE("priorities are those of RFC 8445", "[ice]") {
    CHECK(icePriority(1) == 2130706431);
    CHECK(icePriority(2) == 2130706430);
}

TEST_CASE("who has the credentials is answered, and nobody else", "[ice]") {
    IceLite agent;
    CHECK_FALSE(agent.receive(checkOf({"", ""}), kHere));
    CHECK_FALSE(agent.receive(checkOf({"us", "secret"}), kHere));
    CHECK(agent.expect({"us", "secret"}));
    CHECK_FALSE(agent.expect({"us", "secret"}));
    const auto check = agent.receive(checkOf({"us", "secret", true, 77}), kHere);
    REQUIRE(check);
    CHECK(check->succeeded);
    CHECK(check->nominated);
    CHECK(check->priority == 77);
    CHECK(isAnswer(check->answer, 0x0101, "secret"));
    CHECK_FALSE(agent.receive(checkOf({"us", "secret", false}), kHere)->nominated);
    CHECK_FALSE(agent.receive(checkOf({"us", "guess"}), kHere));
    CHECK_FALSE(agent.receive(checkOf({"", ""}), kHere));
    CHECK_FALSE(agent.receive(checkOf({"them", "secret"}), kHere));
    CHECK_FALSE(agent.receive(octets("something else"), kHere));
}

TEST_CASE("the old credentials are good until there are others", "[ice]") {
    IceLite agent;
    agent.expect({"first", "1"});
    agent.expect({"second", "2"});
    CHECK(agent.receive(checkOf({"first", "1"}), kHere));
    CHECK(agent.receive(checkOf({"second", "2"}), kHere));
    CHECK_FALSE(agent.receive(checkOf({"first", "2"}), kHere));
    agent.expect({"third", "3"});
    CHECK_FALSE(agent.receive(checkOf({"first", "1"}), kHere));
}

TEST_CASE("a party that wants to be controlled, too, is told otherwise", "[ice]") {
    IceLite agent;
    agent.expect({"evtj", std::string(kSamplePassword)});
    const auto check = agent.receive(sampleRequest(), kHere);
    REQUIRE(check);
    CHECK_FALSE(check->succeeded);
    CHECK(std::ranges::search(check->answer, fromHex("00 09 00 04 00 00 04 57")).size() == 8);
}

TEST_CASE("the party is where its best check comes from", "[ice]") {
    CheckedPlace place;
    CHECK_FALSE(place.source());
    SECTION("any is better than none, and one that is nominated than one that is not") {
        CHECK(place.take(kHere, from(false, 9), false));
        CHECK_FALSE(place.take(kThere, from(false, 10), true));
        CHECK(place.take(kThere, from(true, 1), false));
        CHECK(place.source() == kThere);
        CHECK_FALSE(place.take(kHere, from(false, 10), true));
    }
    SECTION("where all are nominated, the highest priority wins") {
        CHECK(place.take(kHere, from(true, 5), false));
        CHECK_FALSE(place.take(kThere, from(true, 4), false));
        CHECK(place.source() == kHere);
        CHECK(place.take(kThere, from(true, 6), false));
        CHECK(place.source() == kThere);
    }
    SECTION("unless the party is silent there") {
        CHECK(place.take(kHere, from(true, 5), false));
        CHECK(place.take(kThere, from(true, 4), true));
        CHECK(place.source() == kThere);
    }
    SECTION("or has begun again") {
        CHECK(place.take(kHere, from(true, 5), false));
        place.restart();
        CHECK(place.take(kThere, from(true, 4), false));
    }
}
