// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "kernel/reception_math.h"

namespace siproxd::media {

/// What is known about the RTP packets that have come from one source (RFC 3550 §6.4.1, A.1, A.3, A.8): the
/// state that the program in the kernel keeps as well. Whoever takes a stream over goes on with it as it is,
/// for nothing in it depends on the engine.
struct ReceptionState : siproxd_reception {
    static constexpr std::uint32_t kNoType = SIPROXD_NO_TYPE;
    using Words = std::array<std::uint32_t, sizeof(siproxd_reception) / sizeof(std::uint32_t)>;

    constexpr ReceptionState() : siproxd_reception{} { type = kNoType; }
    explicit constexpr ReceptionState(const siproxd_reception& state) : siproxd_reception(state) {}

    /// A packet; `arrival` is in nanoseconds of the steady clock.
    void receive(std::uint32_t from, std::uint16_t sequence, std::uint8_t kind, std::uint32_t stamp,
                 std::uint64_t arrival);

    /// A packet of another type than jitter is measured for has come: from now on it is measured for that
    /// one, unless it is an interlude. `word`: payloadClock() of it.
    void follow(std::uint32_t word);

    [[nodiscard]] std::uint32_t expected() const { return numbers; }
    /// All but duplicates.
    [[nodiscard]] std::uint32_t arrived() const { return received; }
    [[nodiscard]] std::uint32_t lost() const { return numbers > received ? numbers - received : 0; }
    [[nodiscard]] double jitterMs() const;

    friend bool operator==(const ReceptionState& a, const ReceptionState& b) {
        return std::bit_cast<Words>(a) == std::bit_cast<Words>(b);
    }
};

/// The clock of a payload type in one word; `hertz` as PayloadClocks::find() has it.
[[nodiscard]] constexpr std::uint32_t payloadClock(std::uint8_t type, std::optional<std::uint32_t> hertz) {
    return std::uint32_t{type} << SIPROXD_TYPE_SHIFT | hertz.value_or(SIPROXD_CLOCK_UNKNOWN);
}

/// A state that one thread changes and others read without a lock. What they read may be a packet apart
/// from one word to the next.
class SharedReception {
public:
    SharedReception() { store(ReceptionState{}); }

    [[nodiscard]] ReceptionState load() const {
        ReceptionState::Words words;
        for (std::size_t i = 0; i < words.size(); ++i) {
            words[i] = words_[i].load(std::memory_order_relaxed);
        }
        return std::bit_cast<ReceptionState>(words);
    }
    void store(const ReceptionState& state) {
        const auto words = std::bit_cast<ReceptionState::Words>(state);
        for (std::size_t i = 0; i < words.size(); ++i) {
            words_[i].store(words[i], std::memory_order_relaxed);
        }
    }

private:
    std::array<std::atomic<std::uint32_t>, std::tuple_size_v<ReceptionState::Words>> words_;
};

}  // namespace siproxd::media
