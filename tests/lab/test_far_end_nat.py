# SPDX-License-Identifier: GPL-2.0-or-later
"""A user whose phone is behind the NAT of a home on the internet side: it registers at siproxd, calls
and is called, with audio, also after its NAT would have forgotten it."""

import os
import select
import time

import pytest

import calls
import rtp
import topology
from deadline import wait_for
from topology import HOME_MAPPING, SECOND_HOME_PHONE

pytestmark = pytest.mark.needs_daemon

HOME = {"domain": "home.test"}


@pytest.fixture(scope="module")
def site():
    with topology.FarHome() as networks:
        yield networks


@pytest.fixture
def far_lab(idle_lab):
    path = f"{idle_lab.directory}/passwords"
    with open(path, "w", encoding="utf-8") as file:
        file.write("far away\nalice wonderland\nother side\n")
    os.chmod(path, 0o644)
    idle_lab.daemon.settings.update(local_domains="home.test", proxy_auth_realm="home",
                                    proxy_auth_pwfile=path, users_outside=1, nat_keepalive=1,
                                    hosts_allow_reg=None)
    return idle_lab


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


@pytest.mark.parametrize("method", ["crlf", "empty", "options"])
def test_a_phone_behind_a_nat_is_called_after_a_long_idle_time(far_lab, method):
    far_lab.daemon.settings["nat_keepalive_method"] = method
    far_lab.daemon.start()
    far, alice = far_lab.home_phone(**HOME), far_lab.phone("alice", **HOME)
    far_lab.enrolled(far, "away")
    far_lab.enrolled(alice, "wonderland")
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


def test_without_keepalives_its_nat_forgets_it(far_lab):
    far_lab.daemon.settings["nat_keepalive"] = 0
    far_lab.daemon.start()
    far, alice = far_lab.home_phone(**HOME), far_lab.phone("alice", **HOME)
    far_lab.enrolled(far, "away")
    far_lab.enrolled(alice, "wonderland")
    idle(HOME_MAPPING + 2)
    alice.invite("sip:far@home.test")
    idle(1)
    assert far.count("INVITE") == 0


def test_a_phone_behind_a_nat_calls_and_hangs_up_both_ways(far_lab):
    far_lab.daemon.start()
    far, alice = far_lab.home_phone(**HOME), far_lab.phone("alice", **HOME)
    far_lab.enrolled(far, "away")
    far_lab.enrolled(alice, "wonderland")
    for by in ("caller", "callee"):
        call = calls.establish(far, alice, "sip:alice@home.test", password="away")
        call.check_media()
        call.hang_up(by)
        call = calls.establish(alice, far, "sip:far@home.test")
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


