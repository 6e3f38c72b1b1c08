/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is known about the RTP packets that have come from one party (RFC 3550 A.1, A.3, A.8), and what
   one more packet changes. Plain C, for the process and the kernel's program (relay.bpf.c) take the same
   steps: a stream that moves from one to the other takes its state along. A packet costs additions and
   shifts and one multiplication.

   Several processors may be at the same state, and none waits for the others: parts of a packet's update
   may then be lost. So each figure is a 32-bit word of its own that only grows, and a packet adds no more
   to it than a packet can be worth (SIPROXD_MOST_LOST numbers, SIPROXD_CLOCK_SET / 16 of jitter), whatever
   it finds in the other words. */

#include <linux/types.h>

enum {
    /* RFC 3550 A.1: a gap up to the first is loss, a step back up to the second is reordering. */
    SIPROXD_MOST_LOST = 3000,
    SIPROXD_MOST_LATE = 100,
    SIPROXD_NO_JUMP = 0x10000,
    SIPROXD_NO_TYPE = 0x100,
    /* More than this between two packets is no jitter but a clock that has been set: 4 s of speech. */
    SIPROXD_CLOCK_SET = 1 << 15,
};

/* The clock of a payload type, in a word: the type in the highest byte, Hz in the others. */
enum {
    SIPROXD_TYPE_SHIFT = 24,
    SIPROXD_CLOCK_NONE = 0,           /* events or noise: what is measured goes on with the other type */
    SIPROXD_CLOCK_MOST = 900000,      /* from there on there is no jitter */
    SIPROXD_CLOCK_UNKNOWN = 0xffffff, /* none either */
};

struct siproxd_reception {
    __u32 sources;  /* SSRCs that have followed each other; 0: no packet yet */
    __u32 ssrc;
    __u32 highest;  /* extended sequence number: cycles << 16 | number */
    __u32 numbers;  /* sequence numbers that there have been, of all sources */
    __u32 received; /* of them; duplicates and strays are not counted */
    __u32 window;   /* bit i: highest - i has come */
    __u32 duplicates;
    __u32 late;      /* overtaken by others */
    __u32 jumps;     /* sequence numbers that have started anew */
    __u32 jump_to;   /* the one that would confirm a jump; none is above 0xffff */
    __u32 clock;     /* of `type`, as siproxd_clock_factor() has it; 0: not known, no jitter */
    __u32 transit;   /* arrival less timestamp of the last packet, in clock units */
    __u32 timestamp; /* of the last packet that `transit` is from */
    __u32 jitter;    /* in 1/16 of a clock unit */
    __u16 type;      /* payload type that jitter is measured for, or SIPROXD_NO_TYPE */
    __u8 reach;      /* so many numbers below `highest` are among `numbers`; at most SIPROXD_MOST_LATE */
    __u8 timed;      /* 1: `transit` and `timestamp` hold */
};

#define SIPROXD_INLINE static inline __attribute__((always_inline))

/* Read now and not again: the word may be another in between, and what was compared must be what is added. */
#define SIPROXD_ONCE(word) (*(const volatile __typeof__(word) *)&(word))

/* Clock units in 1024 ns, times 2^32: a multiplication and a shift turn nanoseconds into units. For up to
   SIPROXD_CLOCK_MOST. */
SIPROXD_INLINE __u32 siproxd_clock_factor(__u32 hertz)
{
    return (__u32)(((__u64)hertz * 1024 << 32) / 1000000000U);
}

/* From now on jitter is measured for packets of this type. `factor` 0: for none. */
SIPROXD_INLINE void siproxd_reception_measure(struct siproxd_reception *state, __u8 type, __u32 factor)
{
    state->type = type;
    if (factor != state->clock)
        state->jitter = 0;
    state->clock = factor;
    state->timed = 0;
}

/* A packet of another type than state->type has come; `clock` is the word for it. */
SIPROXD_INLINE void siproxd_reception_follow(struct siproxd_reception *state, __u32 clock)
{
    const __u32 hertz = clock & SIPROXD_CLOCK_UNKNOWN;

    if (hertz != SIPROXD_CLOCK_NONE)
        siproxd_reception_measure(state, (__u8)(clock >> SIPROXD_TYPE_SHIFT),
                                  hertz > SIPROXD_CLOCK_MOST ? 0 : siproxd_clock_factor(hertz));
}

