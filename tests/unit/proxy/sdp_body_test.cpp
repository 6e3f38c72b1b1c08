// SPDX-License-Identifier: GPL-2.0-or-later
#include "media_house.h"

using namespace siproxd;
using namespace siproxd::test;

namespace {

constexpr std::string_view kType = "multipart/mixed;boundary=\"cut here\"";

std::string part(const std::string& head, const std::string& text) {
    return "--cut here\r\n" + head + "\r\n" + text + "\r\n";
}

std::string sdpPart(const std::string& text, const std::string& more = "") {
    return part("Content-Type: application/sdp\r\n" + more, text);
}

const std::string kFirst = "preamble\r\n" + part("Content-Type: application/isup\r\n"
                                                 "Content-Disposition: signal;handling=optional\r\n",
                                                 "\x01\x02 c=IN IP4 192.0.2.9\r\n\xff");
const std::string kLast = part("", "m=audio 1 RTP/AVP 0") + "--cut here--\r\nepilogue";

sip::Message withParts(sip::Message message, const std::string& body) {
    message.setBody(kType, body);
    return message;
}

}  // namespace

TEST_CASE("the description in a body of parts is rewritten, the rest keeps its bytes", "[proxy]") {
    House house(withMedia());
    const auto offer = audioSdp(kPhoneMedia, 4000) + "a=x-keep: me \r\n";
    house.fromInside(inviteWith("").body(std::string(kType), kFirst + sdpPart(offer) + kLast));
    const auto invite = house.takeOutside();
    const auto port = portOf(invite);
    CHECK(isRelayPort(port));
    CHECK(showsNothingInside(invite));
    auto expected = offer;
    for (std::size_t at = 0; (at = expected.find(kPhoneMedia, at)) != std::string::npos;) {
        expected.replace(at, kPhoneMedia.size(), kPublic);
    }
    expected.replace(expected.find("4000"), 4, std::to_string(port));
    CHECK(invite.message.body() == kFirst + sdpPart(expected) + kLast);
    CHECK(invite.message.header("Content-Type") == kType);

    house.fromOutside(withParts(answerTo(invite, 200),
                                kFirst + sdpPart(audioSdp(kPeerMedia, 30000)) + kLast));
    const auto answer = house.takeInside();
    CHECK(portOf(answer) == port);
    CHECK(answer.line("c=") == "c=IN IP4 127.0.0.1");
    CHECK(answer.bytes.ends_with(kLast));
    CHECK(house.streams() == 1);
}

TEST_CASE("a description of an early session is refused, that of the session is not", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith("").body(
        std::string(kType),
        sdpPart(audioSdp(kPhoneMedia, 4000)) +
            sdpPart("v=0\r\no=- 1 1 IN IP4 10.0.0.10\r\ns=-\r\nc=IN IP4 10.0.0.10\r\nt=0 0\r\n"
                    "m=image 4010 udptl t38\r\n",
                    "Content-Disposition: early-session\r\n") +
            kLast));
    const auto invite = house.takeOutside();
    CHECK(isRelayPort(portOf(invite)));
    CHECK(portOf(invite, "image") == 0);
    CHECK(showsNothingInside(invite));
    CHECK(house.streams() == 1);
}

TEST_CASE("a body of parts without a description is no offer and passes as it is", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith("").body(std::string(kType), kFirst + kLast));
    const auto invite = house.takeOutside();
    CHECK(invite.message.body() == kFirst + kLast);
    CHECK(house.streams() == 1);  // in store for a late offer
}

TEST_CASE("a body of parts that cannot be read for sure is answered 400", "[proxy]") {
    House house(withMedia());
    const auto body = GENERATE(values<std::string>({
        sdpPart(audioSdp(kPhoneMedia, 4000)) + sdpPart(audioSdp(kPhoneMedia, 4002)) + kLast,
        sdpPart(audioSdp(kPhoneMedia, 4000)),
        sdpPart("v=0\r\nnonsense\r\n") + kLast,
    }));
    house.fromInside(inviteWith("").body(std::string(kType), body));
    CHECK(house.takeOne().message.status() == 400);
    CHECK(house.isQuiet());
}

TEST_CASE("in an answer that cannot be used every description is refused", "[proxy]") {
    House house(withMedia());
    house.fromInside(inviteWith(audioSdp(kPhoneMedia, 4000)));
    house.fromOutside(withParts(answerTo(house.takeOutside(), 200),
                                kFirst + sdpPart(audioSdp("127.0.0.53", 5000)) + kLast));
    const auto answer = house.takeInside();
    CHECK(answer.message.status() == 200);
    CHECK(portOf(answer) == 0);
    CHECK(answer.bytes.ends_with(kLast));
}

TEST_CASE("outside of calls descriptions in parts show nothing of the inside", "[proxy]") {
    House house(withMedia());
    const auto contact = house.enrol();
    house.fromOutside(forAlice("OPTIONS", contact.toString()));
    house.fromInside(withParts(answerTo(house.takeOne(), 200),
                               sdpPart(audioSdp(kPhoneMedia, 4000)) + kLast));
    const auto out = house.takeOne();
    CHECK(showsNothingInside(out));
    CHECK(out.bytes.ends_with(kLast));
}
