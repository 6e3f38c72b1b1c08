// SPDX-License-Identifier: GPL-2.0-or-later
#include "media_house.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

HouseOptions withIce(const std::string& what = "lite") {
    auto options = withMedia();
    options.proxy.proxy.rtpIce = what;
    return options;
}

std::string iceSdp(std::string_view host, int port, const std::string& fragment = "far",
                   const std::string& more = "") {
    return audioSdp(host, port) + "a=ice-ufrag:" + fragment + "\r\na=ice-pwd:itspassword" + fragment +
           "\r\na=ice-options:trickle\r\na=candidate:1 1 UDP 2130706431 " + std::string(host) + " " +
           std::to_string(port) + " typ host\r\na=candidate:1 2 UDP 2130706430 " + std::string(host) +
           " " + std::to_string(port + 1) + " typ host\r\na=end-of-candidates\r\n" + more;
}

/// The lines of ICE that belong to a relay at this address.
std::string candidates(std::string_view host, int port, bool mux = false) {
    const std::string at(host);
    const auto first =
        "a=candidate:1 1 UDP 2130706431 " + at + " " + std::to_string(port) + " typ host\r\n";
    return mux ? first
               : first + "a=candidate:1 2 UDP 2130706430 " + at + " " + std::to_string(port + 1) +
                     " typ host\r\n";
}

std::size_t count(const Sent& sent, std::string_view part) {
    std::size_t found = 0;
    for (auto at = sent.bytes.find(part); at != std::string::npos; at = sent.bytes.find(part, at + 1)) {
        ++found;
    }
    return found;
}

/// Where the session is said to be.
std::string hostOf(const Sent& sent) {
    return sent.line("c=IN IP4 ").substr(9);
}

bool hasIce(const Sent& sent) {
    return sent.has("a=ice") || sent.has("a=candidate") || sent.has("a=end-of-candidates");
}

}  // namespace

TEST_CASE("both parties are shown ICE of ours when both speak it", "[proxy]") {
    House house(withIce());
    OutgoingCall call(house, iceSdp(kPhoneMedia, 4000), iceSdp(kPeerMedia, 30000));
    const auto port = portOf(call.invite);
    CHECK(call.invite.has(candidates("203.0.113.1", port)));
    CHECK(call.answer->has(candidates(hostOf(*call.answer), port)));
    for (const auto* sent : {&call.invite, call.answer.get()}) {
        CHECK(count(*sent, "a=candidate") == 2);
        CHECK(count(*sent, "a=ice-lite\r\n") == 1);
        CHECK(sent->bytes.find("a=ice-lite") < sent->bytes.find("m=audio"));
        CHECK(count(*sent, "a=ice-ufrag:") == 1);
        CHECK(count(*sent, "a=ice-pwd:") == 1);
        CHECK_FALSE(sent->has("a=ice-options"));
        CHECK_FALSE(sent->has("far"));
    }
    CHECK(call.invite.line("a=ice-ufrag") != call.answer->line("a=ice-ufrag"));
    CHECK(call.invite.line("a=ice-pwd") != call.answer->line("a=ice-pwd"));
}

TEST_CASE("who does not speak ICE is not answered with it, and who does is", "[proxy]") {
    House house(withIce());
    SECTION("the phone does") {
        OutgoingCall call(house, iceSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
        CHECK(hasIce(call.invite));
        CHECK(call.answer->has(candidates(hostOf(*call.answer), portOf(call.invite))));
        // It has been asked once.
        house.fromInside(call.within("INVITE", 2).sdp(iceSdp(kPhoneMedia, 4000)));
        CHECK_FALSE(hasIce(house.takeOutside()));
    }
    SECTION("nobody does") {
        OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
        CHECK_FALSE(hasIce(call.invite));
        CHECK_FALSE(hasIce(*call.answer));
    }
    SECTION("an answer with ICE that nobody has asked for") {
        OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), iceSdp(kPeerMedia, 30000));
        CHECK_FALSE(hasIce(*call.answer));
    }
}

