# SPDX-License-Identifier: GPL-2.0-or-later
"""The main thing: two real softphones on either side of a real NAT, a real provider between them,
and the tone of one is heard at the other."""

import shutil

import pytest

import tone
from deadline import wait_for
from topology import PHONE, REMOTE, SECOND_PHONE

pytestmark = pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed")


def hears(softphone, frequency, seconds=1.5, timeout=15.0):
    """Waits until `softphone` has recorded that much of the tone; returns the finding."""
    def enough():
        try:
            found = tone.find_tone(softphone.recording(), frequency)
        except IndexError:
            return None
        return found if found.seconds >= seconds else None
    return wait_for(enough, f"{softphone.user} to hear {frequency} Hz for {seconds} s", timeout,
                    interval=0.1)


def talk(caller, callee, by, tones=(440, 440), domain="sip.example.test"):
    """A call with the tones of caller and callee, hung up by `by`."""
    for softphone in (caller, callee):
        softphone.forget_recordings()
    caller.command("dial", f"sip:{callee.user}@{domain}")
    for softphone in (callee, caller):
        softphone.expect("CALL_ESTABLISHED")
    for softphone, frequency in ((callee, tones[0]), (caller, tones[1])):
        found = hears(softphone, frequency)
        assert found.share > 0.9, found
    by.command("hangup")
    for softphone in (caller, callee):
        softphone.expect("CALL_CLOSED")


def softphones(lab, tones=(440, 440), password="secret"):
    lab.kamailio(password=password)
    return (lab.softphone("inside", "alice", PHONE, frequency=tones[0]),
            lab.softphone("outside", "bob", REMOTE, frequency=tones[1]))


def test_a_softphone_calls_out_and_both_hear_the_other(lab):
    alice, bob = softphones(lab)
    talk(alice, bob, by=alice)
    lab.daemon.assert_ports_released()


def test_a_softphone_is_called_and_both_hear_the_other(lab):
    alice, bob = softphones(lab)
    talk(bob, alice, by=bob)
    lab.daemon.assert_ports_released()


def test_each_hears_the_other_and_not_itself(lab):
    alice, bob = softphones(lab, tones=(440, 700))
    talk(alice, bob, by=bob, tones=(440, 700))
    assert tone.find_tone(alice.recording(), 440).seconds == 0
    assert tone.find_tone(bob.recording(), 700).seconds == 0
    lab.daemon.assert_ports_released()


def test_two_softphones_inside_call_each_other(lab):
    lab.kamailio()
    alice = lab.softphone("inside", "alice", PHONE, frequency=440)
    carol = lab.softphone("inside", "carol", SECOND_PHONE, frequency=700)
    talk(alice, carol, by=carol, tones=(440, 700))
    lab.daemon.assert_ports_released()
