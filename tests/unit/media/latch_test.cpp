// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/latch.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;
using std::chrono::milliseconds;
using test::at;

namespace {

const base::SocketAddress kPhone = at("198.51.100.9", 4000);       // as announced
const base::SocketAddress kMapped = at("198.51.100.9", 61000);     // same host, port of a NAT
const base::SocketAddress kRemapped = at("198.51.100.9", 62000);
const base::SocketAddress kMoved = at("203.0.113.77", 5555);       // another host
const base::SocketAddress kAttacker = at("192.0.2.66", 6666);

const Expectation kKnown{kPhone, kPhone.ip, false};
const Expectation kNatted{{}, kPhone.ip, false};

constexpr std::uint32_t kStream = 0x11111111;
constexpr std::uint32_t kOther = 0x22222222;

base::TimePoint time(int ms) {
    return base::TimePoint(std::chrono::hours(1)) + milliseconds(ms);
}

/// Packets of one sender: `count` of them, 20 ms apart.
struct Burst {
    int at;
    base::SocketAddress from;
    std::uint32_t ssrc;
    int sequence;
    int count;
    std::vector<Drop> drops;  ///< expected; the last one holds for the rest
};

struct Scenario {
    const char* what;
    Expectation expected;
    std::vector<Burst> bursts;  ///< played as one, ordered by time
    base::SocketAddress peer;
    base::SocketAddress destination;
};

struct Event {
    int at;
    const Burst* burst;
    int index;
};

std::vector<Event> timeline(const std::vector<Burst>& bursts) {
    std::vector<Event> events;
    for (const auto& burst : bursts) {
        for (int i = 0; i < burst.count; ++i) {
            events.push_back({burst.at + 20 * i, &burst, i});
        }
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.at < b.at; });
    return events;
}

Packet packet(std::uint32_t ssrc, int sequence) {
    return {PacketKind::Rtp, ssrc, static_cast<std::uint16_t>(sequence)};
}

void play(Latch& latch, const std::vector<Burst>& bursts) {
    for (const auto& event : timeline(bursts)) {
        const auto& burst = *event.burst;
        const auto place =
            std::min(static_cast<std::size_t>(event.index), burst.drops.size() - 1);
        CAPTURE(event.at, burst.from.toString(), event.index);
        const auto verdict = latch.receiveRtp(
            burst.from, packet(burst.ssrc, burst.sequence + event.index), time(event.at));
        CHECK(toString(verdict.drop) == toString(burst.drops[place]));
    }
}

constexpr auto kOk = Drop::None;
constexpr auto kWrong = Drop::WrongSource;
constexpr auto kProving = Drop::Probation;

}  // namespace

TEST_CASE("nothing is accepted and nothing sent before the announcement", "[media][latch]") {
    Latch latch;
    CHECK(latch.receiveRtp(kPhone, packet(kStream, 1), time(0)).drop == Drop::NotAnnounced);
    CHECK(latch.receiveControl(kPhone, time(0)).drop == Drop::NotAnnounced);
    CHECK(latch.receiveOpaque(kPhone, time(0)).drop == Drop::NotAnnounced);
    CHECK_FALSE(latch.destination());
    CHECK_FALSE(latch.peer());
}

TEST_CASE("media is sent to the announced address until something has been heard",
          "[media][latch]") {
    Latch latch;
    latch.expect(kKnown, time(0));
    CHECK(latch.destination() == kPhone);
    CHECK_FALSE(latch.peer());
    latch.expect(kNatted, time(0));
    CHECK_FALSE(latch.destination());
}

