# SPDX-License-Identifier: GPL-2.0-or-later
"""rtp_input_dejitter and rtp_output_dejitter: media that comes unevenly leaves evenly."""

import select
import statistics
import time

import pytest

import rtp

pytestmark = pytest.mark.needs_daemon
COUNT = 60


def gaps(sock, target, listener):
    """Sends packets of 20 ms, every other one 15 ms late; seconds between those that arrive."""
    start, heard, sent = time.monotonic() + 0.02, [], 0
    while len(heard) < COUNT and time.monotonic() < start + 10:
        due = start + 0.02 * sent + (0.015 if sent % 2 else 0)
        now = time.monotonic()
        if sent < COUNT and now >= due:
            sent += 1
            sock.sendto(rtp.packet(sent, 0x4444), target)
            continue
        if select.select([listener], [], [], min(max(due - now, 0), 0.01) if sent < COUNT
                         else 0.01)[0]:
            heard.append((time.monotonic(), rtp.sequence_of(listener.recv(2048))))
    assert [number for _, number in heard] == list(range(1, COUNT + 1))
    return [later[0] - earlier[0] for earlier, later in zip(heard, heard[1:])]


def unevenness(*way):
    """How far most gaps are from 20 ms; a machine that is busy for a moment spoils some."""
    return statistics.median(abs(gap - 0.02) for gap in gaps(*way))


@pytest.mark.siproxd(rtp_input_dejitter=60000)
def test_media_from_outside(lab):
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media(2)
    assert unevenness(call.callee_rtp, call.callee_target, call.caller_rtp) < 0.006
    assert unevenness(call.caller_rtp, call.caller_target, call.callee_rtp) > 0.01
    call.hang_up()
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(rtp_output_dejitter=60000)
def test_media_from_a_phone_in_a_call_that_came_in(lab):
    phone, provider, contact = lab.pair()
    call = lab.call_in(phone, provider, contact)
    call.check_media(2)
    assert unevenness(call.callee_rtp, call.callee_target, call.caller_rtp) < 0.006
    assert unevenness(call.caller_rtp, call.caller_target, call.callee_rtp) > 0.01
    call.hang_up()
