// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/reception.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <random>
#include <vector>

#include "support/catch.h"

using namespace siproxd::media;

namespace {

constexpr std::uint32_t kSsrc = 0x11111111;
constexpr std::uint64_t kMs = 1'000'000;

/// PCMA at 50 packets a second.
struct Source {
    ReceptionState state;
    std::uint32_t ssrc = kSsrc;

    Source() { state.follow(payloadClock(8, 8000)); }

    /// `late`: in ms, after its time.
    void send(unsigned sequence, std::uint64_t late = 0) {
        state.receive(ssrc, static_cast<std::uint16_t>(sequence), 8, sequence * 160,
                      1'000'000 * kMs + sequence * 20 * kMs + late * kMs);
    }
    void sendAll(std::initializer_list<unsigned> sequences) {
        for (const auto sequence : sequences) {
            send(sequence);
        }
    }
};

}  // namespace

TEST_CASE("lost, late and doubled packets are told apart", "[media]") {
    struct Case {
        const char* what;
        std::vector<unsigned> sequences;
        std::uint32_t expected, arrived, lost, late, duplicates;
    };
    const Case cases[] = {
        {"nothing", {}, 0, 0, 0, 0, 0},
        {"one", {7}, 1, 1, 0, 0, 0},
        {"in order", {1, 2, 3}, 3, 3, 0, 0, 0},
        {"a gap", {1, 2, 5}, 5, 3, 2, 0, 0},
        {"overtaken", {1, 3, 2, 4}, 4, 4, 0, 1, 0},
        {"the first overtaken", {5, 4, 6}, 3, 3, 0, 1, 0},
        {"twice", {1, 2, 2, 3}, 3, 3, 0, 0, 1},
        {"twice and overtaken", {1, 3, 2, 2}, 3, 3, 0, 1, 1},
        {"over the end of the count", {65534, 65535, 65536, 65538}, 5, 4, 1, 0, 0},
        {"overtaken at the end of the count", {65535, 65537, 65536}, 3, 3, 0, 1, 0},
        {"the first overtaken at 0", {65536, 65535, 65537}, 3, 3, 0, 1, 0},
        {"a stray", {10, 20000, 11}, 2, 2, 0, 0, 0},
        {"a new count", {10, 11, 20000, 20001, 20002}, 5, 5, 0, 0, 0},
    };
    for (const auto& one : cases) {
        INFO(one.what);
        Source source;
        for (const auto sequence : one.sequences) {
            source.send(sequence);
        }
        CHECK(source.state.expected() == one.expected);
        CHECK(source.state.arrived() == one.arrived);
        CHECK(source.state.lost() == one.lost);
        CHECK(source.state.late == one.late);
        CHECK(source.state.duplicates == one.duplicates);
    }
}

TEST_CASE("a new SSRC goes on with the figures of the one before", "[media]") {
    Source source;
    source.sendAll({1, 2, 4});
    source.ssrc = 5;
    source.sendAll({900, 902});
    CHECK(source.state.sources == 2);
    CHECK(source.state.expected() == 7);
    CHECK(source.state.lost() == 2);
}

TEST_CASE("the figures hold over many cycles", "[media]") {
    Source source;
    for (unsigned i = 0; i < 200000; ++i) {
        if (i % 100 != 50) {
            source.send(i);
        }
    }
    CHECK(source.state.expected() == 200000);
    CHECK(source.state.lost() == 2000);
}

TEST_CASE("jitter is the smoothed difference of the transit times", "[media]") {
    Source even;
    Source uneven;
    for (unsigned i = 0; i < 500; ++i) {
        even.send(i);
        uneven.send(i, i % 2 == 0 ? 0 : 10);
    }
    CHECK(even.state.jitterMs() < 0.2);
    // |D| is 10 ms each time: that is what it converges to.
    CHECK(uneven.state.jitterMs() == Approx(10).margin(0.5));
    // RFC 3550 A.8: the first difference goes in with a sixteenth.
    Source once;
    once.send(1);
    once.send(2, 16);
    CHECK(once.state.jitterMs() == Approx(1).margin(0.05));
}

TEST_CASE("jitter leaves out what is not its codec, one picture, and a clock that is set", "[media]") {
    Source source;
    source.send(1);
    source.state.receive(kSsrc, 2, 101, 12345, 1'000'020 * kMs);
    source.state.receive(kSsrc, 3, 8, 160, 1'000'090 * kMs);  // the timestamp of the first
    CHECK(source.state.jitter == 0);
    source.state.receive(kSsrc, 4, 8, 0x80000000, 1'000'100 * kMs);
    CHECK(source.state.jitter == 0);
    CHECK(source.state.arrived() == 4);
}

TEST_CASE("no jitter is measured without a clock", "[media]") {
    ReceptionState state;
    state.receive(kSsrc, 1, 97, 0, 0);
    state.receive(kSsrc, 2, 97, 160, 500 * kMs);
    CHECK(state.arrived() == 2);
    CHECK(state.jitterMs() == 0);
}

