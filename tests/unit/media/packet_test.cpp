// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/packet.h"

#include <vector>

#include "support/catch.h"

using namespace siproxd::media;

namespace {

std::vector<std::uint8_t> bytes(std::initializer_list<unsigned> head, std::size_t size) {
    std::vector<std::uint8_t> out;
    for (const auto byte : head) {
        out.push_back(static_cast<std::uint8_t>(byte));
    }
    out.resize(size);
    return out;
}

}  // namespace

TEST_CASE("datagrams are told apart by their first bytes", "[media]") {
    struct Case {
        const char* what;
        std::vector<std::uint8_t> datagram;
        PacketKind kind;
    };
    const std::vector<Case> cases{
        {"PCMA", bytes({0x80, 8}, 172), PacketKind::Rtp},
        {"with marker", bytes({0x80, 0x88}, 172), PacketKind::Rtp},
        {"dynamic type 127", bytes({0x80, 127}, 12), PacketKind::Rtp},
        {"two contributors", bytes({0x82, 0}, 20), PacketKind::Rtp},
        {"contributors cut off", bytes({0x82, 0}, 19), PacketKind::Garbage},
        {"header cut off", bytes({0x80, 0}, 11), PacketKind::Garbage},
        {"sender report", bytes({0x80, 200}, 28), PacketKind::Rtcp},
        {"receiver report without blocks", bytes({0x80, 201}, 8), PacketKind::Rtcp},
        {"feedback", bytes({0x81, 206}, 12), PacketKind::Rtcp},
        {"RTCP cut off", bytes({0x80, 200}, 7), PacketKind::Garbage},
        {"version 1", bytes({0x40, 0}, 172), PacketKind::Garbage},
        {"version 3", bytes({0xc0, 0}, 172), PacketKind::Garbage},
        {"STUN", bytes({0, 1}, 20), PacketKind::Control},
        {"STUN cut off", bytes({0, 1}, 19), PacketKind::Garbage},
        {"ZRTP", bytes({16, 0}, 12), PacketKind::Control},
        {"DTLS", bytes({22, 254}, 13), PacketKind::Control},
        {"TURN channel", bytes({64, 0}, 100), PacketKind::Garbage},
        {"keep-alive", bytes({'\r', '\n', '\r', '\n'}, 4), PacketKind::Garbage},
        {"one byte", bytes({0x80}, 1), PacketKind::Garbage},
        {"nothing", {}, PacketKind::Garbage},
    };
    for (const auto& c : cases) {
        CAPTURE(c.what);
        CHECK(classify(c.datagram).kind == c.kind);
    }
}

TEST_CASE("SSRC and sequence number are read", "[media]") {
    const auto rtp = classify(bytes({0x80, 0, 0x12, 0x34, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef}, 20));
    CHECK(rtp.sequence == 0x1234);
    CHECK(rtp.ssrc == 0xdeadbeef);
    const auto rtcp = classify(bytes({0x80, 200, 0, 1, 0xde, 0xad, 0xbe, 0xef}, 28));
    CHECK(rtcp.ssrc == 0xdeadbeef);
}
