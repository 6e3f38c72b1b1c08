# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log says of a call's media when it ends: who, how long, how well, and when nothing was
heard, why."""

import os
import re
import signal
import struct
import time

import pytest

import rtp
import sip
from calls import reinvite
from deadline import wait_for
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