TEST_CASE("who is heard", "[media][latch]") {
    const std::vector<Scenario> scenarios{
        {"a phone as announced", kKnown, {{0, kPhone, kStream, 1, 50, {kOk}}}, kPhone, kPhone},
        {"a phone whose NAT has changed the port", kKnown,
         {{0, kMapped, kStream, 1, 50, {kOk}}}, kMapped, kMapped},
        {"a phone behind a far NAT", kNatted,
         {{0, kMapped, kStream, 1, 50, {kOk}}}, kMapped, kMapped},
        {"a stranger before the phone", kKnown,
         {{0, kAttacker, kOther, 1, 10, {kWrong}}}, {}, kPhone},
        {"a stranger before a phone behind a NAT", kNatted,
         {{0, kAttacker, kOther, 1, 50, {kWrong}}}, {}, {}},
        {"a stranger during the call", kKnown,
         {{0, kPhone, kStream, 1, 50, {kOk}}, {5, kAttacker, kOther, 1, 50, {kWrong}}},
         kPhone, kPhone},
        {"a stranger after the phone has gone quiet", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}}, {1000, kAttacker, kOther, 11, 50, {kWrong}}},
         kPhone, kPhone},
        {"a stranger who guesses the sequence but not the SSRC", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}}, {300, kAttacker, kOther, 11, 50, {kWrong}}},
         kPhone, kPhone},
        {"a stranger who guesses the SSRC but not the sequence", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}}, {300, kAttacker, kStream, 9000, 50, {kWrong}}},
         kPhone, kPhone},
        {"a stranger who replays old packets", kKnown,
         {{0, kPhone, kStream, 100, 10, {kOk}}, {300, kAttacker, kStream, 100, 9, {kWrong}}},
         kPhone, kPhone},
        {"a stranger who copies the stream while it runs", kKnown,
         {{0, kPhone, kStream, 1, 50, {kOk}}, {30, kAttacker, kStream, 3, 45, {kProving}}},
         kPhone, kPhone},
        {"the same host, other port and SSRC, during the call", kKnown,
         {{0, kPhone, kStream, 1, 50, {kOk}}, {75, kMapped, kOther, 1, 40, {kWrong}}},
         kPhone, kPhone},
        {"the same host, other port and SSRC, after the phone has gone quiet", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}}, {500, kMapped, kOther, 1, 40, {kWrong}}},
         kPhone, kPhone},
        {"a NAT that moves to another port", kKnown,
         {{0, kMapped, kStream, 1, 10, {kOk}},
          {200, kRemapped, kStream, 11, 20,
           {kProving, kProving, kProving, kProving, kOk}}},
         kRemapped, kRemapped},
        {"a NAT that moves to another address", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}},
          {200, kMoved, kStream, 11, 20, {kProving, kProving, kProving, kProving, kOk}}},
         kMoved, kMoved},
        {"a NAT that moves while the sequence wraps", kKnown,
         {{0, kPhone, kStream, 65530, 5, {kOk}},
          {100, kMoved, kStream, 65535, 20, {kProving, kProving, kProving, kProving, kOk}}},
         kMoved, kMoved},
        {"a NAT that moves during ten seconds without a network", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}},
          {10200, kMoved, kStream, 511, 20, {kProving, kProving, kOk}}},
         kMoved, kMoved},
        {"a NAT that moves while a packet is lost", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}},
          {200, kMoved, kStream, 11, 1, {kProving}},
          {240, kMoved, kStream, 13, 20, {kProving, kProving, kOk}}},
         kMoved, kMoved},
        {"a copied stream when the original stops", kKnown,
         // Who sees the packets cannot be told from a phone that moves: plain RTP has no more to
         // offer, and he could hear it all anyway. Nobody else can do this.
         {{0, kPhone, kStream, 1, 10, {kOk}},
          {50, kAttacker, kStream, 4, 20,
           {kProving, kProving, kProving, kProving, kProving, kProving, kProving, kProving,
            kProving, kProving, kProving, kProving, kOk}}},
         kAttacker, kAttacker},
        {"the announced address after a guess", kKnown,
         {{0, kMapped, kOther, 1, 30, {kOk}},
          {600, kPhone, kStream, 1, 20, {kOk}},
          {610, kMapped, kOther, 31, 19, {kProving, kProving, kWrong}}},
         kPhone, kPhone},
        {"the announced address while the guess goes on", kKnown,
         {{0, kMapped, kOther, 1, 3, {kOk}},
          {45, kPhone, kStream, 1, 20, {kOk}},
          {60, kMapped, kOther, 4, 20, {kProving, kProving, kWrong}}},
         kPhone, kPhone},
        {"a forged packet of the host before a phone behind a NAT", kNatted,
         {{0, kRemapped, kOther, 777, 1, {kOk}},
          {20, kMapped, kStream, 1, 50, {kProving, kProving, kProving, kProving, kOk}}},
         kMapped, kMapped},
        {"forged packets from many ports before a phone behind a NAT", kNatted,
         {{0, at("198.51.100.9", 1), kOther, 1, 1, {kOk}},
          {5, at("198.51.100.9", 2), kOther, 1, 1, {kProving}},
          {10, at("198.51.100.9", 3), kOther, 1, 1, {kProving}},
          {115, kMapped, kStream, 1, 50, {kProving, kProving, kOk}}},
         kMapped, kMapped},
        {"a phone with a new SSRC in mid-call", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}}, {200, kPhone, kOther, 5000, 10, {kOk}}},
         kPhone, kPhone},
        {"a phone that has moved and comes back", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}},
          {200, kMoved, kStream, 11, 20, {kProving, kProving, kProving, kProving, kOk}},
          {700, kPhone, kStream, 31, 10, {kOk}}},
         kPhone, kPhone},
        {"a phone that has moved and the tail of its old way", kKnown,
         {{0, kPhone, kStream, 1, 10, {kOk}},
          {200, kMoved, kStream, 11, 40, {kProving, kProving, kProving, kProving, kOk}},
          {405, kPhone, kStream, 10, 5, {kWrong, kWrong, kWrong, kWrong, kWrong}}},
         kMoved, kMoved},
    };
    for (const auto& scenario : scenarios) {
        CAPTURE(scenario.what);
        Latch latch;
        latch.expect(scenario.expected, time(-1000));
        play(latch, scenario.bursts);
        CHECK(latch.peer() == scenario.peer);
        CHECK(latch.destination() == scenario.destination);
    }
}

