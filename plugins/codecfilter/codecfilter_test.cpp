// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/plugin/bench.h"

using namespace siproxd;
using plugin::Direction;
using test::option;

extern "C" const siproxd_plugin plugin_codecfilter_LTX_siproxd_plugin;

namespace {

using Values = std::vector<std::string>;

const std::string kTop =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

struct Fixture {
    explicit Fixture(const Values& words) {
        std::vector<config::PluginOption> lines;
        for (const auto& word : words) {
            lines.push_back(option("plugin_codecfilter_blacklist", word));
        }
        REQUIRE(chain.add(plugin_codecfilter_LTX_siproxd_plugin, std::move(lines)));
    }

    /// What becomes of a body.
    std::string run(const std::string& body, const std::string& type = "application/sdp",
                    Direction direction = Direction::RequestOutgoing) {
        auto message = test::request();
        message.setBody(type, body);
        test::Shown shown(std::move(message), direction);
        CHECK(chain.run(plugin::Stage::PreProxy, shown.context).goesOn());
        return std::string(shown.message.body());
    }

    /// The same for the streams of a description.
    std::string streams(const std::string& text) {
        const auto body = run(kTop + text);
        REQUIRE(body.starts_with(kTop));
        return body.substr(kTop.size());
    }

    test::FakeLoop loop;
    plugin::Chain chain{loop};
};

}  // namespace

TEST_CASE("a codec goes with its number and all that is said of it", "[plugin_codecfilter]") {
    Fixture f({"ilbc", "G722/"});
    CHECK(f.streams("m=audio 4000 RTP/AVP 8 97 9 101\r\n"
                    "a=rtpmap:8 PCMA/8000\r\n"
                    "a=rtpmap:97 iLBC/8000\r\n"
                    "a=fmtp:97 mode=30\r\n"
                    "a=RTCP-FB:97 nack\r\n"
                    "a=rtcp-fb:* nack\r\n"
                    "a=rtpmap:101 telephone-event/8000\r\n"
                    "a=fmtp:101 0-15\r\n"
                    "a=sendrecv\r\n") == "m=audio 4000 RTP/AVP 8 101\r\n"
                                         "a=rtpmap:8 PCMA/8000\r\n"
                                         "a=rtcp-fb:* nack\r\n"
                                         "a=rtpmap:101 telephone-event/8000\r\n"
                                         "a=fmtp:101 0-15\r\n"
                                         "a=sendrecv\r\n");
}

TEST_CASE("numbers that need no name are known by it", "[plugin_codecfilter]") {
    const auto [word, left] = GENERATE(table<std::string, std::string>({
        {"PCMU", "8 18 9 3"},
        {"pcma", "0 18 9 3"},
        {"G729", "0 8 9 3"},
        {"G722", "0 8 18 3"},
        {"gsm/8000", "0 8 18 9"},
        {"opus", "0 8 18 9 3"},
    }));
    INFO(word);
    Fixture f({word});
    CHECK(f.streams("m=audio 4000 RTP/AVP 0 8 18 9 3\n") == "m=audio 4000 RTP/AVP " + left + "\n");
}

TEST_CASE("the name that is said counts, not the usual one", "[plugin_codecfilter]") {
    Fixture f({"G729", "97 "});
    CHECK(f.streams("m=audio 4000 RTP/SAVPF 18 0 97\r\na=rtpmap:18 X-OWN/8000\r\n"
                    "a=rtpmap:97 opus/48000/2\r\n") ==
          "m=audio 4000 RTP/SAVPF 18 0\r\na=rtpmap:18 X-OWN/8000\r\n");
}

TEST_CASE("what is removed in one stream stays in another", "[plugin_codecfilter]") {
    Fixture f({"VP8"});
    CHECK(f.streams("m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\n"
                    "m=video 4002 RTP/AVP 96 97 98 99\r\na=rtpmap:96 VP8/90000\r\n"
                    "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96;rtx-time=9\r\n"
                    "a=rtpmap:98 H264/90000\r\n"
                    "a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n") ==
          "m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\n"
          "m=video 4002 RTP/AVP 98 99\r\n"
          "a=rtpmap:98 H264/90000\r\n"
          "a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n");
}

TEST_CASE("a stream without any other codec is refused while others stay", "[plugin_codecfilter]") {
    const test::LogSpy spy;
    Fixture f({"H264"});
    const std::string video = "RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n";
    CHECK(f.streams("m=audio 4000 RTP/AVP 0\r\nm=video 4002 " + video) ==
          "m=audio 4000 RTP/AVP 0\r\nm=video 0 " + video);
    CHECK(f.run(kTop + "a=group:BUNDLE 0 1\r\nm=audio 4000 RTP/AVP 0\r\na=mid:0\r\nm=video 4000 " +
                video + "a=mid:1\r\n") ==
          kTop + "a=group:BUNDLE 0\r\nm=audio 4000 RTP/AVP 0\r\na=mid:0\r\nm=video 0 " + video +
              "a=mid:1\r\n");
    CHECK_FALSE(spy.has("no codec but unwanted ones"));
}

