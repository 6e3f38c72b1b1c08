// SPDX-License-Identifier: GPL-2.0-or-later
#include "media_house.h"
#include "support/log_spy.h"

using namespace siproxd;
using namespace siproxd::test;

TEST_CASE("offer and answer name the relay, each side its own address", "[proxy]") {
    House house(withMedia());
    OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
    CHECK(call.invite.line("c=") == "c=IN IP4 203.0.113.1");
    CHECK(call.invite.line("o=") == "o=- 1 1 IN IP4 203.0.113.1");
    CHECK(isRelayPort(portOf(call.invite)));
    CHECK(showsNothingInside(call.invite));
    CHECK(call.answer->line("c=") == "c=IN IP4 127.0.0.1");
    CHECK(call.answer->line("o=") == "o=- 1 1 IN IP4 127.0.0.1");
    CHECK(portOf(*call.answer) == portOf(call.invite));
    CHECK(house.streams() == 1);

    SECTION("the caller hangs up") {
        house.fromInside(call.within("BYE", 2));
        house.fromOutside(answerTo(house.takeOne(), 200));
    }
    SECTION("the callee hangs up") {
        house.fromOutside(call.back("BYE", 1));
        house.fromInside(answerTo(house.takeInside(), 200));
    }
    SECTION("nobody does, but no media comes for rtp_timeout: both are told that it is over") {
        house.loop.advance(301s);
        const auto sent = house.take();
        for (const auto& peer : {kPhone, at("198.51.100.7", 5070)}) {
            CHECK(std::ranges::any_of(sent, [&](const Sent& one) {
                return one.flow.remote == peer && one.message.methodName() == "BYE" &&
                       one.message.header("Reason") == "SIP;cause=408;text=\"No Media\"";
            }));
        }
    }
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
    CHECK(house.relay->totals().freePairs == 10);
}

TEST_CASE("a call that comes to nothing frees its ports", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000)));
    const auto invite = house.takeOutside();
    CHECK(house.streams() == 1);
    SECTION("busy") { house.fromOutside(answerTo(invite, 486)); }
    SECTION("challenged") { house.fromOutside(answerTo(invite, 407)); }
    SECTION("redirected") { house.fromOutside(answerTo(invite, 302)); }
    SECTION("nobody answers") { house.loop.advance(33s); }
    SECTION("cancelled") {
        house.fromOutside(answerTo(invite, 180));
        house.fromInside(fromAlice("CANCEL", "sip:bob@example.net")
                             .set("Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-INVITE1"));
        house.fromOutside(answerTo(invite, 487));
    }
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
    CHECK(house.relay->totals().freePairs == 10);
}

TEST_CASE("early media gets its relay with the 183", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000)));
    const auto invite = house.takeOutside();
    house.fromOutside(withSdp(answerTo(invite, 183), audioSdp(kPeerMedia, 30000)));
    const auto early = house.takeInside();
    CHECK(isRelayPort(portOf(early)));
    CHECK(early.line("c=") == "c=IN IP4 127.0.0.1");
}

TEST_CASE("a call that nobody has answered yet is not ended by silence", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000)));
    const auto invite = house.takeOutside();
    for (int i = 0; i < 5; ++i) {  // timer C begins anew
        house.fromOutside(withSdp(answerTo(invite, 183), audioSdp(kPeerMedia, 30000)));
        house.loop.advance(90s);
    }
    house.take();
    house.fromOutside(withSdp(answerTo(invite, 200), audioSdp(kPeerMedia, 30000)));
    CHECK(portOf(house.takeInside()) == portOf(invite));
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("rtp_timeout_bye = 0 ends a silent call without a word", "[proxy]") {
    auto options = withMedia();
    options.proxy.proxy.rtpTimeoutBye = false;
    House house(std::move(options));
    OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
    house.loop.advance(301s);
    CHECK(house.take().empty());
    CHECK(house.proxy->callCount() == 0);
}

TEST_CASE("a late offer has ports in store and is answered by the ACK", "[proxy]") {
    House house(withMedia(1));
    house.fromInside(fromAlice("INVITE", "sip:bob@example.net"));
    const auto invite = house.takeOutside();
    CHECK(house.streams() == 1);
    // The only pair is taken: the next call is refused before it rings.
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4010), 2), kPhone);
    CHECK(house.takeInside().message.status() == 503);

    auto ok = withSdp(answerTo(invite, 200), audioSdp(kPeerMedia, 30000));
    ok.addHeader("Contact", "<sip:bob@198.51.100.7:5070>");
    house.fromOutside(ok);
    const auto offer = house.takeInside();
    CHECK(portOf(offer) == 41000);
    house.fromInside(OutgoingCall::within(house, "ACK", 1).sdp(audioSdp(kPhoneMedia, 4000)));
    const auto ack = house.takeOutside();
    CHECK(portOf(ack) == 41000);
    CHECK(ack.line("c=") == "c=IN IP4 203.0.113.1");
    CHECK(showsNothingInside(ack));
}