TEST_CASE("a rebind is followed in under 200 ms at packets of 10 to 60 ms", "[media][latch]") {
    const int interval = GENERATE(10, 20, 30, 40, 60);
    CAPTURE(interval);
    Latch latch;
    latch.expect(kKnown, time(0));
    for (int i = 0; i < 50; ++i) {
        latch.receiveRtp(kPhone, packet(kStream, i), time(i * interval));
    }
    const int last = 49 * interval;
    int followed = 0;
    for (int i = 50; i < 80 && followed == 0; ++i) {
        const auto verdict = latch.receiveRtp(kMoved, packet(kStream, i), time(i * interval));
        CHECK(latch.destination() == (verdict.peerChanged ? kMoved : kPhone));
        followed = verdict.peerChanged ? i * interval : 0;
    }
    REQUIRE(followed != 0);
    CHECK(followed - last < 200);
    CHECK(followed - last >= 100);
}

TEST_CASE("who sprays every sequence number without the SSRC is never followed",
          "[media][latch]") {
    Latch latch;
    latch.expect(kKnown, time(0));
    latch.receiveRtp(kPhone, packet(kStream, 1), time(0));
    for (int i = 0; i < 100000; ++i) {
        const auto verdict =
            latch.receiveRtp(kAttacker, packet(kOther + static_cast<std::uint32_t>(i), i), time(i));
        REQUIRE(verdict.drop == Drop::WrongSource);
    }
    CHECK(latch.destination() == kPhone);
}

TEST_CASE("the same announcement keeps the peer", "[media][latch]") {
    Latch latch;
    latch.expect(kKnown, time(0));
    latch.receiveRtp(kMapped, packet(kStream, 1), time(0));
    CHECK(latch.expect(kKnown, time(20)));
    CHECK(latch.peer() == kMapped);
    CHECK(latch.destination() == kMapped);
}

