// SPDX-License-Identifier: GPL-2.0-or-later
#include "media_house.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

HouseOptions withMode(const std::string& mode) {
    auto options = withMedia();
    options.proxy.proxy.rtpProxyMode = mode;
    return options;
}

/// bob is registered with us; alice calls him. What bob gets.
Sent callNeighbour(House& house) {
    house.fromInside(Draft("REGISTER sip:home.example SIP/2.0")
                         .add("Via", "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-bob")
                         .add("From", "<sip:bob@home.example>;tag=r")
                         .add("To", "<sip:bob@home.example>")
                         .add("Call-ID", "bob1")
                         .add("CSeq", "1 REGISTER")
                         .add("Contact", "<sip:bob@10.0.0.11>"),
                     kPhone2);
    REQUIRE(house.takeOne().message.status() == 200);
    house.fromInside(fromAlice("INVITE", "sip:bob@home.example").sdp(audioSdp(kPhoneMedia, 4000)));
    return house.takeOne();
}

}  // namespace

TEST_CASE("the mode of a call is that of its user's domain", "[proxy]") {
    config::ProxySettings settings;
    CHECK(proxy::relayModeOf(settings, "example.org") == proxy::RelayMode::External);
    settings.rtpProxyMode = "all";
    settings.rtpProxyDomains = {{"Example.org", "off", {}}, {"example.org", "all", {}},
                                {"example.net", "external", {}}};
    CHECK(proxy::relayModeOf(settings, "example.org") == proxy::RelayMode::Off);
    CHECK(proxy::relayModeOf(settings, "example.NET") == proxy::RelayMode::External);
    CHECK(proxy::relayModeOf(settings, "example.com") == proxy::RelayMode::All);
}

TEST_CASE("rtp_proxy_mode = off leaves the descriptions of a call alone", "[proxy]") {
    House house(withMode("off"));
    OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
    CHECK(call.invite.message.body() == audioSdp(kPhoneMedia, 4000));
    CHECK(call.answer->message.body() == audioSdp(kPeerMedia, 30000));
    CHECK(house.streams() == 0);
    house.loop.advance(400s);
    CHECK(house.proxy->callCount() == 1);
}

TEST_CASE("a domain may have its own mode, whichever way its users are called", "[proxy]") {
    auto options = withMedia();
    options.proxy.proxy.rtpProxyDomains = {{"example.org", "off", {}}};
    House house(std::move(options));
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000)));
    CHECK(house.takeOutside().message.body() == audioSdp(kPhoneMedia, 4000));
    // To names us instead of the domain.
    const auto contact = house.enrol();
    house.fromOutside(forAlice("INVITE", contact.toString())
                          .set("To", "<sip:alice@203.0.113.1>")
                          .sdp(audioSdp(kPeerMedia, 30000)));
    CHECK(house.takeInside().message.body() == audioSdp(kPeerMedia, 30000));
    CHECK(house.streams() == 0);

    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000), 2)
                         .set("From", "<sip:carol@example.com>;tag=c1"));
    CHECK(isRelayPort(portOf(house.takeOutside())));
}

TEST_CASE("a running call keeps the mode that it has begun with", "[proxy]") {
    House house(withMedia());
    OutgoingCall call(house, audioSdp(kPhoneMedia, 4000), audioSdp(kPeerMedia, 30000));
    proxy::Options options;
    options.proxy.rtpProxyMode = "off";
    house.proxy->setOptions(options);
    house.fromInside(call.within("INVITE", 2).sdp(audioSdp(kPhoneMedia, 4000)));
    CHECK(portOf(house.takeOutside()) == portOf(call.invite));
}

TEST_CASE("the media of neighbours is relayed only when that of all is", "[proxy]") {
    const auto mode = GENERATE(values<std::string>({"off", "external", "all"}));
    auto options = withMode(mode);
    options.proxy.registrar.domains = {"home.example"};
    House house(std::move(options));
    const auto invite = callNeighbour(house);
    house.fromInside(withSdp(answerTo(invite, 200), audioSdp("10.0.0.11", 5000)), kPhone2);
    const auto answer = house.takeOne();
    if (mode != "all") {
        CHECK(invite.message.body() == audioSdp(kPhoneMedia, 4000));
        CHECK(answer.message.body() == audioSdp("10.0.0.11", 5000));
        CHECK(house.streams() == 0);
        return;
    }
    CHECK(isRelayPort(portOf(invite)));
    CHECK(isRelayPort(portOf(answer)));
    CHECK(portOf(invite) != portOf(answer));
    CHECK(invite.line("c=") == "c=IN IP4 127.0.0.1");
    CHECK(answer.line("c=") == "c=IN IP4 127.0.0.1");
    CHECK(house.streams() == 1);
}

namespace {

/// alice calls bob, both inside at one provider that passes all on as it is; the call comes back.
struct Returning {
    explicit Returning(House& theHouse, const std::string& callId = "out1",
                       const std::string& tag = "a1")
        : house(theHouse) {
        const auto bob =
            house.enrol(registration("bob", "example.net", "10.0.0.11:5060"), kPhone2);
        house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000)));
        out = std::make_unique<Sent>(house.takeOutside());
        house.fromOutside(forAlice("INVITE", bob.toString())
                              .set("From", "<sip:alice@example.org>;tag=" + tag)
                              .set("To", "<sip:bob@example.net>")
                              .set("Call-ID", callId)
                              .sdp(std::string(out->message.body())));
        back = std::make_unique<Sent>(house.takeInside());
    }
    /// bob's answer as alice gets it.
    Sent answer() {
        auto ok = withSdp(answerTo(*back, 200), audioSdp("10.0.0.11", 5000));
        ok.addHeader("Contact", "<sip:bob@10.0.0.11>");
        house.fromInside(ok, kPhone2);
        answerBack = std::make_unique<Sent>(house.takeOutside());
        house.fromOutside(withSdp(answerTo(*out, 200), std::string(answerBack->message.body())));
        return house.takeInside();
    }

    House& house;
    std::unique_ptr<Sent> out;
    std::unique_ptr<Sent> back;
    std::unique_ptr<Sent> answerBack;
};

}  // namespace

TEST_CASE("neighbours whose call goes round by the provider send their media to each other",
          "[proxy]") {
    House house(withMedia());
    Returning call(house);
    CHECK(isRelayPort(portOf(*call.out)));
    CHECK(call.back->line("m=audio") == "m=audio 4000 RTP/AVP 8");
    // For the session, and nowhere else: there are phones that do not look further.
    CHECK(call.back->line("c=") == "c=IN IP4 10.0.0.10");
    const auto body = call.back->message.body();
    CHECK(body.find("\r\nc=") == body.rfind("\r\nc="));
    const auto answer = call.answer();
    CHECK(showsNothingInside(*call.answerBack));
    CHECK(portOf(answer) == 5000);
    CHECK(answer.has("c=IN IP4 10.0.0.11"));
    // Nothing is to be heard by us.
    house.loop.advance(400s);
    CHECK(house.proxy->callCount() == 2);
}

TEST_CASE("the media of others, or of all calls, keeps to the relays", "[proxy]") {
    auto options = withMedia();
    const int which = GENERATE(0, 1, 2);
    options.proxy.proxy.rtpProxyMode = which == 0 ? "all" : "external";
    House house(std::move(options));
    Returning call(house, which == 1 ? "another" : "out1", which == 2 ? "other" : "a1");
    CHECK(isRelayPort(portOf(*call.back)));
    CHECK(call.back->line("c=") == "c=IN IP4 127.0.0.1");
    CHECK(isRelayPort(portOf(call.answer())));
}
