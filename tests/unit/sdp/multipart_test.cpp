// SPDX-License-Identifier: GPL-2.0-or-later
#include "sdp/multipart.h"
#include "support/catch.h"

using namespace siproxd;

namespace {

const std::string kType = "multipart/mixed;boundary=cut";
const std::string kSdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n";

/// A part with these header lines.
std::string part(const std::string& head, const std::string& text = kSdp,
                 const std::string& boundary = "cut") {
    return "--" + boundary + "\r\n" + head + "\r\n" + text + "\r\n";
}

std::string sdpPart(const std::string& more = "") {
    return part("Content-Type: application/sdp\r\n" + more);
}

const std::string kOther = part("Content-Type: application/vnd.x\r\n", "v=0 \x01\xff\r\n\r\n--cu");

/// The descriptions that are found, as texts; `early` ones with a mark.
std::vector<std::string> found(const std::string& type, const std::string& body) {
    const auto places = sdp::findDescriptions(type, body);
    if (!places) {
        FAIL(places.error().message);
    }
    std::vector<std::string> texts;
    for (const auto& place : *places) {
        texts.push_back((place.isSession ? "" : "not: ") + body.substr(place.begin, place.size));
    }
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a body that is one description is found as a whole", "[sdp]") {
    CHECK(found("application/sdp", kSdp) == Texts{kSdp});
    CHECK(found("Application / SDP ;charset=utf-8", kSdp) == Texts{kSdp});
    CHECK(found("application/sdp", "").empty());
    CHECK(found("text/plain", kSdp).empty());
    CHECK(found("", kSdp).empty());
    CHECK(found("multipart/signed;boundary=cut", sdpPart() + "--cut--\r\n").empty());
}

TEST_CASE("a description is found in the parts of a body", "[sdp]") {
    const auto type = GENERATE(values<std::string>({
        "multipart/mixed;boundary=cut",
        "multipart/related ; type=\"application/sdp\" ; boundary = \"cut\"",
        "Multipart/Alternative;BOUNDARY=\"c\\ut\"",
    }));
    const std::string end = GENERATE("--cut--\r\n", "--cut--", "--cut-- \t\r\nepilogue\r\n");
    CAPTURE(type, end);
    CHECK(found(type, sdpPart() + end) == Texts{kSdp});
    CHECK(found(type, kOther + sdpPart() + end) == Texts{kSdp});
    CHECK(found(type, sdpPart() + kOther + end) == Texts{kSdp});
    CHECK(found(type, "preamble\r\n\r\n" + sdpPart() + end) == Texts{kSdp});
    CHECK(found(type, kOther + end).empty());
    CHECK(found(type, end).empty());
}

TEST_CASE("what a part says of itself is read as mail does", "[sdp]") {
    const auto end = std::string("--cut--\r\n");
    CHECK(found(kType, part("content-type:\r\n application/SDP;a=b\r\nX-Y: z\r\n") + end) ==
          Texts{kSdp});
    CHECK(found(kType, sdpPart("Content-Disposition: Session;handling=required\r\n") + end) ==
          Texts{kSdp});
    CHECK(found(kType, sdpPart("Content-Transfer-Encoding: binary\r\n") + end) == Texts{kSdp});
    CHECK(found(kType, part("") + end).empty());  // text/plain
    CHECK(found(kType, sdpPart("Content-Disposition: early-session\r\n") + sdpPart() + end) ==
          Texts{"not: " + kSdp, kSdp});
    CHECK(found(kType, part("Content-Type: application/sdp\r\n", "") + end) == Texts{""});
    // Lines of a careless sender.
    CHECK(found(kType, "--cut\nContent-Type: application/sdp\n\nv=0\ns=-\n--cut--\n") ==
          Texts{"v=0\ns=-"});
}

TEST_CASE("multipart bodies may stand in each other", "[sdp]") {
    const auto inner = [](const std::string& boundary, const std::string& text) {
        return part("Content-Type: multipart/mixed;boundary=" + boundary + "\r\n", text);
    };
    const std::string text = part("Content-Type: application/sdp\r\n", kSdp, "in") + "--in--\r\n";
    CHECK(found(kType, inner("in", text) + kOther + "--cut--\r\n") == Texts{kSdp});

    std::string deep = sdpPart();
    std::string type = kType;
    for (std::size_t i = 0; i < sdp::kMaxNesting; ++i) {
        const auto boundary = "b" + std::to_string(i);
        deep = "--" + boundary + "\r\nContent-Type: " + type + "\r\n\r\n" + deep +
               (i == 0 ? "--cut--" : "--b" + std::to_string(i - 1) + "--") + "\r\n";
        type = "multipart/mixed;boundary=" + boundary;
        const auto places = sdp::findDescriptions(type, deep + "--" + boundary + "--\r\n");
        CHECK(places.has_value() == (i + 2 <= sdp::kMaxNesting));
    }
}

TEST_CASE("a multipart body that could be read in two ways is refused", "[sdp]") {
    const auto end = std::string("--cut--\r\n");
    const auto refused = [](const std::string& type, const std::string& body) {
        CAPTURE(type, body);
        CHECK_FALSE(sdp::findDescriptions(type, body));
    };
    for (const std::string type :
         {"multipart/mixed", "multipart/mixed;boundary=", "multipart/mixed;boundary=\"\"",
          "multipart/mixed;boundary", "multipart/mixed;boundary=\"a \"",
          "multipart/mixed;boundary=cut;boundary=other"}) {
        refused(type, sdpPart() + end);
    }
    refused("multipart/mixed;boundary=" + std::string(71, 'x'), sdpPart() + end);
    refused(kType, sdpPart());
    refused(kType, sdpPart() + "--cutter\r\n" + end);
    refused(kType, sdpPart() + sdpPart() + end);
    refused(kType, sdpPart("Content-Type: text/plain\r\n") + end);
    refused(kType, sdpPart("Content-Transfer-Encoding: base64\r\n") + end);
    refused(kType, sdpPart("Content-Encoding: gzip\r\n") + end);
    refused(kType, part("no colon\r\nContent-Type: application/sdp\r\n") + end);
    std::string many;
    for (std::size_t i = 0; i <= sdp::kMaxParts; ++i) {
        many += kOther;
    }
    refused(kType, many + end);
}
