#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""RTP at a phone's pace, to see whether media flows. As a script (in a namespace):

    rtp.py echo --listen 203.0.113.51:4000
    rtp.py send --listen 10.0.0.10:4000 --to 10.0.0.1:7070 --count 50
"""

import argparse
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

import tone
from deadline import Deadline

INTERVAL = 0.02
PCMA_SILENCE = b"\xd5" * 160


def packet(seq, ssrc, payload_type=8, payload=PCMA_SILENCE):
    """One RTP packet (RFC 3550 5.1) of 20 ms of audio."""
    return struct.pack(">BBHII", 0x80, payload_type, seq & 0xFFFF, seq * 160 & 0xFFFFFFFF,
                       ssrc) + payload


def sequence_of(data):
    return struct.unpack(">H", data[2:4])[0]


def ssrc_of(data):
    return struct.unpack(">I", data[8:12])[0]


@dataclass
class Stream:
    """One direction: what `sock` sends to `target`. `received` counts what the other end hears,
    `heard` has it. With a `frequency` the stream carries that tone, else silence."""

    sock: socket.socket
    target: tuple
    ssrc: int
    listener: socket.socket
    sent: int = 0
    received: list = field(default_factory=list)
    sources: set = field(default_factory=set)
    frequency: int = 0
    heard: dict = field(default_factory=dict)

    @property
    def lost(self):
        return self.sent - len(set(self.received))

    def payload(self, number):
        """The audio of packet `number` from 0."""
        return tone.alaw(self.frequency, 160, 160 * number) if self.frequency else PCMA_SILENCE

    def find(self, frequency):
        """How much of a tone was heard at the other end (tone.Finding)."""
        return tone.find_in(tone.linear(b"".join(
            self.heard[number] for number in sorted(self.heard))), frequency)

    def __str__(self):
        return f"ssrc {self.ssrc:#x} to {self.target[0]}:{self.target[1]}: " \
               f"{len(self.received)} of {self.sent} received"


def run_streams(streams, count, first_seq=1, patience=1.0, payload_type=8):
    """Sends `count` packets on every stream, 20 ms apart, and collects what arrives.

    Returns when all have arrived, or `patience` (scaled) seconds after the last one was sent.
    Packets with an SSRC that belongs to no stream are an error.
    """
    by_ssrc = {stream.ssrc: stream for stream in streams}
    listeners = list({stream.listener for stream in streams})
    next_time, deadline = time.monotonic(), None
    while True:
        now = time.monotonic()
        sent = streams[0].sent
        if sent < count and now >= next_time:
            for stream in streams:
                stream.sock.sendto(packet(first_seq + sent, stream.ssrc, payload_type,
                                          stream.payload(sent)), stream.target)
                stream.sent += 1
                if sent == 0:
                    # One after the other: packets of both directions that meet in a NAT router
                    # for the first time may make it take them for two connections.
                    select.select([stream.listener], [], [], INTERVAL)
            next_time += INTERVAL
            if sent + 1 == count:
                deadline = Deadline(patience)
            continue
        if deadline and (deadline.passed() or all(stream.lost == 0 for stream in streams)):
            return streams
        wait = deadline.remaining() if deadline else max(0.0, next_time - now)
        for sock in select.select(listeners, [], [], min(wait, 0.05))[0]:
            data, source = sock.recvfrom(2048)
            stream = by_ssrc.get(ssrc_of(data)) if len(data) >= 12 else None
            if stream is None or stream.listener is not sock:
                raise AssertionError(
                    f"a packet nobody sent here came from {source}: {data[:16]}")
            stream.received.append(sequence_of(data))
            stream.heard[sequence_of(data)] = data[12:]
            stream.sources.add(source[:2])


def exchange(left, left_target, right, right_target, count=15, first_seq=1, patience=1.0,
             tones=(0, 0)):
    """Both ends talk at once: `left` sends to `left_target`, which is to reach `right`, and so on
    the other way. `tones` are the frequencies of both."""
    ours = Stream(left, left_target, 0x10000 + left.getsockname()[1], right, frequency=tones[0])
    theirs = Stream(right, right_target, 0x20000 + right.getsockname()[1], left,
                    frequency=tones[1])
    return run_streams([ours, theirs], count, first_seq, patience)


def drain(sock):
    """Throws away what is still waiting in the socket, and says how much that was."""
    count = 0
    while select.select([sock], [], [], 0)[0]:
        sock.recv(2048)
        count += 1
    return count


def _address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def _echo(sock, idle):
    """Sends everything back to where it came from, until nothing comes for `idle` seconds."""
    count = 0
    while select.select([sock], [], [], idle)[0]:
        data, source = sock.recvfrom(2048)
        sock.sendto(data, source)
        count += 1
    return count


def main():
    """Command line; see the top of the file."""
    parser = argparse.ArgumentParser(description="send, count and echo RTP")
    parser.add_argument("mode", choices=("echo", "send"))
    parser.add_argument("--listen", type=_address, required=True)
    parser.add_argument("--to", type=_address)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--ssrc", type=lambda text: int(text, 0), default=0x5150)
    parser.add_argument("--seq", type=int, default=1)
    parser.add_argument("--idle", type=float, default=5.0)
    options = parser.parse_args()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(options.listen)
    if options.mode == "echo":
        print(f"echoed {_echo(sock, options.idle)}")
        return 0
    stream = Stream(sock, options.to, options.ssrc, sock)
    run_streams([stream], options.count, options.seq)
    print(f"sent {stream.sent} received {len(stream.received)}")
    return 0 if stream.lost == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
