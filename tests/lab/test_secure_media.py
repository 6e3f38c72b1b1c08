# SPDX-License-Identifier: GPL-2.0-or-later
"""Encrypted calls between real softphones: the keys of SDES (RFC 4568) go through as they are, the
handshake of DTLS-SRTP (RFC 5763) passes the relay, and nobody on the way hears the tone."""

import shutil

import pytest

import tone
from deadline import wait_for
from test_baresip import talk
from topology import GATEWAY, PHONE, PUBLIC, REMOTE

pytestmark = [pytest.mark.needs_daemon,
              pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed")]

TONES = (440, 700)      # of alice and of bob
DTLS_HANDSHAKE = b"\x16\xfe"
ways = pytest.mark.parametrize("way", ["out", "in"])


def call(lab, way, security):
    """A call in which both hear the other; the softphones inside and outside."""
    lab.kamailio()
    alice = lab.softphone("inside", "alice", PHONE, frequency=TONES[0], security=security)
    bob = lab.softphone("outside", "bob", REMOTE, frequency=TONES[1], security=security)
    if way == "out":
        talk(alice, bob, by=bob, tones=TONES)
    else:
        talk(bob, alice, by=alice, tones=TONES[::-1])
    lab.daemon.assert_ports_released()
    return alice, bob


def descriptions(capture):
    """The lines of the offer and of the answer, as they were on that side."""
    found = {}
    for packet in capture.stop().packets():
        head, _, body = packet.payload.partition(b"\r\n\r\n")
        if packet.is_sip() and body.startswith(b"v=0"):
            found["offer" if head.startswith(b"INVITE") else "answer"] = body.decode().splitlines()
    return found["offer"], found["answer"]


def assert_described(lab, profile, *names):
    """Both sides see this profile in offer and answer, and these attributes, byte for byte."""
    for inside, outside in zip(descriptions(lab.inside), descriptions(lab.outside)):
        for lines in (inside, outside):
            assert [line.split()[2] for line in lines if line.startswith("m=")] == [profile], lines
        for name in names:
            sent, arrived = ([line for line in lines if line.startswith(f"a={name}:")]
                             for lines in (inside, outside))
            assert sent and sent == arrived


def spoken(capture, source, target):
    """The RTP from one address to another."""
    return [packet.payload for packet in capture.stop().packets()
            if packet.is_rtp() and (packet.source, packet.target) == (source, target)]


def on_the_wire(lab):
    """The RTP of alice and of bob as it was outside. It has been relayed untouched."""
    outside = spoken(lab.outside, PUBLIC, REMOTE), spoken(lab.outside, REMOTE, PUBLIC)
    inside = spoken(lab.inside, PHONE, GATEWAY), spoken(lab.inside, GATEWAY, PHONE)
    for one, other in zip(outside, inside):
        assert len(set(one) & set(other)) >= 0.9 * max(len(one), len(other)) > 50
    assert set(outside[0]) <= set(inside[0]) and set(inside[1]) <= set(outside[1])
    return outside


def heard_on_the_wire(packets, frequency):
    """What somebody hears of the tone who takes it for plain A-law."""
    return tone.find_in(tone.linear(b"".join(data[12:172] for data in packets)), frequency).seconds


def assert_says(softphones, *texts):
    for softphone in softphones:
        for text in texts:
            wait_for(lambda: text in softphone.log(),
                     lambda: f"{softphone.user} to say {text!r}:\n{softphone.log()[-6000:]}")


@ways
def test_keys_in_the_sdp(lab, way):
    softphones = call(lab, way, "srtp-mand")
    assert_says(softphones, "SRTP is Enabled (cryptosuite=AES_CM_128_HMAC_SHA1_80)")
    assert_described(lab, "RTP/SAVP", "crypto")
    for packets, frequency in zip(on_the_wire(lab), TONES):
        assert heard_on_the_wire(packets, frequency) < 0.1


@ways
def test_a_handshake_on_the_media_ports(lab, way):
    softphones = call(lab, way, "dtls_srtp")
    assert_says(softphones, "verified SHA-256 fingerprint OK", "DTLS-SRTP complete (audio/RTP)",
                "DTLS-SRTP complete (audio/RTCP)")
    assert_described(lab, "UDP/TLS/RTP/SAVPF", "fingerprint", "setup")
    for packets, frequency in zip(on_the_wire(lab), TONES):
        assert heard_on_the_wire(packets, frequency) < 0.1
    shaken = {(packet.source, packet.target) for packet in lab.outside.stop().packets()
              if packet.payload.startswith(DTLS_HANDSHAKE)}
    assert shaken == {(PUBLIC, REMOTE), (REMOTE, PUBLIC)}


def test_a_call_in_the_clear_is_heard_on_the_wire(lab):
    """That the tests above test something."""
    call(lab, "out", None)
    assert_described(lab, "RTP/AVP", "rtpmap")
    for packets, frequency in zip(on_the_wire(lab), TONES):
        assert heard_on_the_wire(packets, frequency) > 1
