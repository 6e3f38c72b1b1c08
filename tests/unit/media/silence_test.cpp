// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/relay.h"

#include "media_peer.h"
#include "support/fake_loop.h"
#include "support/fake_random.h"
#include "support/log_spy.h"

using namespace siproxd;
using namespace siproxd::media;
using namespace std::chrono_literals;
using test::ip;
using test::MediaPeer;

namespace {

const char* const kInside = "127.0.0.1";
const char* const kOutside = "127.0.0.2";

struct Bench {
    explicit Bench(std::chrono::seconds timeout = 30s) {
        RelaySettings settings;
        settings.portLow = test::testPorts(8);
        settings.portHigh = static_cast<std::uint16_t>(settings.portLow + 7);
        settings.rtpTimeout = timeout;
        relay = Relay::create(settings, loop, random).value();
        call = relay->open("call-1", [this] {
            ++silences;
            if (onSilence) {
                onSilence();
            }
        });
    }

    void open(std::size_t index = 0) {
        ports = call->openStream(index, ip(kInside), ip(kOutside)).value();
    }

    void announce(Leg leg, bool held = false, std::size_t index = 0) {
        Announced announced;
        announced.rtp = (leg == Leg::A ? phone : provider).address();
        announced.held = held;
        REQUIRE(call->setRemote(index, leg, announced));
    }

    /// Both sides have been told of each other.
    void connect(std::size_t index = 0) {
        open(index);
        announce(Leg::A, false, index);
        announce(Leg::B, false, index);
    }

    /// One packet from the phone, which has arrived when this returns.
    void talk() {
        phone.send(test::rtp(1, ++sequence), {ip(kInside), ports[Leg::A]});
        REQUIRE_FALSE(provider.receive().empty());
    }

    test::FakeLoop loop;
    test::FakeRandom random;
    MediaPeer phone{"127.0.0.1"};
    MediaPeer provider{"127.0.0.3"};
    int silences = 0;
    unsigned sequence = 0;
    std::function<void()> onSilence;
    PerLeg<std::uint16_t> ports;
    std::unique_ptr<Relay> relay;
    std::unique_ptr<Session> call;
};

}  // namespace

TEST_CASE("a call without packets is reported after rtp_timeout, and again", "[media][silence]") {
    Bench bench;
    bench.connect();
    bench.loop.advance(29s);
    CHECK(bench.silences == 0);
    bench.loop.advance(2s);
    CHECK(bench.silences == 1);
    bench.loop.advance(28s);
    CHECK(bench.silences == 1);
    bench.loop.advance(3s);
    CHECK(bench.silences == 2);
}

TEST_CASE("a party that is silent while the other talks is told of once", "[media][silence]") {
    Bench bench;
    test::LogSpy captured;
    bench.connect();
    const auto talkFor = [&](int seconds) {
        for (int i = 0; i < seconds; ++i) {
            bench.talk();
            bench.loop.advance(1s);
        }
    };
    const auto told = [&] { return captured.count("while the other side is heard"); };
    talkFor(29);
    CHECK(told() == 0);
    talkFor(40);
    CHECK(told() == 1);
    CHECK(captured.count("nothing has come from " + bench.provider.address().toString()) == 1);
    CHECK(bench.silences == 0);
    // It is heard again, and silent again.
    bench.provider.send(test::rtp(2, 1), {ip(kOutside), bench.ports[Leg::B]});
    REQUIRE_FALSE(bench.phone.receive().empty());
    talkFor(29);
    CHECK(told() == 1);
    talkFor(3);
    CHECK(told() == 2);
    // Nobody wants to hear the one on hold.
    bench.announce(Leg::B, true);
    talkFor(40);
    CHECK(told() == 2);
}

TEST_CASE("packets keep a call alive", "[media][silence]") {
    Bench bench;
    bench.connect();
    for (int i = 0; i < 4; ++i) {
        bench.loop.advance(20s);
        bench.talk();
    }
    bench.loop.advance(2s);
    CHECK(bench.silences == 0);
    CHECK(bench.loop.now() - bench.call->lastActivity() <= 2s);
    CHECK(bench.loop.now() - bench.call->report(0)->lastActivity <= 2s);
    bench.loop.advance(31s);
    CHECK(bench.silences == 1);
}

TEST_CASE("packets of one stream keep the whole call alive", "[media][silence]") {
    Bench bench;
    bench.connect(1);
    bench.connect(0);
    bench.loop.advance(25s);
    bench.talk();
    bench.loop.advance(10s);
    CHECK(bench.silences == 0);
    CHECK(bench.call->report(1)->lastActivity < bench.call->report(0)->lastActivity);
}

TEST_CASE("ringing is no silence", "[media][silence]") {
    Bench bench;
    bench.open();
    bench.announce(Leg::A);
    bench.loop.advance(300s);
    CHECK(bench.silences == 0);
    bench.announce(Leg::B);
    bench.loop.advance(29s);
    CHECK(bench.silences == 0);
    bench.loop.advance(2s);
    CHECK(bench.silences == 1);
}

TEST_CASE("hold is no silence", "[media][silence]") {
    Bench bench;
    bench.connect();
    bench.announce(Leg::A, true);
    bench.loop.advance(3600s);
    CHECK(bench.silences == 0);
    CHECK_FALSE(bench.call->flowing());
    bench.announce(Leg::A);
    CHECK(bench.call->flowing());
    bench.loop.advance(29s);
    CHECK(bench.silences == 0);
    bench.loop.advance(2s);
    CHECK(bench.silences == 1);
}

TEST_CASE("who is told of silence may end the call, and others", "[media][silence]") {
    Bench bench;
    bench.connect();
    int others = 0;
    auto second = bench.relay->open("call-2", [&] { ++others; });
    REQUIRE(second->openStream(0, ip(kInside), ip(kOutside)));
    for (const Leg leg : {Leg::A, Leg::B}) {
        Announced announced;
        announced.rtp = bench.phone.address();
        REQUIRE(second->setRemote(0, leg, announced));
    }
    SECTION("itself") {
        bench.onSilence = [&] { bench.call.reset(); };
        bench.loop.advance(100s);
        CHECK(bench.silences == 1);
        CHECK(others == 3);
    }
    SECTION("both") {
        bench.onSilence = [&] {
            second.reset();
            bench.call.reset();
        };
        bench.loop.advance(100s);
        CHECK(bench.silences == 1);
        CHECK(others <= 1);
    }
}

TEST_CASE("rtp_timeout 0 means the default of 300 s", "[media][silence]") {
    Bench bench(0s);
    bench.connect();
    bench.loop.advance(299s);
    CHECK(bench.silences == 0);
    bench.loop.advance(3s);
    CHECK(bench.silences == 1);
}

TEST_CASE("a relay without calls does not wake up", "[media][silence]") {
    Bench bench;
    bench.open();
    bench.call.reset();
    CHECK(bench.relay->totals().freePairs == 4);
    // Its ports rest for a moment, and are closed then.
    CHECK(test::eventually([&] {
        bench.loop.advance(1s);
        return bench.loop.pendingTimers() == 0;
    }));
    CHECK(bench.relay->totals().freePairs == 4);
}
