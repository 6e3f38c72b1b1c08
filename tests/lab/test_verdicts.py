# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log says of a call's media when it ends: who, how long, how well, and when nothing was
heard, why."""

import os
import re
import select
import signal
import struct
import time
from contextlib import nullcontext

import pytest

import rtp
import sip
from calls import reinvite
from deadline import wait_for
from kernel_relay import MOVES, Standing, moved
from topology import PROVIDER, REMOTE

pytestmark = pytest.mark.needs_daemon


@pytest.fixture
def call(lab):
    phone, provider, _ = lab.pair()
    return lab.call_out(phone, provider)


def verdict(lab, event="ended after"):
    """What the phone's and the provider's media was like."""
    found = lab.daemon.wait_log(rf"call of alice@\S+ to bob@\S+ {event} \d+ s: "
                                r"phone (.*); provider (.*) \[CID: ")
    return found[1], found[2]


def talk(sock, target, sequences, pause=0.02):
    """Packets with these sequence numbers, at a phone's pace."""
    for number in sequences:
        sock.sendto(rtp.packet(number, 0x3333), target)
        time.sleep(pause)


def test_a_good_call(lab, call):
    call.check_media(60)
    call.hang_up()
    for said, sock in zip(verdict(lab), (call.caller_rtp, call.callee_rtp)):
        address, port = sock.getsockname()
        assert re.fullmatch(r"60 packets, 0\.0 % lost, jitter \d+ ms, PCMA, MOS 4\.\d, "
                            rf"10 kB from {re.escape(address)}:{port}", said), said


def test_what_is_lost_and_overtaken_on_the_way_is_told(lab, call):
    """Every tenth packet of the phone's, and twice the order of two."""
    sequences = [number for number in range(1, 81) if number % 10 != 5]
    sequences[20:22] = sequences[21:19:-1]
    sequences[60:62] = sequences[61:59:-1]
    talk(call.caller_rtp, call.caller_target, sequences)
    call.hang_up()
    phone, _ = verdict(lab)
    assert re.match(r"72 packets, 10\.0 % lost, ", phone), phone
    assert ", PCMA, MOS 3." in phone or ", PCMA, MOS 2." in phone, phone


def test_jitter_is_told(lab, call):
    """Packets of 20 ms that come 10 ms early or late: on the average off by 20 ms."""
    for number in range(1, 61):
        talk(call.caller_rtp, call.caller_target, [number], 0.01 if number % 2 else 0.03)
    call.hang_up()
    phone, _ = verdict(lab)
    assert 5 <= int(re.search(r"jitter (\d+) ms", phone)[1]) <= 25, phone


class Jitter:
    """RFC 3550 A.8 in milliseconds, as a receiver measures it."""

    def __init__(self):
        self.jitter, self.ssrc, self.transit = 0.0, None, 0.0

    def hear(self, ssrc, stamp, arrival):
        transit = arrival - stamp
        if ssrc == self.ssrc:
            self.jitter += (abs(transit - self.transit) - self.jitter) / 16
        self.ssrc, self.transit = ssrc, transit


def uneven(ssrc):
    """Packets 16 to 80 of a party's audio: its SSRC, sequence number, type, timestamp in ms. Every tenth is
    lost, two have overtaken others, one comes twice, three are events, one is a stray; and another source goes
    on. Timestamps go back and forth by 2 s, against which a machine's own unevenness is nothing."""
    sent = [(ssrc, number, 8, number * 20 + number % 2 * 2000)
            for number in range(16, 81) if number % 10 != 5]
    sent[4:6] = sent[5:3:-1]
    sent[14:16] = sent[15:13:-1]
    sent.insert(21, sent[20])
    sent[30:33] = [(ssrc, number, 101, 7777) for _, number, *_ in sent[30:33]]
    sent.insert(40, (ssrc, 50000, 8, 1))
    return sent + [(ssrc + 1, number, 8, number * 20 + number % 2 * 2000)
                   for number in range(65530, 65550)]


