# SPDX-License-Identifier: GPL-2.0-or-later
"""The same packets through both relay engines: what comes out is the same, byte for byte, from the same
address, with the same DSCP and TTL."""

import os
import random
import select
import socket
import struct

import pytest

import rtp
import topology
from calls import establish
from kernel_relay import MOVES, moved
from topology import GATEWAY, GATEWAY6, PHONE, PHONE6, PROVIDER, PROVIDER6

pytestmark = pytest.mark.needs_daemon
STUN_HEADER = b"\x00\x01\x00\x00\x21\x12\xa4\x42"
IP_RECVTTL = 12     # Linux; the socket module does not know it
V4 = (socket.IPPROTO_IP, socket.IP_RECVTOS, socket.IP_TOS, IP_RECVTTL, socket.IP_TTL)
V6 = (socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, socket.IPV6_TCLASS, socket.IPV6_RECVHOPLIMIT,
      socket.IPV6_HOPLIMIT)


@pytest.fixture(scope="module")
def site():
    with topology.DualStack() as networks:
        yield networks


def header(first=0x80, kind=8, seq=1, ssrc=0x10000):
    return struct.pack(">BBHII", first, kind, seq & 0xFFFF, seq * 160, ssrc)


def packets(ssrc):
    """What a party may send: RTP in all its shapes, and what is not RTP."""
    chance = random.Random(4711)
    some = chance.randbytes
    sizes = [0, 1, 2, 3, 33, 160, 500, 1000, 1440]
    found = [header(seq=100 + index, ssrc=ssrc) + some(size) for index, size in enumerate(sizes)]
    found += [
        header(kind=8 | 0x80, seq=200, ssrc=ssrc) + some(160),                   # marker
        header(0x81, seq=201, ssrc=ssrc) + some(4 + 160),                        # a contributor
        header(0x8F, seq=202, ssrc=ssrc) + some(60 + 160),                       # fifteen of them
        header(0x8F, seq=203, ssrc=ssrc) + some(59),                             # cut off
        header(0x90, seq=204, ssrc=ssrc) + b"\xbe\xde\0\1" + some(4 + 160),      # extension
        header(0xA0, seq=205, ssrc=ssrc) + some(159) + b"\1",                    # padding
        header(seq=65535, ssrc=ssrc) + some(10), header(seq=0, ssrc=ssrc) + some(10),
        header(seq=206, ssrc=ssrc + 99) + some(160),                             # another source
        header(seq=207, ssrc=ssrc) + b"\0" * 160, header(seq=208, ssrc=ssrc) + b"\xff" * 160,
        struct.pack(">BBHIIIIII", 0x80, 200, 6, ssrc, 1, 2, 3, 4, 5),            # RTCP, multiplexed
        STUN_HEADER + some(12),                                                  # STUN
        b"\x16\xfe\xfd" + some(40),                                              # DTLS
        header(0x40, seq=209, ssrc=ssrc) + some(160),                            # version 1
        header(0xC0, seq=210, ssrc=ssrc) + some(160),                            # version 3
        header(seq=211, ssrc=ssrc)[:11], b"\x80", b"", b"OPTIONS sip:a SIP/2.0\r\n",
        header(seq=212, ssrc=ssrc) + some(1800),                                 # a fragmented one
        header(seq=213, ssrc=ssrc) + some(3000),                                 # longer than is relayed
    ]
    return found


def ask_for_details(sock):
    level, tos, _, ttl, _ = V6 if sock.family == socket.AF_INET6 else V4
    sock.setsockopt(level, tos, 1)
    sock.setsockopt(level, ttl, 1)


def receive(sock):
    """A datagram, where it came from, its DSCP and TTL."""
    _, _, tos, _, ttl = V6 if sock.family == socket.AF_INET6 else V4
    data, details, _, source = sock.recvmsg(4096, 256)
    values = {kind: value[0] for _, kind, value in details}
    return data, source[0], values[tos], values[ttl]


def heard(sender, target, listener, sent):
    """Which of `sent` come out of the relay, as they went in, from where and how. Behind each stands a mark
    that is relayed for certain, by the process, which nothing sent before can come after: that a
    packet is missing is known without waiting."""
    out = []
    for number, data in enumerate(sent):
        sender.sendto(data, target)
        mark = STUN_HEADER + f"mark {number:7}".encode()
        sender.sendto(mark, target)
        while True:
            assert select.select([listener], [], [], 5)[0], f"the mark behind packet {number}"
            got = receive(listener)
            if got[0] == mark:
                break
            assert got[0] == data, f"packet {number} comes out as {got[0][:32]}"
            out.append((number, *got[1:]))
    return out


def through(lab, engine, version):
    """What both parties of a call hear, with that engine."""
    lab.daemon.settings.update(rtp_engine=engine, debug_level=MOVES, rtp_dscp=46)
    lab.daemon.start()
    phone = lab.phone(address=PHONE if version == 4 else PHONE6, port=5070 + version)
    provider = lab.provider(PROVIDER if version == 4 else PROVIDER6, port=5080 + version)
    call = establish(phone, provider, f"sip:bob@{host(provider.address)}:{provider.port}")
    call.check_media(15)
    if engine == "kernel":
        moved(lab)
    results = []
    for sender, target, listener in ((call.caller_rtp, call.caller_target, call.callee_rtp),
                                     (call.callee_rtp, call.callee_target, call.caller_rtp)):
        ask_for_details(listener)
        results.append(heard(sender, target, listener, packets(sender.getsockname()[1])))
    call.hang_up()
    phone.close()
    provider.close()
    lab.daemon.stop()
    os.unlink(lab.daemon.log_file)
    lab.daemon.started = 0
    return results, (call.caller_target[0], call.callee_target[0])


def host(address):
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("version", [4, 6])
def test_both_engines_send_the_same(idle_lab, version):
    process, addresses = through(idle_lab, "userspace", version)
    kernel, same_addresses = through(idle_lab, "kernel", version)
    assert addresses == same_addresses
    assert addresses[0] == (GATEWAY if version == 4 else GATEWAY6)
    for direction, (one, other) in enumerate(zip(process, kernel)):
        assert len(one) > 20, "most of them are relayed"
        assert one == other, f"direction {direction}"
        assert {(tos, ttl) for _, _, tos, ttl in one} == {(46 << 2, 64)}