TEST_CASE("jitter in milliseconds does not depend on the clock or how long the machine is up", "[media]") {
    for (const std::uint32_t hertz : {8000U, 44100U, 48000U, 90000U}) {
        for (const std::uint64_t up : {std::uint64_t{1}, std::uint64_t{4'000'000'000'000'000}}) {
            ReceptionState state;
            state.follow(payloadClock(96, hertz));
            for (unsigned i = 0; i < 400; ++i) {
                state.receive(kSsrc, static_cast<std::uint16_t>(i), 96, i * (hertz / 50),
                              up + i * 20 * kMs + (i % 2) * 4 * kMs);
            }
            CHECK(state.jitterMs() == Approx(4).margin(0.3));
        }
    }
}

TEST_CASE("jitter goes on where timestamps and sequence numbers wrap", "[media]") {
    for (const std::uint32_t hertz : {8000U, 48000U, 90000U}) {
        INFO(hertz);
        ReceptionState state;
        state.follow(payloadClock(96, hertz));
        std::uint32_t before = 0;
        for (unsigned i = 0; i < 400; ++i) {
            state.receive(kSsrc, static_cast<std::uint16_t>(65336 + i), 96, (i - 200) * (hertz / 50),
                          1'000'000 * kMs + i * 20 * kMs + (i % 2) * 4 * kMs);
            // RFC 3550 A.8: no step is more than a sixteenth of the difference, and one for rounding.
            const auto largest = hertz / 250 + 2;
            CHECK(state.jitter <= before + largest);
            before = state.jitter;
        }
        CHECK(state.jitterMs() == Approx(4).margin(0.3));
        CHECK(state.lost() == 0);
        CHECK(state.expected() == 400);
        CHECK(state.highest == 65336 + 399);
    }
}

TEST_CASE("jitter follows the codec, and events and noise do not change it", "[media]") {
    Source source;
    source.send(1);
    source.send(2, 16);
    const auto before = source.state;
    source.state.follow(payloadClock(101, 0));
    CHECK(source.state == before);
    // Another name for the same clock: what was measured stays, the next difference is one of two new ones.
    source.state.follow(payloadClock(0, 8000));
    CHECK(source.state.type == 0);
    CHECK(source.state.jitter == before.jitter);
    source.state.receive(kSsrc, 3, 0, 77, 1'000'500 * kMs);
    CHECK(source.state.jitter == before.jitter);
    for (const auto hertz : {std::optional(1'000'000U), std::optional<std::uint32_t>()}) {
        source.state.follow(payloadClock(97, hertz));
        CHECK(source.state.type == 97);
        CHECK(source.state.jitterMs() == 0);
    }
}

TEST_CASE("a new SSRC begins without a difference", "[media]") {
    Source source;
    source.send(1);
    source.send(2, 16);
    const auto before = source.state.jitter;
    source.ssrc = 5;
    source.send(3, 500);
    CHECK(source.state.jitter == before);
    source.send(4, 500);
    CHECK(source.state.jitter < before);
}

TEST_CASE("a packet adds no more than it is worth, whatever others have left there", "[media]") {
    std::mt19937 engine(4711);
    const auto random = [&engine] { return static_cast<std::uint32_t>(engine()); };
    std::uint32_t numbers = 0;
    std::uint32_t received = 0;
    std::uint32_t jitter = 0;
    for (int round = 0; round < 100000; ++round) {
        ReceptionState::Words words;
        std::ranges::generate(words, random);
        auto state = std::bit_cast<ReceptionState>(words);
        state.numbers = state.received = 1000;
        // What the sum comes to at the most.
        state.jitter %= 16 * SIPROXD_CLOCK_SET + 1;
        // Sometimes the words fit together.
        state.ssrc = random() % 2 == 0 ? kSsrc : state.ssrc;
        const auto sequence = random() % 2 == 0 ? state.highest + random() % 6001 - 3000 : random();
        state.receive(kSsrc, static_cast<std::uint16_t>(sequence), static_cast<std::uint8_t>(state.type),
                      state.timestamp + random() % 3, random());
        numbers = std::max(numbers, state.numbers - 1000);
        received = std::max(received, state.received - 1000);
        jitter = std::max(jitter, state.jitter);
    }
    CHECK(numbers == SIPROXD_MOST_LOST);
    CHECK(received <= 2);
    CHECK(jitter <= 16 * SIPROXD_CLOCK_SET);
}

TEST_CASE("a shared state is read as it was stored", "[media]") {
    SharedReception shared;
    CHECK(shared.load() == ReceptionState{});
    Source source;
    source.sendAll({1, 5, 3});
    shared.store(source.state);
    CHECK(shared.load() == source.state);
}