def say(sock, target, listener, packets, measure):
    """One after the other, each heard at the other end before the next one."""
    heard, before = set(), None
    for ssrc, number, kind, stamp in packets:
        data = struct.pack(">BBHII", 0x80, kind, number & 0xFFFF, stamp * 8, ssrc) + rtp.PCMA_SILENCE
        if kind == 8 and number != 50000 and (ssrc, number) not in heard:
            measure.hear(ssrc, stamp, time.monotonic() * 1000)
        heard.add((ssrc, number))
        sock.sendto(data, target)
        assert select.select([listener], [], [], 5)[0], f"packet {number} behind {before}"
        assert listener.recv(2048) == data
        before = number


def engines():
    for engine in ("userspace", "kernel"):
        yield pytest.param(marks=pytest.mark.siproxd(rtp_engine=engine, debug_level=MOVES), id=engine)


@pytest.mark.parametrize((), engines())
def test_both_engines_measure_the_same(request, lab, call):
    """What is lost, overtaken and uneven is told alike whoever has relayed it, during the call and when media
    has come back to the process. In the kernel that is without the process, which stands still."""
    in_kernel = "kernel" in request.node.name
    call.check_media(15)
    if in_kernel:
        moved(lab)
    ways = [(call.caller_rtp, call.caller_target, call.callee_rtp, 0x10000),
            (call.callee_rtp, call.callee_target, call.caller_rtp, 0x20000)]
    models = [Jitter(), Jitter()]
    with Standing(lab) if in_kernel else nullcontext():
        for (sock, target, listener, ssrc), model in zip(ways, models):
            ssrc += sock.getsockname()[1]
            model.hear(ssrc, 15 * 20, time.monotonic() * 1000)
            say(sock, target, listener, uneven(ssrc), model)

    def check(said, packets, lost, more, model):
        found = re.match(rf"{packets} packets, {100 * lost / (packets + lost):.1f} % lost, jitter (\d+) ms, "
                         rf"2 overtaken, {more} sources, PCMA, MOS 1\.0", said)
        assert found, said
        assert abs(int(found[1]) - model.jitter) < model.jitter / 10, f"{said}, not {model.jitter:.0f}"
    os.kill(lab.daemon.pid, signal.SIGUSR1)
    for said, model in zip(verdict(lab, "goes on for"), models):
        assert 1000 < model.jitter < 2100
        check(said, 15 + 59 + 20, 6, 2, model)

    ports = [sock.getsockname()[1] for sock in (call.caller_rtp, call.callee_rtp)]
    reinvite(call.caller, call.callee,
             sip.sdp(call.caller.agent.address, ports[0], version=2),
             sip.sdp(call.callee.agent.address, ports[1], version=2))
    call.check_media(15)
    call.hang_up()
    for said, model in zip(verdict(lab), models):
        for number in range(15):
            model.hear(1, number * 20, number * 20)
        check(said, 15 + 59 + 20 + 15, 6, 3, model)


@pytest.mark.parametrize((), engines())
def test_jitter_is_by_the_time_of_arrival(request, lab, call):
    """Timestamps say when packets were sent, whatever the pace of this machine: there is next to no jitter. By
    an arrival that stood still there would be as much as lies between two packets."""
    call.check_media(15)
    if "kernel" in request.node.name:
        moved(lab)
    start = time.monotonic()
    for number in range(1, 41):
        stamp = int((time.monotonic() - start) * 8000)
        header = struct.pack(">BBHII", 0x80, 8, number, stamp, 0x4444)
        call.caller_rtp.sendto(header + rtp.PCMA_SILENCE, call.caller_target)
        time.sleep(0.05)    # their pace
    between = (time.monotonic() - start) * 1000 / 40
    call.hang_up()
    phone, _ = verdict(lab)
    assert int(re.search(r"jitter (\d+) ms, ", phone)[1]) < between / 2, phone


