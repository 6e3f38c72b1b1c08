// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/relay.h"
#include "media_peer.h"
#include "stun_messages.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace siproxd::media;
using namespace siproxd::test;

namespace {

constexpr std::uint16_t kSuccess = 0x0101;

/// A call whose party on leg A speaks ICE.
struct Checked {
    Checked() : low(testPorts(4)), relay(make()), call(relay->open("call-1", nullptr)) {
        const auto ports = call->openStream(0, ip("127.0.0.1"), ip("127.0.0.2"));
        REQUIRE(ports);
        toA = {ip("127.0.0.1"), (*ports)[Leg::A]};
        toB = {ip("127.0.0.2"), (*ports)[Leg::B]};
        Announced announced;
        announced.rtp = far.address();
        announced.trusted = true;
        REQUIRE(call->setRemote(0, Leg::B, announced));
    }

    std::unique_ptr<Relay> make() {
        RelaySettings settings;
        settings.portLow = low;
        settings.portHigh = static_cast<std::uint16_t>(low + 3);
        auto made = Relay::create(settings, loop, random);
        REQUIRE(made);
        return std::move(*made);
    }

    void announce(const std::string& fragment = "far", bool speaksIce = true) {
        Announced announced;
        announced.rtp = named.address();
        announced.trusted = true;
        if (speaksIce) {
            announced.ice = IceCredentials{fragment, "its"};
        }
        REQUIRE(call->setRemote(0, Leg::A, announced));
    }

    /// Checks, and gets the answer.
    void check(MediaPeer& from, bool nominates = true, std::uint32_t priority = 1000) {
        const auto& ours = call->checksOf(0, Leg::A);
        from.send(text(checkOf({ours.fragment, ours.password, nominates, priority})), toA);
        const auto answer = octets(from.receive());
        CHECK(isAnswer(answer, kSuccess, ours.password));
        CHECK(from.from() == toA);
    }

    /// Where what the far party sends arrives.
    void expectAt(MediaPeer& place, const char* words) {
        far.send(rtp(2, ++sequence, words), toB);
        CHECK(place.receive().ends_with(words));
    }

    [[nodiscard]] LegReport leg() const { return call->report(0).value().legs[Leg::A]; }

    std::uint16_t low;
    FakeLoop loop;
    FakeRandom random;
    std::unique_ptr<Relay> relay;
    std::unique_ptr<Session> call;
    MediaPeer named{"127.0.0.3"};  ///< where the description says that the party is
    MediaPeer found{"127.0.0.4"};  ///< where it is
    MediaPeer far{"127.0.0.5"};
    base::SocketAddress toA;
    base::SocketAddress toB;
    unsigned sequence = 0;
};

}  // namespace

TEST_CASE("media goes to where the check of the party has come from, both ways", "[checks]") {
    Checked one;
    one.announce();
    one.expectAt(one.named, "before");
    one.check(one.found);
    one.expectAt(one.found, "after");
    one.found.send(rtp(1, 1, "back"), one.toA);
    CHECK(one.far.receive().ends_with("back"));
    CHECK(one.leg().peer == one.found.address());
    CHECK(one.named.receiveNow().empty());
}

TEST_CASE("a check may come before the answer", "[checks]") {
    Checked one;
    one.check(one.found);
    one.announce();
    one.expectAt(one.found, "media");
}

TEST_CASE("checks do not reach the other party, and are no media", "[checks]") {
    Checked one;
    one.announce();
    one.check(one.found);
    // Whatever else is STUN, from the party or somebody else, neither.
    one.found.send(text(StunDraft(0x0011).bytes()), one.toA);
    one.named.send(text(checkOf({"guess", "guess"})), one.toA);
    CHECK(eventually([&] { return one.leg().droppedFor(Drop::WrongSource) == 1; }));
    one.found.send(rtp(1, 1, "media"), one.toA);
    CHECK(one.far.receive().ends_with("media"));
    CHECK(one.leg().packets == 1);
    CHECK(one.named.receiveNow().empty());
    CHECK(one.found.receiveNow().empty());
}

TEST_CASE("one that is nominated takes the place of one that is not", "[checks]") {
    Checked one;
    one.announce();
    one.check(one.found, false);
    one.expectAt(one.found, "first");
    one.check(one.named, true);
    one.expectAt(one.named, "second");
    one.check(one.found, false);
    one.expectAt(one.named, "third");
}

TEST_CASE("a new description leaves the party where its checks were", "[checks]") {
    Checked one;
    one.announce();
    one.check(one.found);
    const auto before = one.call->checksOf(0, Leg::A);
    Announced moved;
    moved.rtp = {ip("127.0.0.9"), 4000};
    moved.trusted = true;
    moved.ice = IceCredentials{"far", "its"};
    REQUIRE(one.call->setRemote(0, Leg::A, moved));
    one.expectAt(one.found, "still here");
    CHECK(one.call->checksOf(0, Leg::A) == before);
}

TEST_CASE("when the party restarts ICE, it is somewhere else by its next nomination", "[checks]") {
    Checked one;
    one.announce();
    const auto before = one.call->checksOf(0, Leg::A);
    one.check(one.found, true, 1000);
    one.announce("again");
    const auto& ours = one.call->checksOf(0, Leg::A);
    CHECK(ours.fragment != before.fragment);
    CHECK(ours.password != before.password);
    one.expectAt(one.found, "until then");
    one.check(one.named, true, 1);
    one.expectAt(one.named, "from then on");
}

TEST_CASE("who stops to speak ICE is where it says", "[checks]") {
    Checked one;
    one.announce();
    one.check(one.found);
    one.expectAt(one.found, "by ICE");
    one.announce("", false);
    one.expectAt(one.named, "by description");
    one.check(one.found);
    one.expectAt(one.named, "by description");
}

TEST_CASE("RTCP has checks of its own", "[checks]") {
    Checked one;
    one.announce();
    one.check(one.found);
    MediaPeer reports("127.0.0.4");
    const auto& ours = one.call->checksOf(0, Leg::A);
    base::SocketAddress toRtcp{one.toA.ip, static_cast<std::uint16_t>(one.toA.port + 1)};
    reports.send(text(checkOf({ours.fragment, ours.password})), toRtcp);
    CHECK(isAnswer(octets(reports.receive()), kSuccess, ours.password));
    one.far.send(rtp(2, 1, "media"), one.toB);
    CHECK(one.found.receive().ends_with("media"));
    MediaPeer farReports("127.0.0.5", static_cast<std::uint16_t>(one.far.address().port + 1));
    farReports.send(rtcp(2), {one.toB.ip, static_cast<std::uint16_t>(one.toB.port + 1)});
    CHECK(reports.receive() == rtcp(2));
}

TEST_CASE("an address that a stranger's check has proven gets no more than an unheard one", "[checks]") {
    Checked one;
    Announced announced;
    announced.rtp = one.named.address();
    announced.sipSource = one.named.address().ip;
    announced.ice = IceCredentials{"far", "its"};
    REQUIRE(one.call->setRemote(0, Leg::A, announced));
    one.check(one.found);
    for (unsigned i = 0; i < kUnheardLimit + 10; ++i) {
        one.far.send(rtp(2, ++one.sequence, "victim"), one.toB);
        if (i < kUnheardLimit) {
            REQUIRE(one.found.receive().ends_with("victim"));
        }
    }
    CHECK(eventually([&] {
        return one.call->report(0).value().legs[Leg::B].droppedFor(Drop::Unheard) == 10;
    }));
}