TEST_CASE("a call keeps its only codec, whatever that is", "[plugin_codecfilter]") {
    const test::LogSpy spy;
    Fixture f({"PCMA", "H264"});
    const auto* text =
        GENERATE("m=audio 4000 RTP/AVP 8\r\n",
                 // Nobody can be heard by keys and silence.
                 "m=audio 4000 RTP/AVP 8 13 101\r\na=rtpmap:101 telephone-event/8000\r\n",
                 "m=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n");
    CHECK(f.streams(text) == text);
    CHECK(
        spy.hasLine("plugin_codecfilter: a call has no codec but unwanted ones, which are left in "
                    "[CID: c1@192.168.1.10]"));
}

TEST_CASE("the stream whose transport others use is not refused", "[plugin_codecfilter]") {
    const test::LogSpy spy;
    Fixture f({"H264"});
    const std::string body = kTop + "a=group:BUNDLE v a\r\nm=video 4000 RTP/AVP 99\r\n"
                                    "a=rtpmap:99 H264/90000\r\na=mid:v\r\n"
                                    "m=audio 4000 RTP/AVP 0\r\na=mid:a\r\n";
    CHECK(f.run(body) == body);
    CHECK(spy.has("no codec but unwanted ones"));
}

TEST_CASE("streams that carry no RTP or are refused stay", "[plugin_codecfilter]") {
    Fixture f({"PCMU", "t38", "8000"});
    const auto* text = GENERATE("m=image 4000 udptl t38\r\n", "m=message 9 TCP/MSRP 0\r\n",
                                "m=audio 0 RTP/AVP 0\r\n", "m=audio 4000 RTP/AVP 0 8",
                                "m=audio\r\n", "m=\r\n", "a=rtpmap:0 PCMU/8000\r\n");
    INFO(text);
    CHECK(f.streams(text) == text);
}

TEST_CASE("a description within a multipart body is filtered alone", "[plugin_codecfilter]") {
    Fixture f({"PCMU"});
    const auto [inner, type] = GENERATE(table<std::string, std::string>({
        {"m=audio 4000 RTP/AVP 8", "multipart/mixed; boundary=\"b 1\""},
        {"m=audio 4000 RTP/AVP 8", "Multipart/Related;type=\"a;b\";BOUNDARY=\"b 1\""},
        {"m=audio 4000 RTP/AVP 0 8", "multipart/signed;boundary=\"b 1\""},
        {"m=audio 4000 RTP/AVP 0 8", "multipart/mixed"},
    }));
    const auto body = [](const std::string& stream) {
        return "--b 1\r\nContent-Type: text/plain\r\n\r\nm=audio 4000 RTP/AVP 0 8\r\n"
               "--b 1\r\nContent-Type:\r\n application/sdp\r\n\r\n" +
               kTop + stream + "\r\n--b 1--\r\nm=audio 4000 RTP/AVP 0 8\r\n";
    };
    INFO(type);
    CHECK(f.run(body("m=audio 4000 RTP/AVP 0 8"), type) == body(inner));
}

TEST_CASE("parts within parts, and what is encoded", "[plugin_codecfilter]") {
    Fixture f({"PCMU"});
    const auto body = [](const std::string& stream, const std::string& header = "") {
        return "--a\r\nContent-Type: multipart/alternative; boundary=aa\r\n\r\n"
               "--aa\r\nContent-Type: application/sdp\r\n" +
               header + "\r\n" + stream + "\r\n--aa--\r\n--a--\r\n";
    };
    CHECK(f.run(body("m=audio 4000 RTP/AVP 0 8"), "multipart/mixed;boundary=a") ==
          body("m=audio 4000 RTP/AVP 8"));
    const auto encoded = body("m=audio 4000 RTP/AVP 0 8", "Content-Transfer-Encoding: base64\r\n");
    CHECK(f.run(encoded, "multipart/mixed;boundary=a") == encoded);
}

TEST_CASE("all messages with a description are filtered, and none without",
          "[plugin_codecfilter]") {
    Fixture f({"PCMU"});
    const auto direction = GENERATE(Direction::RequestOutgoing, Direction::RequestIncoming,
                                    Direction::ResponseIncoming, Direction::Unknown);
    const std::string body = kTop + "m=audio 4000 RTP/AVP 0 8\r\n";
    CHECK(f.run(body, "application/SDP;x=1", direction) == kTop + "m=audio 4000 RTP/AVP 8\r\n");
    CHECK(f.run(body, "application/sdpx", direction) == body);
    CHECK(f.run(body, "text/plain", direction) == body);
}

TEST_CASE("codecfilter without codecs says so", "[plugin_codecfilter]") {
    const test::LogSpy spy;
    Fixture f({});
    CHECK(spy.has("plugin_codecfilter has nothing to do"));
    CHECK(f.streams("m=audio 4000 RTP/AVP 0 8\r\n") == "m=audio 4000 RTP/AVP 0 8\r\n");
}

TEST_CASE("a codec without a name is refused, with its line", "[plugin_codecfilter]") {
    test::FakeLoop loop;
    plugin::Chain chain(loop);
    const test::LogSpy spy;
    CHECK_FALSE(chain.add(plugin_codecfilter_LTX_siproxd_plugin,
                          {option("plugin_codecfilter_blacklist", "G729", 3),
                           option("plugin_codecfilter_blacklist", "", 4)}));
    CHECK(
        spy.has("siproxd.conf:4: plugin_codecfilter_blacklist = : the name of a codec is needed"));
}