TEST_CASE("by default all of ICE is removed", "[proxy]") {
    House house(withIce("remove"));
    OutgoingCall call(house, iceSdp(kPhoneMedia, 4000), iceSdp(kPeerMedia, 30000));
    CHECK_FALSE(hasIce(call.invite));
    CHECK_FALSE(hasIce(*call.answer));
}

TEST_CASE("our credentials stay as long as those of the party", "[proxy]") {
    House house(withIce());
    OutgoingCall call(house, iceSdp(kPhoneMedia, 4000), iceSdp(kPeerMedia, 30000));
    const bool restarts = GENERATE(false, true);
    house.fromInside(
        call.within("INVITE", 2).sdp(iceSdp(kPhoneMedia, 4000, restarts ? "new" : "far")));
    const auto offer = house.takeOutside();
    CHECK(offer.line("a=ice-ufrag") == call.invite.line("a=ice-ufrag"));
    house.fromOutside(withSdp(answerTo(offer, 200), iceSdp(kPeerMedia, 30000)));
    const auto answer = house.takeInside();
    CHECK((answer.line("a=ice-ufrag") != call.answer->line("a=ice-ufrag")) == restarts);
    CHECK((answer.line("a=ice-pwd") != call.answer->line("a=ice-pwd")) == restarts);
}

TEST_CASE("a restart that is refused has not been one", "[proxy]") {
    House house(withIce());
    OutgoingCall call(house, iceSdp(kPhoneMedia, 4000), iceSdp(kPeerMedia, 30000));
    house.fromInside(call.within("INVITE", 2).sdp(iceSdp(kPhoneMedia, 4000, "new")));
    house.fromOutside(answerTo(house.takeOutside(), 488));
    house.take();
    house.fromInside(call.within("INVITE", 3).sdp(iceSdp(kPhoneMedia, 4000)));
    const auto offer = house.takeOutside();
    house.fromOutside(withSdp(answerTo(offer, 200), iceSdp(kPeerMedia, 30000)));
    CHECK(house.takeInside().line("a=ice-ufrag") == call.answer->line("a=ice-ufrag"));
}

TEST_CASE("with multiplexed RTCP there is one candidate", "[proxy]") {
    House house(withIce());
    house.fromInside(inviteWith(iceSdp(kPhoneMedia, 4000, "far", "a=rtcp-mux\r\n")));
    const auto invite = house.takeOutside();
    CHECK(invite.has(candidates("203.0.113.1", portOf(invite), true)));
    CHECK(count(invite, "a=candidate") == 1);
}

TEST_CASE("credentials may stand at the session, and each stream gets some", "[proxy]") {
    House house(withIce());
    std::string offer = audioSdp(kPhoneMedia, 4000) + "m=video 4002 RTP/AVP 99\r\n";
    offer.insert(offer.find("m=audio"), "a=ice-ufrag:far\r\na=ice-pwd:itspassword\r\n");
    house.fromInside(inviteWith(offer));
    const auto invite = house.takeOutside();
    CHECK(invite.has(candidates("203.0.113.1", portOf(invite))));
    CHECK(invite.has(candidates("203.0.113.1", portOf(invite, "video"))));
    CHECK(count(invite, "a=ice-ufrag:") == 2);
    CHECK(count(invite, "a=ice-lite") == 1);
}

TEST_CASE("a party that has not gathered its candidates is not on hold", "[proxy]") {
    House house(withIce());
    OutgoingCall call(house, iceSdp("0.0.0.0", 9), iceSdp(kPeerMedia, 30000));
    CHECK(call.invite.line("c=").starts_with("c=IN IP4 203.0.113.1"));
    CHECK(isRelayPort(portOf(call.invite)));
    house.loop.advance(400s);
    CHECK(house.proxy->callCount() == 0);
}

TEST_CASE("credentials that are too long are none", "[proxy]") {
    House house(withIce());
    house.fromInside(inviteWith(iceSdp(kPhoneMedia, 4000, std::string(257, 'x'))));
    CHECK_FALSE(hasIce(house.takeOutside()));
}