TEST_CASE("a call without ports is refused with 503 before it rings", "[proxy]") {
    House house(withMedia(1));
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000)));
    house.takeOutside();
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4010), 2));
    const auto refused = house.takeOne();
    CHECK(refused.flow.remote == kPhone);
    CHECK(refused.message.status() == 503);
    CHECK(refused.message.header("Retry-After").has_value());
    CHECK(house.proxy->callCount() == 1);

    CHECK(house.isQuiet());
}

TEST_CASE("a second stream without ports refuses the re-INVITE and keeps the call", "[proxy]") {
    House house(withMedia(1));
    OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
    house.fromInside(call.within("INVITE", 2)
                         .sdp(audioSdp(kPhoneMedia, 4000) + "m=video 4002 RTP/AVP 96\r\n"));
    CHECK(house.takeOne().message.status() == 503);
    CHECK(house.proxy->callCount() == 1);
    CHECK(house.streams() == 1);
}

TEST_CASE("from outside no media may be sent to places it has no business with", "[proxy]") {
    House house(withMedia());
    house.outside.subnet = *base::Network::parse("203.0.113.0/24");
    house.readdress();
    const auto contact = house.enrol();
    int serial = 0;
    for (const std::string address :
         {"127.0.0.1", "127.0.0.53", "::1",                         // this machine
          "10.0.0.1", "203.0.113.1", "127.0.0.2",                   // our own
          "10.0.0.11", "10.0.0.255",                                // the inside network
          "224.0.0.5", "239.255.255.250", "ff02::1", "ff0e::1",     // multicast
          "255.255.255.255", "203.0.113.255",                       // broadcast
          "::ffff:127.0.0.1", "::ffff:10.0.0.11", "::127.0.0.1"}) {  // in disguise
        INFO(address);
        const auto id = "aimed" + std::to_string(++serial);
        auto sdp = audioSdp(address, 5000);
        for (std::size_t at = 0; address.find(':') != std::string::npos &&
                                 (at = sdp.find("IP4")) != std::string::npos;) {
            sdp.replace(at, 3, "IP6");
        }
        house.fromOutside(forAlice("INVITE", contact.toString())
                              .set("Via", "SIP/2.0/UDP 203.0.113.50;branch=z9hG4bK-" + id)
                              .set("Call-ID", id)
                              .sdp(sdp));
        const auto refused = house.takeOne();
        CHECK(refused.message.status() == 488);
        CHECK(refused.flow.remote == kProvider);
    }
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("an answer that cannot be used comes with refused streams", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000)));
    house.fromOutside(withSdp(answerTo(house.takeOutside(), 200), audioSdp("127.0.0.53", 5000)));
    const auto answer = house.takeInside();
    CHECK(answer.message.status() == 200);
    CHECK(portOf(answer) == 0);
    CHECK(!answer.has("127.0.0.53"));
}

TEST_CASE("SDP that cannot be read is answered 400", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith("v=0\r\nthis is not SDP\r\n"));
    CHECK(house.takeOne().message.status() == 400);
    CHECK(house.proxy->callCount() == 0);
    CHECK(house.isQuiet());
}

TEST_CASE("a stream with port 0 stays refused and takes no ports", "[proxy]") {
    House house(withMedia());
    house.fromInside(
        inviteWith(audioSdp(kPhoneMedia, 4000) + "m=video 0 RTP/AVP 96\r\na=x-keep:me\r\n"));
    const auto out = house.takeOutside();
    CHECK(portOf(out, "video") == 0);
    CHECK(out.has("a=x-keep:me"));
    CHECK(house.streams() == 1);
}

TEST_CASE("TCP media are refused instead of announced and dead", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000) + "m=message 2855 TCP/MSRP *\r\n"));
    const auto out = house.takeOutside();
    CHECK(portOf(out, "message") == 0);
    CHECK(isRelayPort(portOf(out)));
    CHECK(house.streams() == 1);
}

TEST_CASE("several streams get pairs of their own, and lose them when taken down", "[proxy]") {
    House house(withMedia());
    const auto two = audioSdp(kPhoneMedia, 4000) + "m=video 4002 RTP/AVP 96\r\n";
    OutgoingCall call(house, two,
                      audioSdp(kPeerMedia, 30000) + "m=video 30002 RTP/AVP 96\r\n");
    CHECK(house.streams() == 2);
    CHECK(portOf(call.invite) != portOf(call.invite, "video"));
    house.fromInside(call.within("INVITE", 2).sdp(audioSdp(kPhoneMedia, 4000) +
                                                           "m=video 0 RTP/AVP 96\r\n"));
    const auto out = house.takeOutside();
    CHECK(portOf(out) == portOf(call.invite));
    CHECK(house.streams() == 2);  // it may still be refused
    house.fromOutside(withSdp(answerTo(out, 200), audioSdp(kPeerMedia, 30000) +
                                                      "m=video 0 RTP/AVP 96\r\n"));
    CHECK(house.streams() == 1);
}

