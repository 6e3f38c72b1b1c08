// SPDX-License-Identifier: GPL-2.0-or-later
#include "sdp/session.h"
#include "support/catch.h"

using namespace siproxd;
using sdp::Direction;

namespace {

const std::string kOffer =
    "v=0\r\n"
    "o=alice 2890844526 2890844526 IN IP4 192.168.1.10\r\n"
    "s=-\r\n"
    "c=IN IP4 192.168.1.10\r\n"
    "t=0 0\r\n"
    "a=sendonly\r\n"
    "m=audio 4000 RTP/AVP 8 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=rtcp:4001 IN IP4 192.168.1.10\r\n"
    "a=candidate:1 1 UDP 2130706431 192.168.1.10 4000 typ host\r\n"
    "a=rtcp-mux\r\n"
    "m=video 5000/2 RTP/SAVPF 99\r\n"
    "c=IN IP6 2001:db8::5\r\n"
    "a=recvonly\r\n"
    "m=image 0 udptl t38\r\n";

sdp::Session read(std::string_view body) {
    auto session = sdp::Session::parse(body);
    REQUIRE(session);
    return std::move(*session);
}

std::string bodyOf(std::string_view rest) {
    return "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" +
           std::string(rest);
}

}  // namespace

TEST_CASE("a session description tells its addresses and media", "[sdp]") {
    const auto session = read(kOffer);
    CHECK(session.origin()->host == "192.168.1.10");
    CHECK(session.origin()->family == base::Family::V4);
    CHECK(session.top().connection()->host == "192.168.1.10");
    REQUIRE(session.media().size() == 3);

    const auto& audio = session.media()[0];
    CHECK(audio.type() == "audio");
    CHECK(audio.port() == 4000);
    CHECK(audio.portCount() == 1);
    CHECK(audio.protocol() == "RTP/AVP");
    CHECK(audio.formats() == std::vector<std::string_view>{"8", "101"});
    CHECK(audio.isRtp());
    CHECK_FALSE(audio.connection());
    CHECK(session.connectionOf(audio)->host == "192.168.1.10");
    CHECK(audio.rtcpMux());
    CHECK(audio.hasIce());
    CHECK(audio.value("rtpmap") == "8 PCMA/8000");

    const auto& video = session.media()[1];
    CHECK(video.portCount() == 2);
    CHECK(session.connectionOf(video)->ip() == base::IpAddress::parse("2001:db8::5"));
    CHECK_FALSE(video.hasIce());

    const auto& fax = session.media()[2];
    CHECK(fax.port() == 0);
    CHECK_FALSE(fax.isRtp());
    CHECK(fax.isUdp());
    CHECK(session.hasIce());
}

TEST_CASE("a=rtcp is read with and without an address", "[sdp]") {
    struct Case {
        std::string line;
        bool readable;
        std::uint16_t port;
        std::string host;
    };
    const auto c = GENERATE(values<Case>({
        {"a=rtcp:4001", true, 4001, ""},
        {"a=rtcp:4001 IN IP4 192.0.2.7", true, 4001, "192.0.2.7"},
        {"a=RTCP:4001 IN IP6 2001:db8::7", true, 4001, "2001:db8::7"},
        {"a=rtcp:", false, 0, ""},
        {"a=rtcp:70000", false, 0, ""},
        {"a=rtcp:4001 IN IP5 x", false, 0, ""},
        {"a=rtcp-fb:1 nack", false, 0, ""},
    }));
    CAPTURE(c.line);
    const auto session = read(bodyOf("m=audio 4000 RTP/AVP 8\r\n" + c.line + "\r\n"));
    const auto rtcp = session.media()[0].rtcp();
    REQUIRE(rtcp.has_value() == c.readable);
    if (rtcp) {
        CHECK(rtcp->port == c.port);
        CHECK((rtcp->address ? rtcp->address->host : "") == c.host);
    }
}

TEST_CASE("the direction of a media is its own, else the session's, else sendrecv", "[sdp]") {
    const auto session = read(kOffer);
    CHECK(session.directionOf(session.media()[0]) == Direction::SendOnly);
    CHECK(session.directionOf(session.media()[1]) == Direction::RecvOnly);
    const auto plain = read(bodyOf("m=audio 4000 RTP/AVP 8\r\n"));
    CHECK(plain.directionOf(plain.media()[0]) == Direction::SendRecv);
}

TEST_CASE("hold is recognised in all its spellings", "[sdp]") {
    const std::string media = "m=audio 4000 RTP/AVP 8\r\n";
    const auto held = [](const sdp::Session& session) {
        return session.isHeld(session.media()[0]);
    };
    CHECK_FALSE(held(read(bodyOf(media))));
    CHECK_FALSE(held(read(bodyOf(media + "a=sendrecv\r\n"))));
    CHECK(held(read(bodyOf(media + "a=sendonly\r\n"))));
    CHECK(held(read(bodyOf(media + "a=recvonly\r\n"))));
    CHECK(held(read(bodyOf(media + "a=inactive\r\n"))));
    CHECK(held(read(bodyOf(media + "c=IN IP4 0.0.0.0\r\n"))));
    CHECK(held(read(bodyOf(media + "c=IN IP6 ::\r\n"))));
}

