# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls between SIPp inside and SIPp outside through a real provider (Kamailio), with audio that is
echoed by the called side."""

import pytest

from capture import Capture, rtp_flows
from daemon import DIRECT
from topology import GATEWAY, PBX, PHONE, PUBLIC, REMOTE, SECOND_PHONE

ECHO = ["-rtp_echo", "-mp", "6000"]
KAMAILIO = "203.0.113.50:5060"


class Side:
    """Somebody who can call or answer: side of the border, address, user."""

    def __init__(self, lab, side, address, user):
        self.lab, self.side, self.address, self.user = lab, side, address, user

    def run(self, scenario, **keys):
        if self.side == "outside" and scenario.startswith(("call", "register")):
            keys["target"] = KAMAILIO
        if scenario.startswith("answer"):
            keys["options"] = ECHO
            keys["target"] = None
        return self.lab.sipp(self.side, scenario, self.address, user=self.user, **keys)

    def register(self):
        self.run("register", expires=600).finish()
        return self


def sides(lab, direction):
    """(caller, callee): bob is outside; "inside" is a call between two phones."""
    lab.kamailio()
    alice = Side(lab, "inside", PHONE, "alice").register()
    bob = Side(lab, "inside", SECOND_PHONE, "bob").register() if direction == "inside" else \
        Side(lab, "outside", REMOTE, "bob").register()
    return (bob, alice) if direction == "in" else (alice, bob)


@pytest.fixture
def between_phones(lab):
    """What the phones inside say to each other, past the router."""
    capture = Capture(lab.site.phones, "lo", f"{lab.directory}/neighbours.pcap")
    lab.at_end(capture.stop)
    return capture


def play(caller, callee, calling, answering, **keys):
    """Runs both scenarios to their ends."""
    answer = callee.run(answering)
    call = caller.run(calling, peer=callee.user, **keys)
    call.finish()
    answer.finish()
    return call, answer


def assert_audio(lab, direction, between_phones, least=45):
    """At least `least` packets went from the phone to its relay port and came back from it, and
    the same on the other leg; nothing else did. Phones on one network send to each other."""
    if DIRECT:
        return
    if direction == "inside":
        assert not rtp_flows(lab.inside.stop().packets())
        flows = rtp_flows(between_phones.stop().packets())
        # SIPp does not always echo to its own host; test_inside_calls.py has both ways.
        assert {host for source, _, target, _ in flows for host in (source, target)} == \
            {PHONE, SECOND_PHONE}, flows
        assert max(flows.values()) >= least, flows
        return
    inside = rtp_flows(lab.inside.stop().packets())
    outside = rtp_flows(lab.outside.stop().packets())
    for flows, here, there in ((inside, PHONE, GATEWAY), (outside, REMOTE, PUBLIC)):
        assert {frozenset((source, target)) for source, _, target, _ in flows} == {
            frozenset((here, there))}, flows
        for key in ((here, there), (there, here)):
            counts = [count for (source, _, target, _), count in flows.items()
                      if (source, target) == key]
            assert sum(counts) >= least, f"{key}: {flows}"


all_ways = pytest.mark.parametrize("direction", ["out", "in", "inside"])


@all_ways
def test_the_caller_hangs_up(lab, direction, between_phones):
    play(*sides(lab, direction), "call", "answer")
    lab.daemon.assert_ports_released()
    assert_audio(lab, direction, between_phones)


@all_ways
def test_the_called_one_hangs_up(lab, direction, between_phones):
    play(*sides(lab, direction), "call_hung_up", "answer_hang_up")
    lab.daemon.assert_ports_released()
    assert_audio(lab, direction, between_phones)


@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize("hold, address", [("sendonly", None), ("inactive", None),
                                           ("sendonly", "0.0.0.0")])
def test_hold_and_resume(lab, direction, hold, address, between_phones):
    caller, callee = sides(lab, direction)
    play(caller, callee, "call_hold", "answer_hold", hold=hold,
         hold_address=address or caller.address)
    lab.daemon.assert_ports_released()
    assert_audio(lab, direction, between_phones)


@all_ways
def test_the_caller_cancels(lab, direction):
    play(*sides(lab, direction), "call_cancel", "answer_cancelled")
    lab.daemon.assert_ports_released()


@all_ways
def test_the_called_one_is_busy(lab, direction):
    play(*sides(lab, direction), "call_refused", "answer_busy")
    lab.daemon.assert_ports_released()


def test_several_calls_in_a_row_from_two_phones(lab):
    """The same phones again and again: nothing of one call is left for the next."""
    caller, callee = sides(lab, "out")
    other = Side(lab, "inside", PBX, "carol").register()
    for phone in (caller, other):
        answer = callee.run("answer", calls=3)
        phone.run("call", peer="bob", calls=3, options=["-r", "5"]).finish()
        answer.finish()
    lab.daemon.assert_ports_released()
