// SPDX-License-Identifier: GPL-2.0-or-later
#include "media_house.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

/// Audio and video in a bundle. Port 0 of the video is one that is bundle-only.
std::string bundle(std::string_view host, int audio, int video, const std::string& more = "") {
    const std::string address(host);
    return "v=0\r\no=- 1 1 IN IP4 " + address + "\r\ns=-\r\nc=IN IP4 " + address +
           "\r\nt=0 0\r\na=group:BUNDLE 0 1\r\nm=audio " + std::to_string(audio) +
           " UDP/TLS/RTP/SAVPF 8\r\na=mid:0\r\na=rtcp-mux\r\na=setup:actpass\r\n"
           "a=fingerprint:sha-256 AB:CD\r\n" + more + "m=video " + std::to_string(video) +
           " UDP/TLS/RTP/SAVPF 99\r\na=mid:1\r\na=rtcp-mux\r\n" +
           (video == 0 ? "a=bundle-only\r\n" : "") + more;
}

}  // namespace

TEST_CASE("a bundle keeps its group, and what is announced is what is relayed", "[proxy]") {
    House house(withMedia());
    const bool only = GENERATE(false, true);
    OutgoingCall call(house, bundle(kPhoneMedia, 4000, only ? 0 : 4002),
                      bundle(kPeerMedia, 30000, 30000));
    // Until the other side has accepted the bundle each of its members can be had apart.
    CHECK(isRelayPort(portOf(call.invite)));
    CHECK(portOf(call.invite, "video") != portOf(call.invite));
    CHECK((portOf(call.invite, "video") == 0) == only);
    CHECK(portOf(*call.answer) == portOf(call.invite));
    CHECK(portOf(*call.answer, "video") == portOf(*call.answer));
    for (const auto* sent : {&call.invite, call.answer.get()}) {
        CHECK(sent->has("a=group:BUNDLE 0 1\r\n"));
        CHECK(sent->has("a=mid:1\r\na=rtcp-mux\r\n"));
        CHECK(sent->has("a=setup:actpass\r\na=fingerprint:sha-256 AB:CD\r\n"));
    }
    CHECK(house.streams() == 1);

    // Once it is there, both have one port, and stay with it.
    house.fromInside(call.within("INVITE", 2).sdp(bundle(kPhoneMedia, 4000, 4000)));
    const auto offer = house.takeOutside();
    CHECK(portOf(offer) == portOf(call.invite));
    CHECK(portOf(offer, "video") == portOf(call.invite));
    house.fromOutside(withSdp(answerTo(offer, 200), bundle(kPeerMedia, 30000, 30000)));
    const auto answer = house.takeInside();
    CHECK(portOf(answer, "video") == portOf(call.invite));
    CHECK(house.streams() == 1);
}

TEST_CASE("who knows no bundle gets streams apart", "[proxy]") {
    House house(withMedia());
    OutgoingCall call(house, bundle(kPhoneMedia, 4000, 4002),
                      audioSdp(kPeerMedia, 30000) + "m=video 30002 UDP/TLS/RTP/SAVPF 99\r\n");
    CHECK(portOf(*call.answer) == portOf(call.invite));
    CHECK(portOf(*call.answer, "video") == portOf(call.invite, "video"));
    CHECK(house.streams() == 2);
}

TEST_CASE("a=rtcp of multiplexed RTCP names the port of RTP, as a fallback the next", "[proxy]") {
    House house(withMedia());
    const int rtcp = GENERATE(4000, 4001);
    const auto attribute = "a=rtcp:" + std::to_string(rtcp) + " IN IP4 10.0.0.10\r\n";
    house.fromInside(inviteWith(bundle(kPhoneMedia, 4000, 4000, attribute)));
    const auto invite = house.takeOutside();
    const auto expected = "a=rtcp:" + std::to_string(portOf(invite) + rtcp - 4000) +
                          " IN IP4 203.0.113.1\r\n";
    CHECK(invite.has(expected + "m=video"));
    CHECK(invite.bytes.ends_with(expected));
}

TEST_CASE("a bundled call is on hold when all of it is", "[proxy]") {
    House house(withMedia());
    OutgoingCall call(house, bundle(kPhoneMedia, 4000, 4000), bundle(kPeerMedia, 30000, 30000));
    const bool all = GENERATE(false, true);
    auto offer = bundle(kPhoneMedia, 4000, 4000) + "a=inactive\r\n";
    if (all) {
        offer.insert(offer.find("m=video"), "a=inactive\r\n");
    }
    house.fromInside(call.within("INVITE", 2).sdp(offer));
    house.fromOutside(withSdp(answerTo(house.takeOutside(), 200), offer));
    house.take();
    house.fromInside(call.within("ACK", 2));
    house.loop.advance(400s);
    CHECK(house.proxy->callCount() == (all ? 1 : 0));
}
