// SPDX-License-Identifier: GPL-2.0-or-later
#include "sdp/session.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using test::ip;

namespace {

sdp::Session read(std::string_view body) {
    auto session = sdp::Session::parse(body);
    REQUIRE(session);
    return std::move(*session);
}

}  // namespace

TEST_CASE("what is not edited comes out byte for byte", "[sdp]") {
    const auto body = GENERATE(values<std::string>({
        "v=0\r\n",
        "v=0",
        "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n",
        "v=0\r\no=a b c 1 1 IN IP4 host.example\r\ns= \r\nc=IN  IP4\t192.0.2.1 \r\nt=0 0\n"
        "m=audio  4000   RTP/AVP 0 \r\na=x:\xc3\xa4\r\nz=whatever\r\n\r\n",
        "v=0\r\nc=IN IP4 224.2.1.1/127/3\r\nm=video 49170/2 RTP/AVP 31\r\na=sendrecv",
    }));
    CAPTURE(body);
    CHECK(read(body).toString() == body);
}

TEST_CASE("addresses and ports are edited in place", "[sdp]") {
    auto session = read(
        "v=0\r\n"
        "o=alice 1 1 IN IP4 192.168.1.10\r\n"
        "s=-\r\n"
        "c=IN IP4 192.168.1.10\r\n"
        "t=0 0\r\n"
        "m=audio 4000 RTP/AVP 8 101\r\n"
        "a=rtcp:4001 IN IP4 192.168.1.10\r\n"
        "a=candidate:1 1 UDP 2130706431 192.168.1.10 4000 typ host\r\n"
        "a=sendrecv\r\n"
        "m=video 5000 RTP/AVP 99\r\n"
        "i=camera\r\n"
        "a=ice-ufrag:abcd\r\n"
        "a=Candidate:1 1 UDP 1 192.168.1.10 5000 typ host\r\n"
        "a=end-of-candidates\r\n"
        "a=rtpmap:99 H264/90000\r\n");
    session.setOrigin(ip("203.0.113.1"));
    CHECK(session.top().replaceConnection(ip("203.0.113.1")));
    session.media()[0].setPort(7070);
    session.media()[0].setRtcp(7071);
    session.media()[1].setPort(17072);
    session.media()[1].setConnection(ip("203.0.113.2"));
    session.media()[1].setRtcp(17073, ip("203.0.113.2"));
    session.removeIce();
    CHECK(session.media()[0].port() == 7070);
    CHECK(session.toString() ==
          "v=0\r\n"
          "o=alice 1 1 IN IP4 203.0.113.1\r\n"
          "s=-\r\n"
          "c=IN IP4 203.0.113.1\r\n"
          "t=0 0\r\n"
          "m=audio 7070 RTP/AVP 8 101\r\n"
          "a=rtcp:7071\r\n"
          "a=sendrecv\r\n"
          "m=video 17072 RTP/AVP 99\r\n"
          "i=camera\r\n"
          "c=IN IP4 203.0.113.2\r\n"
          "a=rtpmap:99 H264/90000\r\n"
          "a=rtcp:17073 IN IP4 203.0.113.2\r\n");
}

TEST_CASE("an address of the other family changes the address type", "[sdp]") {
    auto session = read(
        "v=0\no=- 1 1 IN IP4 192.168.1.10\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\n"
        "m=audio 4000 RTP/AVP 8\nc=IN IP4 192.168.1.10/127\n");
    session.setOrigin(ip("2001:db8::1"));
    session.top().replaceConnection(ip("2001:db8::1"));
    session.media()[0].setConnection(ip("2001:db8::1"));
    CHECK(session.toString() ==
          "v=0\no=- 1 1 IN IP6 2001:db8::1\ns=-\nc=IN IP6 2001:db8::1\nt=0 0\n"
          "m=audio 4000 RTP/AVP 8\nc=IN IP6 2001:db8::1\n");
    session.setOrigin(ip("192.0.2.1"));
    CHECK(session.origin()->family == base::Family::V4);
}

TEST_CASE("every c= and o= of a section is replaced, wherever it stands", "[sdp]") {
    auto session = read(
        "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n"
        "c=IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.2\r\no=- 1 1 IN IP4 10.0.0.3\r\n");
    session.setOrigin(ip("192.0.2.1"));
    session.media()[0].setConnection(ip("192.0.2.1"));
    CHECK(session.toString().find("10.0.0.") == std::string::npos);
}

TEST_CASE("lines are added at the end of a section, in front of stray empty lines", "[sdp]") {
    const std::string head = "v=0\r\nc=IN IP4 192.0.2.1\r\n";
    SECTION("a body without a last line end") {
        auto session = read(head + "m=audio 4000 RTP/AVP 8");
        session.media()[0].setRtcp(7071);
        CHECK(session.toString() == head + "m=audio 4000 RTP/AVP 8\r\na=rtcp:7071");
    }
    SECTION("a body with empty lines behind it") {
        auto session = read(head + "m=audio 4000 RTP/AVP 8\r\n\r\n");
        session.media()[0].setRtcp(7071);
        CHECK(session.toString() == head + "m=audio 4000 RTP/AVP 8\r\na=rtcp:7071\r\n\r\n");
    }
    SECTION("the first of two sections") {
        auto session = read(head + "m=audio 4000 RTP/AVP 8\r\nm=audio 0 RTP/AVP 8\r\n");
        session.media()[0].set("rtcp-mux", "");
        CHECK(session.toString() ==
              head + "m=audio 4000 RTP/AVP 8\r\na=rtcp-mux\r\nm=audio 0 RTP/AVP 8\r\n");
    }
}

TEST_CASE("attributes can be replaced and removed by name or by what they say", "[sdp]") {
    auto session = read(
        "v=0\r\nc=IN IP4 192.0.2.1\r\na=group:BUNDLE 0 1\r\nm=audio 4000 RTP/AVP 8\r\n"
        "a=x:1\r\na=y:1\r\na=X:2\r\na=source-filter: incl IN IP4 * 10.0.0.1\r\n");
    auto& media = session.media()[0];
    media.set("x", "3");
    CHECK(media.values("x") == std::vector<std::string_view>{"3"});
    CHECK(media.remove("y") == 1);
    CHECK(media.removeIf([](std::string_view, std::string_view value) {
              return value.find("10.0.0.1") != std::string_view::npos;
          }) == 1);
    CHECK(session.top().value("group") == "BUNDLE 0 1");
    CHECK(session.top().remove("group") == 1);
    CHECK(session.toString() ==
          "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\na=x:3\r\n");
}

TEST_CASE("a session description survives being moved", "[sdp]") {
    const std::string body = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n";
    auto first = read(body);
    first.media()[0].setPort(1);
    const sdp::Session second = std::move(first);
    CHECK(second.toString() == "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 8\r\n");
}