def test_a_silent_provider(lab, call):
    talk(call.caller_rtp, call.caller_target, range(1, 30))
    call.hang_up()
    phone, provider = verdict(lab)
    assert phone.startswith("29 packets, 0.0 % lost")
    port = call.callee_target[1]
    expected = f"{PROVIDER}:{call.callee_rtp.getsockname()[1]}"
    assert provider == f"nothing came (to UDP port {port}, expected from {expected})"


def test_audio_from_somebody_else(lab, call):
    stranger = lab.site.internet.socket(REMOTE, 0)
    lab.at_end(stranger.close)
    talk(stranger, call.callee_target, range(1, 5))
    so_far(lab, "but some came from")
    call.hang_up()
    _, provider = verdict(lab)
    port = stranger.getsockname()[1]
    assert provider.startswith("no audio from the address that was announced "), provider
    assert f"but some came from {REMOTE}:{port}" in provider


def so_far(lab, pattern):
    """Returns when the media of the call is like that."""
    def told():
        os.kill(lab.daemon.pid, signal.SIGUSR1)
        return re.search("goes on for .*" + pattern, lab.daemon.log())
    wait_for(told, lambda: f"/{pattern}/ in the log:\n{lab.daemon.log()[-3000:]}")


def test_noise_instead_of_audio(lab, call):
    for _ in range(5):
        call.callee_rtp.sendto(b"hello", call.callee_target)
    so_far(lab, "5 datagrams")
    call.hang_up()
    assert verdict(lab)[1].startswith("no audio, 5 datagrams came that are no RTP")


def test_a_firewall_in_front_of_our_ports(lab, call):
    """The provider's reports come, its audio does not: only one of its two ports is let in."""
    report = struct.pack(">BBHIIIIII", 0x80, 200, 6, 0x4444, 1, 0, 0, 900, 144000)
    sock = lab.site.internet.socket(PROVIDER, call.callee_rtp.getsockname()[1] + 1)
    lab.at_end(sock.close)
    sock.sendto(report, (call.callee_target[0], call.callee_target[1] + 1))
    so_far(lab, "900 packets")
    call.hang_up()
    assert "it reports to have sent 900 packets: does a firewall close UDP port " \
        f"{call.callee_target[1]}?" in verdict(lab)[1]


def test_calls_that_go_on_are_told_on_demand(lab, call):
    call.check_media(20)
    os.kill(lab.daemon.pid, signal.SIGUSR1)
    for said in verdict(lab, "goes on for"):
        assert said.startswith("20 packets, 0.0 % lost"), said
    call.hang_up()


def test_calls_that_a_shutdown_cuts_off_are_told(lab, call):
    call.check_media(20)
    lab.daemon.stop()
    for said in verdict(lab, "is cut off after"):
        assert said.startswith("20 packets, 0.0 % lost"), said


def test_streams_that_were_taken_down_are_told(lab, call):
    """Audio, and then a fax by T.38 that never comes."""
    call.check_media(20)

    def fax(agent, sock):
        return sip.sdp(agent.address, 0).replace("audio 0 RTP/AVP 8 101", "audio 0 RTP/AVP 8") + \
            f"m=image {sock.getsockname()[1]} udptl t38\r\n"
    reinvite(call.caller, call.callee, fax(call.caller.agent, call.caller_rtp),
             fax(call.callee.agent, call.callee_rtp))
    call.hang_up()
    lab.daemon.wait_log(r"phone nothing came \(.*; provider nothing came \(.*; stream 1: "
                        r"\(until it was taken down\) phone 20 packets, 0\.0 % lost, .*; "
                        r"provider 20 packets, 0\.0 % lost, ")


def test_a_call_that_nobody_answers_has_no_verdict(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:bob@sip.example.test", sip.sdp(phone.address, 4000))
    provider.reply(provider.expect("INVITE"), 486)
    phone.expect((486, "INVITE"))
    provider.expect("ACK")
    lab.daemon.assert_ports_released()
    assert "ended after" not in lab.daemon.log()
