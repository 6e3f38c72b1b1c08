# SPDX-License-Identifier: GPL-2.0-or-later
"""Test tones: writing them, and finding them in a recording (Goertzel's algorithm)."""

import array
import math
import sys
import wave
from dataclasses import dataclass

RATE = 8000
BLOCK = 160     # 20 ms


@dataclass
class Finding:
    """What a recording holds of one frequency."""

    seconds: float      # how long the tone sounds, all together
    share: float        # its part of the energy of the blocks it sounds in, 0..1
    length: float       # of the whole recording

    def __str__(self):
        return f"{self.seconds:.2f} s of tone in {self.length:.2f} s, {self.share:.0%} pure"


def write_tone(path, frequency=440, seconds=2.0, amplitude=0.3):
    """A mono 16 bit wav of 8 kHz. Whole periods only, so that it loops without a click."""
    count = int(RATE * seconds)
    step = 2 * math.pi * frequency / RATE
    samples = array.array("h", (int(32767 * amplitude * math.sin(step * n))
                                for n in range(count)))
    _little_endian(samples)
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def alaw(frequency, count, first=0):
    """`count` samples of the tone in G.711 A-law, from sample `first` on."""
    return bytes(_alaw(int(9000 * math.sin(2 * math.pi * frequency * n / RATE)))
                 for n in range(first, first + count))


def write_alaw(path, frequency=440, seconds=3.0):
    """The same tone as raw G.711 A-law, which is what SIPp plays."""
    with open(path, "wb") as file:
        file.write(alaw(frequency, int(RATE * seconds)))


def _alaw(sample):
    """One sample of 16 bit as G.711 A-law."""
    sign, magnitude = (0x80, sample) if sample >= 0 else (0, -sample - 1)
    magnitude >>= 3
    exponent = max(magnitude.bit_length() - 5, 0)
    return (sign | (exponent << 4) | (magnitude >> max(exponent, 1) & 15)) ^ 0x55


def linear(data):
    """G.711 A-law as samples of 16 bit."""
    return array.array("h", (_LINEAR[byte] for byte in data))


def _linear(byte):
    byte ^= 0x55
    exponent, mantissa = byte >> 4 & 7, byte & 15
    magnitude = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << exponent - 1
    return magnitude if byte & 0x80 else -magnitude


_LINEAR = [_linear(byte) for byte in range(256)]


def read_samples(path):
    """Samples (16 bit) of a wav file and its rate. Tolerates a header that was never completed."""
    with open(path, "rb") as file:
        data = file.read()
    rate, at, samples = RATE, 12, b""
    while at + 8 <= len(data):
        name, size = data[at:at + 4], int.from_bytes(data[at + 4:at + 8], "little")
        if name == b"fmt ":
            rate = int.from_bytes(data[at + 12:at + 16], "little")
        if name == b"data":
            samples = data[at + 8:at + 8 + size] if size else data[at + 8:]
            break
        at += 8 + size + size % 2
    values = array.array("h")
    values.frombytes(samples[:len(samples) // 2 * 2])
    _little_endian(values)
    return values, rate


def _little_endian(samples):
    if sys.byteorder == "big":
        samples.byteswap()


def power_at(block, frequency, rate):
    """Share of the block's energy at `frequency`, 0..1 (Goertzel)."""
    energy = sum(sample * sample for sample in block)
    if energy == 0:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * frequency / rate)
    before, last = 0.0, 0.0
    for sample in block:
        before, last = last, sample + coefficient * last - before
    power = last * last + before * before - coefficient * last * before
    return min(1.0, 2 * power / (len(block) * energy))


def find_tone(path, frequency=440, least_level=300):
    """How much of `frequency` is in the recording; below `least_level` it counts as silence."""
    samples, rate = read_samples(path)
    return find_in(samples, frequency, rate, least_level)


def find_in(samples, frequency, rate=RATE, least_level=300):
    """The same in samples of 16 bit."""
    size = BLOCK * rate // RATE
    shares = []
    for at in range(0, len(samples) - size + 1, size):
        block = samples[at:at + size]
        if max(map(abs, block)) < least_level:
            continue
        share = power_at(block, frequency, rate)
        if share > 0.5:
            shares.append(share)
    return Finding(seconds=len(shares) * size / rate,
                   share=sum(shares) / len(shares) if shares else 0.0,
                   length=len(samples) / rate)
