// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/playout.h"

#include <array>

#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kClock = 8000;

struct Bench {
    /// A packet of 20 ms; what is sent from it is its number. Returns when it is to leave.
    std::optional<base::TimePoint> come(unsigned number, std::chrono::milliseconds when,
                                        std::uint32_t ssrc = 1) {
        Packet packet{PacketKind::Rtp, ssrc, static_cast<std::uint16_t>(number), number * 160};
        const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(number >> 8U),
                                                static_cast<std::uint8_t>(number)};
        return playout.hold(packet, bytes, kClock, base::TimePoint{} + when);
    }
    struct Left {
        unsigned number;
        std::chrono::milliseconds when;
    };
    Left leave() {
        const auto when = playout.next().value().time_since_epoch();
        const auto bytes = playout.take();
        REQUIRE(bytes.size() == 2);
        return {bytes[0] * 256U + bytes[1],
                std::chrono::duration_cast<std::chrono::milliseconds>(when)};
    }

    Playout playout{60ms};
};

}  // namespace

TEST_CASE("packets that come unevenly leave evenly", "[media]") {
    Bench bench;
    constexpr std::array kOff{0, 12, -9, 20, 3, -14, 17, 0};
    std::vector<Bench::Left> left;
    for (unsigned i = 0; i < 400; ++i) {
        const auto now = std::chrono::milliseconds(1000 + 20 * i + kOff[i % kOff.size()]);
        REQUIRE(bench.come(i, now));
        while (bench.playout.next() && *bench.playout.next() <= base::TimePoint{} + now) {
            left.push_back(bench.leave());
        }
    }
    REQUIRE(left.size() > 390);
    CHECK(left.front().when == 1060ms);
    for (std::size_t i = 1; i < left.size(); ++i) {
        CHECK(left[i].number == i);
        CHECK(left[i].when - left[i - 1].when >= 19ms);
        CHECK(left[i].when - left[i - 1].when <= 21ms);
    }
}

TEST_CASE("packets that overtook each other get into line again", "[media]") {
    Bench bench;
    bench.come(1, 0ms);
    bench.come(3, 22ms);
    bench.come(2, 25ms);
    for (unsigned number = 1; number <= 3; ++number) {
        CHECK(bench.leave().number == number);
    }
    CHECK_FALSE(bench.playout.next());
}

TEST_CASE("who comes late leaves at once", "[media]") {
    Bench bench;
    bench.come(1, 0ms);
    CHECK(bench.come(2, 150ms) == base::TimePoint{} + 150ms);
}

TEST_CASE("a new source, or a leap, begins anew", "[media]") {
    Bench bench;
    bench.come(1, 0ms);
    CHECK(bench.come(500, 20ms, 2) == base::TimePoint{} + 80ms);
    CHECK(bench.come(5000, 40ms, 2) == base::TimePoint{} + 100ms);
    CHECK(bench.come(1, 60ms, 2) == base::TimePoint{} + 120ms);
    // After a silence that the timestamps know of.
    CHECK(bench.come(101, 2060ms, 2) == base::TimePoint{} + 2120ms);
}

TEST_CASE("packets with one timestamp keep their distance", "[media]") {
    Bench bench;
    bench.come(1, 0ms);
    CHECK(bench.come(2, 20ms).has_value());
    CHECK(bench.come(2, 35ms) == base::TimePoint{} + 95ms);
    CHECK(bench.come(2, 40ms) == base::TimePoint{} + 100ms);
}

TEST_CASE("a clock that is a little wrong is followed", "[media]") {
    Bench bench;
    // A tenth of a percent fast, for five minutes: 300 ms in all.
    base::TimePoint due{};
    std::chrono::microseconds now{};
    for (unsigned i = 0; i < 15000; ++i) {
        now = std::chrono::microseconds(std::int64_t{i} * 19980);
        Packet packet{PacketKind::Rtp, 1, static_cast<std::uint16_t>(i), i * 160};
        const std::array<std::uint8_t, 1> byte{0};
        due = bench.playout.hold(packet, byte, kClock, base::TimePoint{} + now).value();
        while (bench.playout.next() && *bench.playout.next() <= base::TimePoint{} + now) {
            [[maybe_unused]] const auto sent = bench.playout.take();
        }
    }
    CHECK(due - (base::TimePoint{} + now) > 55ms);
    CHECK(due - (base::TimePoint{} + now) < 65ms);
}

TEST_CASE("without room a packet has to leave at once, and nothing is lost", "[media]") {
    Bench bench;
    unsigned held = 0;
    while (bench.come(held, 0ms)) {
        ++held;
        REQUIRE(held < 100);
    }
    CHECK(held == 14);
    for (unsigned i = 0; i < held; ++i) {
        CHECK(bench.leave().number == i);
    }
    CHECK(bench.come(200, 1ms));
}
