# SPDX-License-Identifier: GPL-2.0-or-later
"""rtp_packet_rate: a stream that carries more than that loses the rest, whoever forwards it."""

import pytest

import rtp
from kernel_relay import MOVES, in_kernel

pytestmark = pytest.mark.needs_daemon

RATE = 400
WINDOW = 0.134      # seconds, in which packets are counted
BURST = 1000


def flood(lab, call):
    """Many packets in next to no time, from the phone; what has arrived."""
    for number in range(1000, 1000 + BURST):
        call.caller_rtp.sendto(rtp.packet(number, call.caller_rtp.getsockname()[1] + 0x10000),
                               call.caller_target)
    received = rtp.drain(call.callee_rtp)
    # What did not fit into the socket's buffer, on a busy machine.
    lost = lab.daemon.space.run("cat", "/proc/net/udp")
    port = f":{call.caller_target[1]:04X}"
    lost = sum(int(fields[-1]) for fields in map(str.split, lost.splitlines()[1:])
               if fields[1].endswith(port))
    call.hang_up()
    said = lab.daemon.wait_log(r"phone (\d+) packets, .* (\d+) above rtp_packet_rate")
    return received, int(said[1]), int(said[2]), lost


def check(received, relayed, dropped, lost, before):
    assert relayed + dropped + lost == BURST + before
    assert received <= relayed - before + 1
    # The burst is over within one window or a few.
    assert RATE * WINDOW - before <= relayed - before <= 5 * RATE * WINDOW


@pytest.mark.siproxd(rtp_engine="userspace", rtp_packet_rate=RATE)
def test_a_flood_through_the_process(lab):
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media(10)
    check(*flood(lab, call), before=10)


@pytest.mark.siproxd(rtp_engine="kernel", rtp_packet_rate=RATE, debug_level=MOVES)
def test_a_flood_through_the_kernel(lab):
    call = in_kernel(lab)
    check(*flood(lab, call), before=call.spoken)


@pytest.mark.siproxd(rtp_packet_rate=0)
def test_no_limit(lab):
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    for number in range(1, 401):
        call.caller_rtp.sendto(rtp.packet(number, 0x5555), call.caller_target)
    call.hang_up()
    lab.daemon.wait_log(r"phone 400 packets, 0\.0 % lost")
