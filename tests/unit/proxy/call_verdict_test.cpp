// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/call_verdict.h"

#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::proxy;
using media::Drop;
using media::Leg;

namespace {

CallState outgoing() {
    CallState call;
    call.initiator = Side::Inside;
    call.ends = std::make_unique<DialogEnds>();
    call.ends->caller.uri = "sip:alice@example.org;transport=udp";
    call.ends->callee.uri = "sip:bob@example.net";
    call.ends->calleeSide = Side::Outside;
    return call;
}

/// Both sides announced; nothing came from either.
media::StreamReport silent() {
    media::StreamReport stream;
    stream.ports = {7070, 7072};
    stream.legs[Leg::A].announced = {test::ip("192.168.1.2"), 4000};
    stream.legs[Leg::B].announced = {test::ip("192.0.2.1"), 5000};
    return stream;
}

/// What comes from the phone is as it should be.
void hear(media::LegReport& leg, unsigned packets) {
    leg.packets = packets;
    leg.reception.follow(media::payloadClock(8, 8000));
    for (unsigned i = 0; i < packets; ++i) {
        leg.reception.receive(1, static_cast<std::uint16_t>(i), 8, i * 160,
                              std::uint64_t{i} * 20'000'000);
    }
    leg.codec = {8, 8000, "PCMA"};
}

void drop(media::LegReport& leg, Drop reason) {
    leg.dropped[static_cast<std::size_t>(reason)] = 7;
}

}  // namespace

TEST_CASE("a good call is summed up for both sides", "[proxy]") {
    auto stream = silent();
    hear(stream.legs[Leg::A], 100);
    hear(stream.legs[Leg::B], 100);
    stream.legs[Leg::A].peer = stream.legs[Leg::A].announced;
    stream.legs[Leg::A].bytes = 17'200;
    stream.legs[Leg::B].rtcp.reports = 1;
    stream.legs[Leg::B].rtcp.lost = 2;
    stream.legs[Leg::B].rtcp.roundTripUs = 40000;
    CHECK(mediaVerdict(outgoing(), {stream}) ==
          "phone 100 packets, 0.0 % lost, jitter 0 ms, PCMA, MOS 4.4, 17 kB from 192.168.1.2:4000; "
          "provider 100 packets, 0.0 % lost, jitter 0 ms, PCMA, MOS 4.4, reports 2 lost, 40 ms away");
    CHECK(partiesOf(outgoing()) == "alice@example.org to bob@example.net");
}

TEST_CASE("when nothing was heard the line says why", "[proxy]") {
    struct Case {
        void (*spoil)(media::StreamReport&);
        const char* said;
    };
    const Case cases[] = {
        {[](auto&) {}, "provider nothing came (to UDP port 7072, expected from 192.0.2.1:5000)"},
        {[](auto& s) { s.legs[Leg::B].announced = {}; },
         "provider no audio, it has never said where it wants its own"},
        {[](auto& s) { s.legs[Leg::B].stranger = {test::ip("192.0.2.9"), 6000}; },
         "but some came from 192.0.2.9:6000"},
        {[](auto& s) { drop(s.legs[Leg::B], Drop::NotAnnounced); },
         "provider no audio since its address has been announced"},
        {[](auto& s) { drop(s.legs[Leg::B], Drop::Garbage); }, "7 datagrams came that are no RTP"},
        {[](auto& s) { s.legs[Leg::B].rtcp.packetsSent = 900; },
         "it reports to have sent 900 packets: does a firewall close UDP port 7072?"},
        {[](auto& s) { drop(s.legs[Leg::A], Drop::Unheard); },
         "7 not passed on because the other side was never heard; provider"},
        {[](auto& s) { drop(s.legs[Leg::A], Drop::NoDestination); }, "7 had nowhere to go"},
        {[](auto& s) { drop(s.legs[Leg::A], Drop::Flood); }, "7 above rtp_packet_rate; provider"},
        {[](auto& s) {
             drop(s.legs[Leg::A], Drop::Flood);
             drop(s.legs[Leg::A], Drop::Unheard);
         },
         "7 above rtp_packet_rate, 7 not passed on because the other side was never heard; provider"},
    };
    for (const auto& one : cases) {
        auto stream = silent();
        hear(stream.legs[Leg::A], 10);
        one.spoil(stream);
        CHECK_THAT(mediaVerdict(outgoing(), {stream}), Catch::Contains(one.said));
    }
}

TEST_CASE("what was not taken for the party's is told with the reason", "[proxy]") {
    auto stream = silent();
    hear(stream.legs[Leg::A], 10);
    drop(stream.legs[Leg::A], Drop::WrongSource);
    drop(stream.legs[Leg::A], Drop::Garbage);
    CHECK_THAT(mediaVerdict(outgoing(), {stream}),
               Catch::Contains("MOS 4.4, rejected 7 wrong source and 7 garbage; provider"));
    stream.legs[Leg::A].stranger = {test::ip("192.0.2.9"), 6000};
    CHECK_THAT(mediaVerdict(outgoing(), {stream}),
               Catch::Contains("and 7 garbage (some from 192.0.2.9:6000); provider"));
}

TEST_CASE("what was taken down before the end of the call is told, too", "[proxy]") {
    auto voice = silent();
    hear(voice.legs[Leg::A], 10);
    voice.closed = true;
    auto fax = silent();
    fax.index = 1;
    CHECK_THAT(mediaVerdict(outgoing(), {fax, voice}),
               Catch::Contains("; stream 1: (until it was taken down) phone 10 packets"));
}

TEST_CASE("reports are no audio, and fax is media without loss", "[proxy]") {
    auto stream = silent();
    stream.legs[Leg::A].packets = stream.legs[Leg::B].packets = 3;
    stream.legs[Leg::B].framing = media::Framing::Opaque;
    CHECK(mediaVerdict(outgoing(), {stream}) ==
          "phone nothing came (to UDP port 7070, expected from 192.168.1.2:4000); provider 3 packets");
}

TEST_CASE("the sides are named by who has called whom", "[proxy]") {
    CallState call;
    call.initiator = Side::Outside;
    CHECK_THAT(mediaVerdict(call, {silent()}), Catch::StartsWith("provider nothing"));
    call.ends = std::make_unique<DialogEnds>();
    call.ends->calleeSide = Side::Outside;
    CHECK_THAT(mediaVerdict(call, {silent()}), Catch::StartsWith("caller nothing"));
}

TEST_CASE("silence that was agreed on is not blamed on anybody", "[proxy]") {
    auto stream = silent();
    stream.legs[Leg::B].held = true;
    CHECK_THAT(mediaVerdict(outgoing(), {stream}),
               Catch::Contains("192.168.1.2:4000), the stream was on hold; provider"));
    stream.direct = true;
    CHECK(mediaVerdict(outgoing(), {stream}) == "media went directly from one to the other");
}

TEST_CASE("a call without streams of ours says so", "[proxy]") {
    CHECK(mediaVerdict(outgoing(), {}) == "its media was not relayed");
    CHECK(partiesOf(CallState{}).empty());
}