TEST_CASE("an offer that is refused leaves the media as it was", "[proxy]") {
    House house(withMedia());
    const auto two = audioSdp(kPhoneMedia, 4000) + "m=video 4002 RTP/AVP 96\r\n";
    OutgoingCall call(house, two, audioSdp(kPeerMedia, 30000) + "m=video 30002 RTP/AVP 96\r\n");
    const auto method = GENERATE(std::string("INVITE"), std::string("UPDATE"));
    const auto refusal = GENERATE(488, 491, 401);
    house.fromInside(call.within(method, 2).sdp(audioSdp("10.0.0.77", 5000) +
                                                "m=video 0 RTP/AVP 96\r\n" +
                                                "m=audio 5002 RTP/AVP 8\r\n"));
    const auto out = house.takeOutside();
    CHECK(house.streams() == 3);
    house.fromOutside(answerTo(out, refusal));
    house.take();
    CHECK(house.streams() == 2);
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("an offer that is cancelled before it has left changes nothing", "[proxy]") {
    House house(withMedia());
    OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
    house.locator.slow = true;
    const auto offer = call.within("INVITE", 2)
                           .set("Route", "<sip:siproxd@127.0.0.1:5060;lr>")
                           .add("Route", "<sip:slow.example;lr>")
                           .sdp(audioSdp(kPhoneMedia, 4000) + "m=video 4002 RTP/AVP 96\r\n");
    house.fromInside(offer);
    CHECK(house.streams() == 1);
    house.fromInside(call.within("CANCEL", 2).set(
        "Via", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-in-INVITE2"));
    house.take();
    CHECK(house.streams() == 1);
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("hold keeps the relay and the zero address", "[proxy]") {
    House house(withMedia());
    OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
    house.fromInside(call.within("INVITE", 2).sdp(audioSdp("0.0.0.0", 4000)));
    const auto out = house.takeOutside();
    CHECK(out.line("c=") == "c=IN IP4 0.0.0.0");
    CHECK(out.line("o=") == "o=- 1 1 IN IP4 203.0.113.1");
    CHECK(portOf(out) == portOf(call.invite));
    house.fromOutside(answerTo(out, 200));
    house.take();
    // Silence is what a held call is made of.
    house.loop.advance(400s);
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("a=rtcp and candidates show nothing of the inside", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith(
        audioSdp(kPhoneMedia, 4000) +
        "a=rtcp:4001 IN IP4 10.0.0.10\r\n"
        "a=candidate:1 1 UDP 2130706431 10.0.0.10 4000 typ host\r\na=ice-ufrag:x\r\n"
        "a=ice-pwd:y\r\na=sendrecv\r\n"));
    const auto out = house.takeOutside();
    CHECK(showsNothingInside(out));
    CHECK(out.has("a=rtcp:" + std::to_string(portOf(out) + 1) + " IN IP4 203.0.113.1\r\n"));
    CHECK(!out.has("a=candidate"));
    CHECK(!out.has("a=ice-"));
    CHECK(out.has("a=sendrecv\r\n"));
}

TEST_CASE("rtp_proxy_enable = 0 leaves SDP alone", "[proxy]") {
    House house;
    const auto sdp = audioSdp(kPhoneMedia, 4000);
    house.fromInside(inviteWith(sdp));
    CHECK(house.takeOutside().message.body() == sdp);
}

TEST_CASE("SDP in an answer to OPTIONS shows our address", "[proxy]") {
    House house(withMedia());
    const auto contact = house.enrol();
    house.fromOutside(forAlice("OPTIONS", contact.toString()));
    house.fromInside(withSdp(answerTo(house.takeOne(), 200), audioSdp(kPhoneMedia, 4000)));
    const auto out = house.takeOne();
    CHECK(out.line("c=") == "c=IN IP4 203.0.113.1");
    CHECK(showsNothingInside(out));
    CHECK(house.streams() == 0);
}

TEST_CASE("an UPDATE may carry an offer", "[proxy]") {
    House house(withMedia());
    OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
    house.fromInside(call.within("UPDATE", 2).sdp(audioSdp(kPhoneMedia, 4444)));
    const auto update = house.takeOne();
    CHECK(portOf(update) == portOf(call.invite));
    house.fromOutside(withSdp(answerTo(update, 200), audioSdp(kPeerMedia, 30000)));
    CHECK(portOf(house.takeOne()) == portOf(call.invite));
}

TEST_CASE("when two phones pick up at once the loser does not take the media", "[proxy]") {
    House house(withMedia());
    house.enrol();
    house.enrol(registration("alice", "example.org", "10.0.0.11:5060"), kPhone2);
    house.fromOutside(
        forAlice("INVITE", "sip:alice@203.0.113.1").sdp(audioSdp("198.51.100.7", 30000)));
    auto sent = house.take();
    REQUIRE(sent.size() == 2);
    const auto& first = sent[0];
    const auto& second = sent[1];
    house.fromInside(withSdp(answerTo(first, 200, "p1"),
                             audioSdp(first.flow.remote.ip.toString(), 4000)),
                     first.flow.remote);
    CHECK(isRelayPort(portOf(house.takeOutside())));
    house.fromInside(withSdp(answerTo(second, 200, "p2"),
                             audioSdp(second.flow.remote.ip.toString(), 4000)),
                     second.flow.remote);
    const auto loser = house.takeOutside();
    CHECK(portOf(loser) == 0);
    CHECK(showsNothingInside(loser));
}

TEST_CASE("with a single interface each side has ports of its own", "[proxy]") {
    auto options = withMedia();
    options.single = true;
    House house(std::move(options));
    OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
    CHECK(call.invite.line("c=") == "c=IN IP4 203.0.113.1");
    CHECK(call.answer->line("c=") == "c=IN IP4 127.0.0.1");
    CHECK(portOf(call.invite) != portOf(*call.answer));
    CHECK(house.relay->totals().freePairs == 8);
}

TEST_CASE("what one fork refuses another may take: ports stay until one has answered", "[proxy]") {
    House house(withMedia());
    const auto two = audioSdp(kPhoneMedia, 4000) + "m=video 4002 RTP/AVP 96\r\n";
    house.fromInside(inviteWith(two));
    const auto invite = house.takeOutside();
    house.fromOutside(withSdp(answerTo(invite, 183, "one"),
                              audioSdp(kPeerMedia, 30000) + "m=video 0 RTP/AVP 96\r\n"));
    CHECK(portOf(house.takeInside(), "video") == 0);
    house.fromOutside(withSdp(answerTo(invite, 183, "two"),
                              audioSdp(kPeerMedia, 30010) + "m=video 30012 RTP/AVP 96\r\n"));
    const auto second = house.takeInside();
    CHECK(portOf(second) == portOf(invite));
    CHECK(portOf(second, "video") == portOf(invite, "video"));
    CHECK(house.streams() == 2);
    house.fromOutside(withSdp(answerTo(invite, 200, "one"),
                              audioSdp(kPeerMedia, 30000) + "m=video 0 RTP/AVP 96\r\n"));
    house.takeInside();
    CHECK(house.streams() == 1);
}

TEST_CASE("the fork that answers without a word gets what it has said before", "[proxy]") {
    House house(withMedia());
    const auto two = audioSdp(kPhoneMedia, 4000) + "m=video 4002 RTP/AVP 96\r\n";
    house.fromInside(inviteWith(two));
    const auto invite = house.takeOutside();
    house.fromOutside(withSdp(answerTo(invite, 183, "one"),
                              audioSdp(kPeerMedia, 30000) + "m=video 0 RTP/AVP 96\r\n"));
    house.takeInside();
    house.fromOutside(withSdp(answerTo(invite, 183, "two"),
                              audioSdp(kPeerMedia, 30010) + "m=video 30012 RTP/AVP 96\r\n"));
    house.takeInside();
    const auto which = GENERATE(values<std::string>({"one", "two", "three"}));
    house.fromOutside(answerTo(invite, 200, which));
    house.takeInside();
    CHECK(house.streams() == (which == "one" ? 1 : 2));
    house.fromInside(fromAlice("BYE", "sip:bob@example.net", 2)
                         .set("To", "<sip:bob@example.net>;tag=" + which));
    LogSpy captured;
    house.fromOutside(answerTo(house.takeOutside(), 200, which));
    CHECK(captured.count("expected from 198.51.100.7:" +
                         std::string(which == "one" ? "30000" : "30010")) == 1);
}

TEST_CASE("media over TCP is refused, whatever it is", "[proxy]") {
    House house(withMedia());
    const auto protocol = GENERATE(values<std::string>(
        {"TCP/MSRP", "TCP/TLS/MSRP", "TCP/BFCP", "TCP/TLS/BFCP", "TCP/RTP/AVP", "tcp/dtls/sctp"}));
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000) + "m=application 9 " + protocol +
                                " *\r\na=path:x\r\n"));
    const auto invite = house.takeOutside();
    CHECK(invite.has("m=application 0 " + protocol + " *\r\na=path:x\r\n"));
    CHECK(house.streams() == 1);
}