TEST_CASE("secure and AVPF profiles count as RTP, TCP ones do not", "[sdp]") {
    const auto rtp = [](const std::string& protocol) {
        return read(bodyOf("m=audio 4000 " + protocol + " 8\r\n")).media()[0].isRtp();
    };
    CHECK(rtp("RTP/AVP"));
    CHECK(rtp("RTP/SAVP"));
    CHECK(rtp("UDP/TLS/RTP/SAVPF"));
    CHECK_FALSE(rtp("TCP/RTP/AVP"));
    CHECK_FALSE(rtp("udptl"));
    CHECK_FALSE(rtp("TCP/MSRP"));
}

TEST_CASE("a body that is not a session description is refused", "[sdp]") {
    const auto body = GENERATE(values<std::string>({
        "",
        "\r\n",
        "hello",
        "v=1\r\n",
        "o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n",
        "v=0\r\nnonsense\r\n",
        "v=0\r\n c=IN IP4 192.0.2.1\r\n",
        "v=0\r\nC=IN IP4 192.0.2.1\r\n",
        "v=0\r\n\r\ns=-\r\n",
        "v=0\r\nc=IN IP4\r\n",
        "v=0\r\nc=\r\n",
        "v=0\r\nc=ATM NSAP 47\r\n",
        "v=0\r\nc=IN IP7 x\r\n",
        "v=0\r\no=- 1 1\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio x RTP/AVP 0\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 65536 RTP/AVP 0\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio -1 RTP/AVP 0\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000/0 RTP/AVP 0\r\n",
        "v=0\r\nm=audio 4000 RTP/AVP 0\r\n",
        "v=0\r\ns=a\rc=IN IP4 192.0.2.1\r\n",
        std::string("v=0\r\ns=a\0b\r\n", 12),
        std::string("v=0\r\n\0=\r\n", 9),
    }));
    CAPTURE(body);
    CHECK_FALSE(sdp::Session::parse(body));
}

TEST_CASE("a refused media needs no address", "[sdp]") {
    CHECK(sdp::Session::parse("v=0\r\nm=audio 0 RTP/AVP 0\r\n"));
}

TEST_CASE("size, lines and media are bounded", "[sdp]") {
    std::string lines = bodyOf("");
    for (int i = 0; i < 1100; ++i) {
        lines += "a=x\r\n";
    }
    CHECK_FALSE(sdp::Session::parse(lines));

    std::string media = bodyOf("");
    for (int i = 0; i < 32; ++i) {
        media += "m=audio 4000 RTP/AVP 0\r\n";
    }
    CHECK(sdp::Session::parse(media));
    CHECK_FALSE(sdp::Session::parse(media + "m=audio 4000 RTP/AVP 0\r\n"));

    CHECK_FALSE(sdp::Session::parse(bodyOf("a=x:" + std::string(70000, 'y') + "\r\n")));
}

TEST_CASE("rtpmap lines are read, and those that make no sense passed over", "[sdp]") {
    const auto session = sdp::Session::parse(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        "m=audio 4000 RTP/AVP 8 96 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:96  opus/48000/2\r\n"
        "a=rtpmap:128 x/8000\r\na=rtpmap:97 x\r\na=rtpmap:98 x/0\r\na=rtpmap:99 /8000\r\n"
        "a=rtpmap:100 x/99999999999\r\na=rtpmap:\r\na=rtpmap:1a x/8000\r\n");
    REQUIRE(session);
    const auto maps = session->media().front().rtpMaps();
    REQUIRE(maps.size() == 2);
    CHECK(maps[0].type == 8);
    CHECK(maps[0].name == "PCMA");
    CHECK(maps[0].clock == 8000);
    CHECK(maps[1].type == 96);
    CHECK(maps[1].name == "opus");
    CHECK(maps[1].clock == 48000);
}

TEST_CASE("members of a bundle with one address share the transport of the first", "[sdp]") {
    struct Case {
        std::string top;
        std::string media;
        std::vector<std::size_t> carriers;
    };
    const std::string audio = "m=audio 4000 RTP/AVP 8\r\na=mid:a\r\n";
    const std::string video = "m=video 4000 RTP/AVP 99\r\na=mid:v\r\n";
    const std::string apart = "m=video 4002 RTP/AVP 99\r\na=mid:v\r\n";
    const std::string none = "m=video 0 RTP/AVP 99\r\na=mid:v\r\n";
    const std::string elsewhere = video + "c=IN IP4 192.0.2.2\r\n";
    const auto c = GENERATE_COPY(values<Case>({
        {"", audio + video, {0, 1}},
        {"a=group:BUNDLE a v\r\n", audio + video, {0, 0}},
        {"a=group:bundle  v a \r\n", audio + video, {1, 1}},
        {"a=group:BUNDLE a v\r\n", audio + apart, {0, 1}},
        {"a=group:BUNDLE a v\r\n", audio + elsewhere, {0, 1}},
        {"a=group:BUNDLE v a\r\n", audio + none, {0, 1}},
        {"a=group:LS a v\r\n", audio + video, {0, 1}},
        {"a=group:BUNDLE a\r\n", audio + video, {0, 1}},
        {"a=group:BUNDLE a x v v a\r\n", audio + video, {0, 0}},
        {"a=group:BUNDLE\r\na=group:\r\na=group\r\n", audio + video, {0, 1}},
        {"a=group:BUNDLE a\r\na=group:BUNDLE v a\r\n", audio + video, {0, 1}},
    }));
    CAPTURE(c.top, c.media);
    CHECK(read(bodyOf(c.top + c.media)).carriers() == c.carriers);
}
