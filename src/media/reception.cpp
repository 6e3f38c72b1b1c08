// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/reception.h"

namespace siproxd::media {

namespace {

/// RFC 3550 A.1: a gap up to the first is loss, a step back up to the second is reordering.
constexpr std::uint16_t kMostLost = 3000;
constexpr std::uint16_t kMostLate = 100;
constexpr std::uint32_t kNoJump = 0x10000;

/// More than this between two packets is no jitter but a clock that has been set: 4 s of speech.
constexpr std::uint32_t kClockSet = 1U << 15U;

}  // namespace

void ReceptionState::start(std::uint32_t from, std::uint16_t sequence) {
    ssrc = from;
    // One cycle up, so that what was overtaken by the first packet has a number, too.
    base = highest = 0x10000U + sequence;
    received = 1;
    window = 1;
    jumpTo = kNoJump;
    timed = 0;
}

void ReceptionState::restart(std::uint32_t from, std::uint16_t sequence) {
    expectedBefore = expected();
    receivedBefore = arrived();
    start(from, sequence);
}

bool ReceptionState::place(std::uint16_t sequence) {
    const auto ahead = static_cast<std::uint16_t>(sequence - highest);
    if (ahead > 0 && ahead <= kMostLost) {
        highest += ahead;
        window = ahead < 32 ? window << ahead | 1U : 1U;
        jumpTo = kNoJump;
        ++received;
        return true;
    }
    const auto behind = static_cast<std::uint16_t>(-ahead);
    if (behind > kMostLate) {
        // Two in a row of the new count: else it is a stray.
        if (sequence == jumpTo) {
            ++jumps;
            restart(ssrc, sequence);
            // The one before, which was taken for a stray.
            --base;
            ++received;
            window = 3;
            return true;
        }
        jumpTo = static_cast<std::uint16_t>(sequence + 1);
        return false;
    }
    if (behind < 32 && (window >> behind & 1U) != 0) {
        ++duplicates;
        return false;
    }
    window |= behind < 32 ? 1U << behind : 0U;
    ++late;
    ++received;
    if (highest - behind < base) {
        base = highest - behind;
    }
    return true;
}

void ReceptionState::receive(std::uint32_t from, std::uint16_t sequence, std::uint8_t type,
                             std::uint32_t stamp, std::uint64_t arrival) {
    if (sources == 0 || from != ssrc) {
        restart(from, sequence);
        ++sources;
    } else if (!place(sequence)) {
        return;
    }
    if (clock != 0 && type == payloadType) {
        time(stamp, arrival);
    }
}

void ReceptionState::time(std::uint32_t stamp, std::uint64_t arrival) {
    // Packets of one picture have one timestamp and come one after the other: that is no jitter.
    if (timed != 0 && stamp == timestamp) {
        return;
    }
    const auto units = static_cast<std::uint32_t>((arrival >> 10U) * clock >> 32U);
    const std::uint32_t now = units - stamp;
    const std::uint32_t difference = now - transit;
    const std::uint32_t size = difference < 0x80000000U ? difference : 0U - difference;
    if (timed != 0 && size < kClockSet) {
        jitter += size - ((jitter + 8U) >> 4U);
    }
    transit = now;
    timestamp = stamp;
    timed = 1;
}

void ReceptionState::measure(std::uint8_t type, std::uint32_t hertz) {
    payloadType = type;
    const auto factor = clockFactor(hertz);
    if (factor != clock) {
        jitter = 0;
    }
    clock = factor;
    timed = 0;
}

void ReceptionState::takeOver(std::uint32_t from, std::uint16_t sequence, std::uint32_t total) {
    const std::uint32_t packets = total - taken;
    if (packets == 0) {
        return;
    }
    taken = total;
    timed = 0;
    if (sources == 0 || from != ssrc) {
        // Where the new source began is not known: as if nothing of it had been lost.
        restart(from, sequence);
        ++sources;
        base -= packets - 1;
        received = packets;
        return;
    }
    // What lies between is the step in numbers, and as many whole cycles as bring it next to the count.
    std::uint32_t step = static_cast<std::uint16_t>(sequence - highest);
    if (packets > step) {
        step += (packets - step + 0x8000U) & 0xffff0000U;
    } else if (step >= 0xff00U) {
        step = 0;  // the last one had been overtaken
    }
    highest += step;
    received += packets;
    window = 1;
}

double ReceptionState::jitterMs() const {
    // A unit is 2^32 / clock times 1024 ns.
    return clock == 0 ? 0.0 : jitter / 16.0 * 4294967296.0 / clock * 1024e-6;
}

}  // namespace siproxd::media
