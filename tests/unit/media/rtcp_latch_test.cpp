// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/latch.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;
using test::at;

namespace {

const base::SocketAddress kRtp = at("198.51.100.9", 4000);
const base::SocketAddress kRtcp = at("198.51.100.9", 4001);
const base::SocketAddress kMapped = at("198.51.100.9", 61001);
const base::SocketAddress kRemapped = at("198.51.100.9", 62001);
const base::SocketAddress kMoved = at("203.0.113.77", 5555);
const base::SocketAddress kMovedRtcp = at("203.0.113.77", 5556);
const base::SocketAddress kAttacker = at("192.0.2.66", 6666);
constexpr std::uint32_t kStream = 0x11111111;
constexpr std::uint32_t kOther = 0x22222222;

Packet report(std::uint32_t ssrc) {
    return {PacketKind::Rtcp, ssrc, 0};
}

base::TimePoint time(int ms) {
    return base::TimePoint(std::chrono::hours(1)) + std::chrono::milliseconds(ms);
}

}  // namespace

TEST_CASE("RTCP is heard from the signalled host and latches its port", "[media][latch]") {
    const Latch rtp;
    RtcpLatch latch;
    CHECK(latch.receiveRtcp(kRtcp, report(kStream), rtp).drop == Drop::NotAnnounced);
    CHECK(latch.receiveControl(kRtcp).drop == Drop::NotAnnounced);
    latch.expect({kRtcp, kRtcp.ip, false});
    CHECK(latch.destination() == kRtcp);
    CHECK(latch.receiveRtcp(kAttacker, report(kStream), rtp).drop == Drop::WrongSource);
    CHECK(latch.receiveRtcp(kMapped, report(kStream), rtp).drop == Drop::None);
    CHECK(latch.destination() == kMapped);
    CHECK(latch.receiveControl(kMapped).drop == Drop::None);
    CHECK(latch.receiveControl(kAttacker).drop == Drop::WrongSource);

    SECTION("another port of the host needs the SSRC") {
        CHECK(latch.receiveRtcp(kRemapped, report(kOther), rtp).drop == Drop::WrongSource);
        CHECK(latch.receiveRtcp(kRemapped, report(kStream), rtp).drop == Drop::None);
        CHECK(latch.destination() == kRemapped);
    }
    SECTION("the announced address needs nothing") {
        CHECK(latch.receiveRtcp(kRtcp, report(kOther), rtp).drop == Drop::None);
        CHECK(latch.destination() == kRtcp);
    }
    SECTION("the SSRC alone does not help a stranger") {
        CHECK(latch.receiveRtcp(kAttacker, report(kStream), rtp).drop == Drop::WrongSource);
    }
    SECTION("hold by 0.0.0.0 stops it") {
        CHECK(latch.expect({{}, kRtcp.ip, true}));
        CHECK_FALSE(latch.destination());
    }
    SECTION("a new announcement starts afresh") {
        CHECK_FALSE(latch.expect({kMovedRtcp, kMovedRtcp.ip, false}));
        CHECK(latch.destination() == kMovedRtcp);
        CHECK(latch.receiveRtcp(kMapped, report(kStream), rtp).drop == Drop::WrongSource);
    }
}

TEST_CASE("RTCP follows RTP to another host", "[media][latch]") {
    Latch rtp;
    rtp.expect({kRtp, kRtp.ip, false}, time(0));
    RtcpLatch latch;
    latch.expect({kRtcp, kRtcp.ip, false});
    rtp.receiveRtp(kRtp, {PacketKind::Rtp, kStream, 1}, time(0));
    CHECK(latch.receiveRtcp(kRtcp, report(kStream), rtp).drop == Drop::None);

    CHECK(latch.receiveRtcp(kMovedRtcp, report(kStream), rtp).drop == Drop::WrongSource);
    for (int i = 2; i < 10; ++i) {
        rtp.receiveRtp(kMoved, {PacketKind::Rtp, kStream, static_cast<std::uint16_t>(i)},
                       time(20 * i));
    }
    REQUIRE(rtp.peer() == kMoved);
    CHECK(latch.receiveRtcp(kMovedRtcp, report(kOther), rtp).drop == Drop::WrongSource);
    CHECK(latch.receiveRtcp(kMovedRtcp, report(kStream), rtp).drop == Drop::None);
    CHECK(latch.destination() == kMovedRtcp);
}
