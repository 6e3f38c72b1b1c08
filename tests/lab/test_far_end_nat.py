# SPDX-License-Identifier: GPL-2.0-or-later
"""A user whose phone is behind the NAT of a home on the internet side: it registers at siproxd, calls
and is called, with audio, also after its NAT would have forgotten it."""

import select
import time

import pytest

import calls
import rtp
import topology
from deadline import wait_for
from test_transports import SIDES
from topology import HOME_MAPPING, HOME_PHONE, HOME_PHONE6, SECOND_HOME_PHONE

pytestmark = pytest.mark.needs_daemon

HOME = {"domain": "home.test"}


@pytest.fixture(scope="module")
def site():
    with topology.FarHome() as networks:
        yield networks


@pytest.fixture
def far_lab(idle_lab, tls_settings):
    """Without its `daemon.start()`."""
    idle_lab.passwords(far="away", alice="wonderland", other="side")
    idle_lab.daemon.settings.update(tls_settings, users_outside=1, nat_keepalive=1,
                                    hosts_allow_reg=None)
    return idle_lab


@pytest.fixture
def parties(far_lab, identity):
    """Starts the daemon; returns a phone at home that speaks as `side` says (udp4 to tls6), and
    alice inside, both registered."""
    def make(side):
        far_lab.daemon.start()
        far = far_lab.home_phone(address=HOME_PHONE if side.endswith("4") else HOME_PHONE6,
                                 transport=side[:3], identity=identity, **HOME)
        alice = far_lab.phone("alice", **HOME)
        far_lab.enrolled(far, "away")
        far_lab.enrolled(alice, "wonderland")
        return far, alice
    return make


def idle(seconds):
    """Time passes, which is what the test is about."""
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > end, "time to pass", seconds + 5, 0.1)


def open_nats(call):
    """Nothing gets through a NAT before something has come out: both ends send a packet."""
    for sock, target, side in ((call.caller_rtp, call.caller_target, 0x10000),
                               (call.callee_rtp, call.callee_target, 0x20000)):
        sock.sendto(rtp.packet(0, side + sock.getsockname()[1]), target)
    assert select.select([call.caller_rtp], [], [], 2)[0], "the callee is not heard"
    rtp.drain(call.caller_rtp)
    rtp.drain(call.callee_rtp)


@pytest.mark.parametrize("side, method", [
    ("udp4", "crlf"), ("udp4", "empty"), ("udp4", "options"), ("tcp4", "crlf"), ("tls4", "options"),
    ("udp6", "crlf"), ("tcp6", "options"), ("tls6", "empty")])
def test_a_phone_behind_a_nat_is_called_after_a_long_idle_time(far_lab, parties, side, method):
    far_lab.daemon.settings["nat_keepalive_method"] = method
    far, alice = parties(side)
    end = time.monotonic() + 2 * HOME_MAPPING + 1

    def answers_pings():
        for message in [m for m in far.inbox if m.method == "OPTIONS" and m.is_request]:
            far.inbox.remove(message)
            far.reply(message, 200)
        far.pump()
        return time.monotonic() > end

    wait_for(answers_pings, "time to pass", 2 * HOME_MAPPING + 10, 0.05)
    call = calls.establish(alice, far, "sip:far@home.test")
    open_nats(call)
    call.check_media()
    call.hang_up()


@pytest.mark.parametrize("side", ["udp4", "tcp4", "udp6"])
def test_without_keepalives_its_nat_forgets_it(far_lab, parties, side):
    far_lab.daemon.settings.update(nat_keepalive=0, tcp_keepalive=0)
    far, alice = parties(side)
    idle(HOME_MAPPING + 2)
    alice.invite("sip:far@home.test")
    idle(1)
    assert far.count("INVITE") == 0


@pytest.mark.parametrize("side", SIDES)
def test_a_phone_behind_a_nat_calls_and_hangs_up_both_ways(parties, side):
    far, alice = parties(side)
    for by in ("caller", "callee"):
        call = calls.establish(far, alice, "sip:alice@home.test", password="away")
        call.check_media()
        call.hang_up(by)
        call = calls.establish(alice, far, "sip:far@home.test")
        open_nats(call)
        call.check_media()
        call.hang_up(by)


def test_two_homes_phones_talk_through_us(far_lab):
    far_lab.daemon.start()
    far, other = far_lab.home_phone(**HOME), far_lab.home_phone("other", SECOND_HOME_PHONE, **HOME)
    far_lab.enrolled(far, "away")
    far_lab.enrolled(other, "side")
    call = calls.establish(far, other, "sip:other@home.test", password="away")
    open_nats(call)
    call.check_media()
    call.hang_up("callee")
