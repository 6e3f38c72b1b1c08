// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace siproxd::media {

/// What is known about the RTP packets that have come from one source (RFC 3550 §6.4.1, A.1, A.3, A.8).
/// A plain value of integers; a packet costs additions and shifts, so that the same steps can be done by a
/// program in the kernel.
///
/// Merging: whoever takes a stream over goes on with the state as it is, for nothing in it depends on the
/// engine. An engine that keeps less than all of this (how many packets it has had, and SSRC and sequence
/// number of the last one) is merged with takeOver(); jitter then is that of the packets seen here.
struct ReceptionState {
    std::uint32_t sources = 0;  ///< SSRCs that have followed each other; 0: no packet yet
    std::uint32_t ssrc = 0;
    std::uint32_t base = 0;      ///< lowest sequence number, extended: cycles << 16 | number
    std::uint32_t highest = 0;   ///< extended as well
    std::uint32_t received = 0;  ///< since `base`, without duplicates
    std::uint32_t window = 0;    ///< bit i: `highest` - i has come
    std::uint32_t expectedBefore = 0;  ///< of earlier SSRCs, and before jumps
    std::uint32_t receivedBefore = 0;
    std::uint32_t duplicates = 0;
    std::uint32_t late = 0;   ///< overtaken by others
    std::uint32_t jumps = 0;  ///< sequence numbers that have started anew
    std::uint32_t jumpTo = 0; ///< the one that would confirm a jump; none is above 0xffff
    std::uint32_t taken = 0;  ///< packets that takeOver() has been told of
    std::uint32_t payloadType = kNoType;  ///< that jitter is measured for
    std::uint32_t clock = 0;      ///< of it, as clockFactor() has it; 0: not known, no jitter
    std::uint32_t transit = 0;    ///< arrival less timestamp of the last packet, in clock units
    std::uint32_t timestamp = 0;  ///< of the last packet that `transit` is from
    std::uint32_t timed = 0;      ///< 1: these two hold
    std::uint32_t jitter = 0;     ///< in 1/16 of a clock unit

    static constexpr std::uint32_t kNoType = 0x100;

    /// A packet; `arrival` is in nanoseconds of any clock that does not jump.
    void receive(std::uint32_t from, std::uint16_t sequence, std::uint8_t type,
                 std::uint32_t stamp, std::uint64_t arrival);

    /// From now on jitter is measured for packets of this type. `hertz` 0: for none.
    void measure(std::uint8_t type, std::uint32_t hertz);

    /// Another engine has had packets, `total` of them since it knows this stream; the last one was this.
    void takeOver(std::uint32_t from, std::uint16_t sequence, std::uint32_t total);

    [[nodiscard]] std::uint32_t expected() const {
        return expectedBefore + (sources == 0 ? 0 : highest - base + 1);
    }
    /// All but duplicates.
    [[nodiscard]] std::uint32_t arrived() const { return receivedBefore + received; }
    [[nodiscard]] std::uint32_t lost() const {
        return expected() > arrived() ? expected() - arrived() : 0;
    }
    [[nodiscard]] double jitterMs() const;

    friend bool operator==(const ReceptionState&, const ReceptionState&) = default;

private:
    void start(std::uint32_t from, std::uint16_t sequence);
    void restart(std::uint32_t from, std::uint16_t sequence);
    /// Whether it is a packet that counts.
    [[nodiscard]] bool place(std::uint16_t sequence);
    void time(std::uint32_t stamp, std::uint64_t arrival);
};

/// Clock units in 1024 ns, times 2^32: a multiplication and a shift turn nanoseconds into units. `hertz`
/// up to 900,000.
[[nodiscard]] constexpr std::uint32_t clockFactor(std::uint32_t hertz) {
    return static_cast<std::uint32_t>((std::uint64_t{hertz} * 1024 << 32U) / 1'000'000'000U);
}

/// A state that one thread changes and others read without a lock. What they read may be a packet apart
/// from one word to the next.
class SharedReception {
public:
    [[nodiscard]] ReceptionState load() const {
        Words words;
        for (std::size_t i = 0; i < words.size(); ++i) {
            words[i] = words_[i].load(std::memory_order_relaxed);
        }
        return std::bit_cast<ReceptionState>(words);
    }
    void store(const ReceptionState& state) {
        const auto words = std::bit_cast<Words>(state);
        for (std::size_t i = 0; i < words.size(); ++i) {
            words_[i].store(words[i], std::memory_order_relaxed);
        }
    }

private:
    using Words = std::array<std::uint32_t, sizeof(ReceptionState) / sizeof(std::uint32_t)>;
    static constexpr Words kFresh = std::bit_cast<Words>(ReceptionState{});
    std::array<std::atomic<std::uint32_t>, kFresh.size()> words_{};

public:
    SharedReception() { store(ReceptionState{}); }
};

}  // namespace siproxd::media
