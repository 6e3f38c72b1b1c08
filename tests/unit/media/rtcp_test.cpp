// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/rtcp.h"

#include <vector>

#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;

namespace {

using Bytes = std::vector<std::uint8_t>;
using std::chrono::milliseconds;

void put32(Bytes& out, std::uint32_t value) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        out.push_back(static_cast<std::uint8_t>(value >> shift));
    }
}

Bytes packet(std::uint8_t type, std::uint8_t count, const std::vector<std::uint32_t>& words) {
    Bytes out{static_cast<std::uint8_t>(0x80U | count), type, 0,
              static_cast<std::uint8_t>(words.size())};
    for (const auto word : words) {
        put32(out, word);
    }
    return out;
}

/// From 0x22 about 0x11: a quarter lost, 5 less than nothing in all.
const Bytes kReceiver =
    packet(201, 1, {0x22, 0x11, 0x40fffffb, 0x1000a, 80, 0xabcd1234, 0x00008000});
const Bytes kSender = packet(200, 0, {0x11, 0x0000abcd, 0x12340000, 5, 3000, 480000});

Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

}  // namespace

TEST_CASE("reports are read from compound RTCP", "[media]") {
    const auto description = packet(202, 1, {0x22, 0x01026162, 0});
    const auto read = parseRtcp(kReceiver + description);
    REQUIRE(read);
    CHECK(read->sender == 0x22);
    CHECK_FALSE(read->isSender);
    REQUIRE(read->blockCount == 1);
    const auto& block = read->blocks[0];
    CHECK(block.about == 0x11);
    CHECK(block.fractionLost == 0x40);
    CHECK(block.lost == -5);
    CHECK(block.jitter == 80);
    CHECK(block.lastReport == 0xabcd1234);
    CHECK(block.delay == 0x8000);

    const auto sender = parseRtcp(kSender);
    REQUIRE(sender);
    CHECK(sender->isSender);
    CHECK(sender->ntpMiddle == 0xabcd1234);
    CHECK(sender->packetsSent == 3000);
}

TEST_CASE("what is not RTCP in the clear, or lies about its length, is not read", "[media]") {
    CHECK_FALSE(parseRtcp({}));
    CHECK_FALSE(parseRtcp(packet(202, 1, {0x22, 0})));
    for (std::size_t length = 0; length < kReceiver.size(); ++length) {
        CHECK_FALSE(parseRtcp(std::span(kReceiver).first(length)));
    }
    // SRTCP: index and tag, 14 bytes with HMAC-SHA1, 20 with AES-GCM.
    CHECK_FALSE(parseRtcp(kReceiver + Bytes(14, 0x80)));
    CHECK_FALSE(parseRtcp(kReceiver + Bytes(20, 0x80)));
    auto counts = kReceiver;
    counts[0] = 0x9f;
    CHECK_FALSE(parseRtcp(counts));
    CHECK_FALSE(parseRtcp(packet(201, 0, {})));
    CHECK_FALSE(parseRtcp(packet(200, 0, {1, 2, 3})));
}

TEST_CASE("only the first report blocks are kept", "[media]") {
    std::vector<std::uint32_t> words{0x22};
    for (std::uint32_t i = 0; i < 31; ++i) {
        words.insert(words.end(), {i, 0, 0, 0, 0, 0});
    }
    const auto read = parseRtcp(packet(201, 31, words));
    REQUIRE(read);
    CHECK(read->blockCount == RtcpReports::kMostBlocks);
}

TEST_CASE("a report that names an earlier one gives the round trip", "[media]") {
    const base::TimePoint start{std::chrono::hours(1)};
    RtcpWatch watch;
    watch.passed(parseRtcp(kSender)->ntpMiddle, start);
    watch.receive(*parseRtcp(kReceiver), 0x11, start + milliseconds(530));
    const auto view = watch.view();
    CHECK(view.reports == 1);
    CHECK(view.fractionLost == 0x40);
    CHECK(view.lost == -5);
    CHECK(view.jitter == 80);
    CHECK(view.roundTripUs == 30000);
}

TEST_CASE("no round trip comes from reports that do not fit", "[media]") {
    const base::TimePoint start{std::chrono::hours(1)};
    RtcpWatch watch;
    SECTION("nothing has been sent") {
        watch.receive(*parseRtcp(kReceiver), 0x11, start);
        CHECK(watch.view().reports == 1);
    }
    SECTION("sooner than it says to have waited") {
        watch.passed(0xabcd1234, start);
        watch.receive(*parseRtcp(kReceiver), 0x11, start + milliseconds(400));
    }
    SECTION("hours later") {
        watch.passed(0xabcd1234, start);
        watch.receive(*parseRtcp(kReceiver), 0x11, start + std::chrono::hours(2));
    }
    SECTION("about somebody else") {
        watch.passed(0xabcd1234, start);
        watch.receive(*parseRtcp(kReceiver), 0x12, start + milliseconds(530));
        CHECK(watch.view().reports == 0);
    }
    CHECK(watch.view().roundTripUs == 0);
}

TEST_CASE("a sender report tells how much its sender has sent", "[media]") {
    RtcpWatch watch;
    watch.receive(*parseRtcp(kSender), 0x33, {});
    CHECK(watch.view().packetsSent == 3000);
}
