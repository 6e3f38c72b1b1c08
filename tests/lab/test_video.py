# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls with a picture between real softphones: both streams are relayed, each through ports of its own,
and the picture can be decoded at the far end."""

import re
import shutil

import pytest

from deadline import wait_for
from test_baresip import hears
from test_secure_media import TONES, descriptions
from topology import GATEWAY, PHONE, PUBLIC, REMOTE

pytestmark = [pytest.mark.needs_daemon,
              pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed")]


def sees(softphone):
    """Waits until `softphone` has decoded a picture of the other one."""
    wait_for(lambda: "video: receiving with resolution 176 x 144" in softphone.log(),
             lambda: f"{softphone.user} to see something:\n{softphone.log()[-6000:]}", 15)


def address_of(lines, kind):
    """Address, port and payload type of the stream in the SDP of these lines."""
    text = "\n".join(lines)
    port, payload_type = re.search(rf"^m={kind} (\d+) \S+ (\d+)", text, re.MULTILINE).groups()
    address = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)[1]
    return (address, int(port)), int(payload_type)


def assert_relayed(lab, caller_is_inside):
    """The RTP of both streams and sides goes where the SDP has said, and comes from there, too."""
    for capture, ours, remote in ((lab.outside, PUBLIC, REMOTE), (lab.inside, GATEWAY, PHONE)):
        offer, answer = descriptions(capture)
        assert {lines[3] for lines in (offer, answer)} == {f"c=IN IP4 {ours}", f"c=IN IP4 {remote}"}
        packets = [packet for packet in capture.stop().packets() if packet.is_rtp()]
        for kind, at_least in (("audio", 50), ("video", 5)):
            (one, payload_type), (other, _) = address_of(offer, kind), address_of(answer, kind)
            for source, target in ((one, other), (other, one)):
                count = sum((packet.source, packet.source_port) == source
                            and (packet.target, packet.target_port) == target
                            and packet.payload[1] & 0x7F == payload_type for packet in packets)
                assert count >= at_least, f"{count} packets of {kind} from {source} to {target}"
        sender = descriptions(capture)[0][3].split()[-1]
        assert sender == ((ours if capture is lab.outside else remote) if caller_is_inside else
                          (remote if capture is lab.outside else ours))


@pytest.mark.parametrize("way", ["out", "in"])
@pytest.mark.parametrize("security", [None, "dtls_srtp"], ids=["plain", "dtls_srtp"])
def test_sound_and_picture(lab, way, security):
    lab.kamailio()
    alice = lab.softphone("inside", "alice", PHONE, frequency=TONES[0], security=security, video=True)
    bob = lab.softphone("outside", "bob", REMOTE, frequency=TONES[1], security=security, video=True)
    caller, callee = (alice, bob) if way == "out" else (bob, alice)
    caller.command("dial", f"sip:{callee.user}@sip.example.test")
    for softphone in (caller, callee):
        softphone.expect("CALL_ESTABLISHED")
    assert len(lab.daemon.relay_ports()) == 4, "RTP and RTCP of two streams"
    for softphone, frequency in ((alice, TONES[1]), (bob, TONES[0])):
        sees(softphone)
        found = hears(softphone, frequency)
        assert found.share > 0.9, found
    caller.command("hangup")
    for softphone in (caller, callee):
        softphone.expect("CALL_CLOSED")
    lab.daemon.assert_ports_released()
    assert_relayed(lab, way == "out")