SIPROXD_INLINE void siproxd_reception_start(struct siproxd_reception *state, __u32 ssrc, __u16 sequence)
{
    state->ssrc = ssrc;
    state->highest = sequence;
    state->reach = 0;
    state->window = 1;
    state->jump_to = SIPROXD_NO_JUMP;
    state->timed = 0;
    ++state->numbers;
    ++state->received;
}

/* A sequence number that is neither next nor a little late: two in a row of a new count, or a stray. */
SIPROXD_INLINE int siproxd_reception_jump(struct siproxd_reception *state, __u16 sequence)
{
    if (sequence != state->jump_to) {
        state->jump_to = (__u16)(sequence + 1);
        return 0;
    }
    ++state->jumps;
    siproxd_reception_start(state, state->ssrc, sequence);
    /* And the one before, which was taken for a stray. */
    ++state->numbers;
    ++state->received;
    state->reach = 1;
    state->window = 3;
    return 1;
}

SIPROXD_INLINE int siproxd_reception_late(struct siproxd_reception *state, __u32 behind)
{
    const __u32 bit = behind < 32 ? 1U << behind : 0;
    const __u32 reach = SIPROXD_ONCE(state->reach);

    if (state->window & bit) {
        ++state->duplicates;
        return 0;
    }
    state->window |= bit;
    ++state->late;
    ++state->received;
    if (behind > reach) {
        state->numbers += behind - reach;
        state->reach = (__u8)behind;
    }
    return 1;
}

/* Whether it is a packet that counts. */
SIPROXD_INLINE int siproxd_reception_place(struct siproxd_reception *state, __u16 sequence)
{
    const __u32 ahead = (__u16)(sequence - SIPROXD_ONCE(state->highest));
    const __u32 behind = (__u16)(0U - ahead);
    const __u32 reach = SIPROXD_ONCE(state->reach) + ahead;

    if (behind <= SIPROXD_MOST_LATE)
        return siproxd_reception_late(state, behind);
    if (ahead > SIPROXD_MOST_LOST)
        return siproxd_reception_jump(state, sequence);
    state->highest += ahead;
    state->numbers += ahead;
    ++state->received;
    state->window = ahead < 32 ? state->window << ahead | 1U : 1U;
    state->reach = reach < SIPROXD_MOST_LATE ? (__u8)reach : (__u8)SIPROXD_MOST_LATE;
    state->jump_to = SIPROXD_NO_JUMP;
    return 1;
}

SIPROXD_INLINE void siproxd_reception_time(struct siproxd_reception *state, __u32 timestamp, __u64 arrival)
{
    const __u32 units = (__u32)((arrival >> 10) * SIPROXD_ONCE(state->clock) >> 32);
    const __u32 now = units - timestamp;
    const __u32 difference = now - SIPROXD_ONCE(state->transit);
    const __u32 size = difference < 0x80000000U ? difference : 0U - difference;
    const __u32 jitter = SIPROXD_ONCE(state->jitter);

    /* Packets of one picture have one timestamp and come one after the other: that is no jitter. */
    if (state->timed && timestamp == state->timestamp)
        return;
    if (state->timed && size < SIPROXD_CLOCK_SET)
        state->jitter = jitter + size - ((jitter + 8U) >> 4);
    state->transit = now;
    state->timestamp = timestamp;
    state->timed = 1;
}

/* A packet; `arrival` is in nanoseconds of CLOCK_MONOTONIC. */
SIPROXD_INLINE void siproxd_reception_receive(struct siproxd_reception *state, __u32 ssrc, __u16 sequence,
                                              __u8 type, __u32 timestamp, __u64 arrival)
{
    if (state->sources == 0 || ssrc != state->ssrc) {
        siproxd_reception_start(state, ssrc, sequence);
        ++state->sources;
    } else if (!siproxd_reception_place(state, sequence)) {
        return;
    }
    if (state->clock != 0 && type == state->type)
        siproxd_reception_time(state, timestamp, arrival);
}
