// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/reception.h"

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

    Source() { state.measure(8, 8000); }

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
            state.measure(96, hertz);
            for (unsigned i = 0; i < 400; ++i) {
                state.receive(kSsrc, static_cast<std::uint16_t>(i), 96, i * (hertz / 50),
                              up + i * 20 * kMs + (i % 2) * 4 * kMs);
            }
            CHECK(state.jitterMs() == Approx(4).margin(0.3));
        }
    }
}

TEST_CASE("what another engine has had is merged by its last packet and count", "[media]") {
    Source source;
    source.sendAll({1, 2, 3});
    source.state.takeOver(kSsrc, 103, 98);
    CHECK(source.state.expected() == 103);
    CHECK(source.state.lost() == 2);
    source.state.takeOver(kSsrc, 103, 98);
    CHECK(source.state.expected() == 103);
    source.sendAll({104, 105});
    CHECK(source.state.lost() == 2);
    // Two cycles and a bit, ten of them lost.
    source.state.takeOver(kSsrc, static_cast<std::uint16_t>(105 + 140000), 98 + 139990);
    CHECK(source.state.expected() == 105 + 140000);
    CHECK(source.state.lost() == 12);
}

TEST_CASE("another engine may see the source change", "[media]") {
    Source source;
    source.sendAll({1, 2, 3});
    source.state.takeOver(77, 5000, 50);
    CHECK(source.state.sources == 2);
    CHECK(source.state.expected() == 53);
    CHECK(source.state.lost() == 0);
    source.ssrc = 77;
    source.sendAll({5001, 5003});
    CHECK(source.state.lost() == 1);
}

TEST_CASE("a shared state is read as it was stored", "[media]") {
    SharedReception shared;
    CHECK(shared.load() == ReceptionState{});
    Source source;
    source.sendAll({1, 5, 3});
    shared.store(source.state);
    CHECK(shared.load() == source.state);
}