TEST_CASE("a phone that resumes behind a new mapping with a new SSRC is learned again",
          "[media][latch]") {
    Latch latch;
    latch.expect(kNatted, time(0));
    play(latch, {{0, kMapped, kStream, 1, 50, {kOk}}});
    latch.expect(kNatted, time(60'000));
    play(latch, {{60'100, kAttacker, kOther, 1, 10, {kWrong}},
                 {60'110, kRemapped, kOther, 900, 10, {kProving, kProving, kOk}}});
    CHECK(latch.peer() == kRemapped);
}

TEST_CASE("hold by 0.0.0.0 stops sending and forgets nothing", "[media][latch]") {
    const Expectation hold{{}, kPhone.ip, true};
    Latch latch;
    latch.expect(kKnown, time(0));
    latch.receiveRtp(kPhone, packet(kStream, 1), time(0));
    CHECK(latch.expect(hold, time(20)));
    CHECK_FALSE(latch.destination());
    CHECK(latch.peer() == kPhone);
    CHECK(latch.receiveRtp(kPhone, packet(kStream, 2), time(40)).drop == kOk);
    CHECK(latch.receiveRtp(kAttacker, packet(kOther, 2), time(40)).drop == kWrong);
    CHECK(latch.expect(kKnown, time(60)));
    CHECK(latch.destination() == kPhone);
}

TEST_CASE("a first offer with 0.0.0.0 lets the SIP source's host be heard", "[media][latch]") {
    Latch latch;
    latch.expect({{}, kPhone.ip, true}, time(0));
    CHECK(latch.receiveRtp(kAttacker, packet(kOther, 1), time(0)).drop == kWrong);
    CHECK(latch.receiveRtp(kMapped, packet(kStream, 1), time(0)).drop == kOk);
    CHECK_FALSE(latch.destination());
}

TEST_CASE("after a new announcement the old peer lingers for a second", "[media][latch]") {
    const auto newPlace = at("203.0.113.20", 7000);
    Latch latch;
    latch.expect(kKnown, time(0));
    latch.receiveRtp(kPhone, packet(kStream, 1), time(0));
    CHECK_FALSE(latch.expect({newPlace, newPlace.ip, false}, time(20)));
    CHECK(latch.destination() == newPlace);

    const auto late = latch.receiveRtp(kPhone, packet(kStream, 2), time(40));
    CHECK(late.drop == kOk);
    CHECK(late.lingering);
    CHECK_FALSE(latch.peer());

    SECTION("until it is over") {
        CHECK(latch.receiveRtp(kPhone, packet(kStream, 3), time(1030)).drop == kWrong);
    }
    SECTION("or the new one is heard") {
        CHECK(latch.receiveRtp(newPlace, packet(kOther, 1), time(60)).drop == kOk);
        CHECK(latch.receiveRtp(kPhone, packet(kStream, 3), time(60)).drop != kOk);
        CHECK(latch.peer() == newPlace);
    }
}

TEST_CASE("the tail of the old stream does not latch as a port of the same host",
          "[media][latch]") {
    const auto newPort = at("198.51.100.9", 4010);
    Latch latch;
    latch.expect(kKnown, time(0));
    latch.receiveRtp(kPhone, packet(kStream, 1), time(0));
    latch.expect({newPort, newPort.ip, false}, time(20));
    CHECK(latch.receiveRtp(kPhone, packet(kStream, 2), time(40)).lingering);
    CHECK(latch.destination() == newPort);
}

TEST_CASE("an announcement of where the peer is already keeps it", "[media][latch]") {
    Latch latch;
    latch.expect(kKnown, time(0));
    latch.receiveRtp(kMapped, packet(kStream, 1), time(0));
    latch.expect({kMapped, kMapped.ip, false}, time(20));
    CHECK(latch.peer() == kMapped);
    CHECK(latch.receiveRtp(kPhone, packet(kOther, 1), time(40)).drop != kOk);
}

TEST_CASE("STUN and DTLS pass between those who are known and never latch", "[media][latch]") {
    Latch latch;
    latch.expect(kKnown, time(0));
    CHECK(latch.receiveControl(kPhone, time(0)).drop == kOk);
    CHECK(latch.receiveControl(kMapped, time(0)).drop == kWrong);
    CHECK_FALSE(latch.peer());
    latch.receiveRtp(kMapped, packet(kStream, 1), time(20));
    CHECK(latch.receiveControl(kMapped, time(40)).drop == kOk);
    CHECK(latch.receiveControl(kPhone, time(40)).drop == kWrong);
    CHECK(latch.peer() == kMapped);
}

TEST_CASE("without RTP headers only announced and latched addresses are heard",
          "[media][latch]") {
    Latch latch;
    latch.expect(kKnown, time(0));
    SECTION("the announced address") {
        CHECK(latch.receiveOpaque(kMapped, time(0)).drop == kWrong);
        CHECK(latch.receiveOpaque(kAttacker, time(0)).drop == kWrong);
        CHECK(latch.receiveOpaque(kPhone, time(0)).drop == kOk);
        CHECK(latch.peer() == kPhone);
    }
    SECTION("the peer that was latched when it was audio") {
        latch.receiveRtp(kMapped, packet(kStream, 1), time(0));
        latch.expect(kKnown, time(20));
        CHECK(latch.receiveOpaque(kMapped, time(40)).drop == kOk);
        CHECK(latch.receiveOpaque(kRemapped, time(40)).drop == kWrong);
    }
    SECTION("the first from the host where a NAT hides the address") {
        latch.expect(kNatted, time(0));
        CHECK(latch.receiveOpaque(kAttacker, time(0)).drop == kWrong);
        CHECK(latch.receiveOpaque(kMapped, time(0)).drop == kOk);
        CHECK(latch.receiveOpaque(kRemapped, time(1000)).drop == kWrong);
    }
}

TEST_CASE("a latch is settled when its peer has sent a run, and until something is announced",
          "[media][latch]") {
    Latch latch;
    CHECK_FALSE(latch.isSettled());
    latch.expect(kKnown, time(0));
    CHECK_FALSE(latch.isSettled());
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(latch.isSettled());
        (void)latch.receiveRtp(kPhone, packet(kStream, 10 + i), time(20 * i));
    }
    CHECK(latch.isSettled());
    latch.expect(kKnown, time(100));
    CHECK_FALSE(latch.isSettled());

    for (int i = 0; i < 3; ++i) {
        (void)latch.receiveRtp(kPhone, packet(kStream, 20 + i), time(100 + 20 * i));
    }
    REQUIRE(latch.isSettled());
    latch.expect({kPhone, kPhone.ip, true}, time(200));  // hold by 0.0.0.0
    (void)latch.receiveRtp(kPhone, packet(kStream, 30), time(220));
    (void)latch.receiveRtp(kPhone, packet(kStream, 31), time(240));
    (void)latch.receiveRtp(kPhone, packet(kStream, 32), time(260));
    CHECK_FALSE(latch.isSettled());
}

TEST_CASE("what others relayed of the peer's counts as heard when a stranger comes",
          "[media][latch]") {
    const auto followed = [](bool told, int strangerFrom, int sequence) {
        Latch latch;
        latch.expect(kKnown, time(0));
        for (int i = 0; i < 3; ++i) {
            (void)latch.receiveRtp(kPhone, packet(kStream, 10 + i), time(20 * i));
        }
        if (told) {
            // Ten minutes of audio later.
            latch.heardElsewhere(kStream, 30012, time(600000));
        }
        for (int i = 0; i < 12; ++i) {
            (void)latch.receiveRtp(kMapped, packet(kStream, sequence + i),
                                   time(strangerFrom + 20 * i));
        }
        return latch.peer() == kMapped;
    };
    CHECK(followed(true, 600020, 30013));
    // Who goes on where the process has heard the peer last knows nothing of the stream.
    CHECK_FALSE(followed(true, 600020, 13));
    CHECK(followed(false, 80, 13));
    // Old news are no news.
    Latch latch;
    latch.expect(kKnown, time(0));
    (void)latch.receiveRtp(kPhone, packet(kStream, 10), time(1000));
    latch.heardElsewhere(kOther, 99, time(500));
    CHECK(latch.ssrc() == kStream);
}
