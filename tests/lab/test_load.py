# SPDX-License-Identifier: GPL-2.0-or-later
"""Many calls at once, and many calls one after the other."""

import re
import threading
import time

import pytest

import rtpload
import sip
from deadline import Deadline, wait_for
from topology import PHONE, PROVIDER, PUBLIC

pytestmark = [pytest.mark.needs_daemon, pytest.mark.slow, pytest.mark.alone,
              pytest.mark.capture(inside="udp port 5060", outside="udp port 5060")]

CALLS = 500
SECONDS = 10


def connect(lab, phone, provider, count):
    """`count` calls out, 20 at a time. Returns the dialogs of the phone and the legs of both
    sides."""
    dialogs, inside, outside = [], [], []
    for first in range(0, count, 20):
        numbers = range(first, min(first + 20, count))
        started = {}
        for number in numbers:
            dialog = phone.invite("sip:bob@sip.example.test", sip.sdp(PHONE, 20000 + 2 * number))
            started[dialog.call_id] = (number, dialog)
        for _ in numbers:
            invite = provider.expect("INVITE", 10)
            number, _ = started[invite["call-id"]]
            provider.accept(invite, sip.sdp(PROVIDER, 20000 + 2 * number))
            outside.append((PROVIDER, 20000 + 2 * number, invite.sdp.audio.target, number))
        for _ in numbers:
            answer = phone.expect((200, "INVITE"), 10)
            number, dialog = started[answer["call-id"]]
            dialog.ack(answer)
            inside.append((PHONE, 20000 + 2 * number, answer.sdp.audio.target, number))
            dialogs.append(dialog)
        for _ in numbers:
            provider.expect("ACK", 10)
    return dialogs, [[leg[:3] for leg in sorted(legs, key=lambda leg: leg[3])]
                     for legs in (inside, outside)]


@pytest.mark.siproxd(rtp_port_low=30000, rtp_port_high=30000 + 2 * CALLS + 199)
def test_500_calls_with_audio_lose_nothing(lab):
    lab.site.firewall(30000, 30000 + 2 * CALLS + 199)
    phone, provider, _ = lab.pair()
    # A sanitizer build is several times slower: there it is about memory, not about speed.
    calls = CALLS // 10 if lab.daemon.sanitized() else CALLS
    dialogs, (inside, outside) = connect(lab, phone, provider, calls)
    assert len({leg[2] for leg in inside}) == len({leg[2] for leg in outside}) == calls
    assert {leg[2][0] for leg in outside} == {PUBLIC}
    sides = [rtpload.Side(lab.site.phones, lab.directory, "inside", inside, SECONDS),
             rtpload.Side(lab.site.internet, lab.directory, "outside", outside, SECONDS)]
    results = rtpload.run(sides)
    print(results)
    for result, other in zip(results, results[::-1]):
        assert result["sent"] == calls * SECONDS * 50 and result["failed"] == 0
        assert result["foreign"] == 0
        assert result["received"] == other["sent"], results
    for first in range(0, calls, 20):
        batch = dialogs[first:first + 20]
        for dialog in batch:
            dialog.request("BYE")
        for _ in batch:
            provider.reply(provider.expect("BYE", 10), 200)
        for _ in batch:
            phone.expect((200, "BYE"), 10)
    lab.daemon.assert_ports_released(timeout=10)


def run_short_calls(lab, count, rate):
    """SIPp calls SIPp through siproxd; returns the highest resident size seen meanwhile (kB)."""
    answer = lab.sipp("outside", "load_answer", PROVIDER, user="bob", calls=count,
                      deadline=300, port=5080)
    caller = lab.sipp("inside", "load_call", PHONE, peer="bob", calls=count, deadline=300,
                      port=5080, domain="sip.example.test:5080",
                      options=["-r", str(rate), "-l", "1000"])
    highest = 0
    finished = threading.Event()
    deadline = Deadline(count / rate + 60)
    while caller.process.running() and not deadline.passed():
        highest = max(highest, lab.daemon.resident_kilobytes())
        finished.wait(0.1)
    caller.finish()
    answer.finish()
    return highest


@pytest.mark.siproxd(rtp_port_low=30000, rtp_port_high=39999)
@pytest.mark.capture(inside="udp port 1", outside="udp port 1")
def test_memory_does_not_grow_over_10000_calls(lab):
    """After 64 * T1 of calls as many transactions end as begin, and from there on the size of the
    process must not depend on how many calls there were: 10,000 calls that leak 100 bytes each
    would show as 1 MB."""
    lab.site.firewall(30000, 39999)
    # A sanitizer build takes several times the CPU for a call; it quarantines freed memory, and its
    # leak check at the end tells one lost byte.
    rate, calls = (80, 1000) if lab.daemon.sanitized() else (400, 10000)
    warm = run_short_calls(lab, 40 * rate, rate)
    started = time.monotonic()
    after = run_short_calls(lab, calls, rate)
    print(f"resident: {warm} kB after warming up, {after} kB after {calls} more calls "
          f"in {time.monotonic() - started:.0f} s")
    if not lab.daemon.sanitized():
        assert after - warm < 1024, f"{warm} kB -> {after} kB"
    lab.daemon.assert_ports_released(timeout=10)


MOST = 10000


def calls_allowed(daemon):
    """Each takes four open files; root may raise their limit, but not everywhere."""
    with open(f"/proc/{daemon.pid}/limits", encoding="ascii") as file:
        files = int(re.search(r"^Max open files +\d+ +(\d+)", file.read(), re.MULTILINE)[1])
    return min(MOST, (files - 400) // 4)


@pytest.mark.siproxd(rtp_port_low=20000, rtp_port_high=20000 + 2 * MOST - 1, rtp_timeout=1000)
@pytest.mark.capture(inside="udp port 1", outside="udp port 1")
def test_thousands_of_calls_at_once(lab):
    """They are set up, held, and hung up; each takes 6 kB at most when its transactions are over, and leaves no port
    behind."""
    lab.site.firewall(20000, 20000 + 2 * MOST - 1)
    sanitized = lab.daemon.sanitized()
    count = 400 if sanitized else calls_allowed(lab.daemon)
    rate, hold = (40, 15) if sanitized else (100, count // 100 + 40)
    before = lab.daemon.private_kilobytes()
    answer = lab.sipp("outside", "load_answer", PROVIDER, user="bob", calls=count, deadline=400,
                      port=5080)
    caller = lab.sipp("inside", "load_call", PHONE, peer="bob", calls=count, deadline=400, port=5080,
                      domain="sip.example.test:5080",
                      options=["-r", str(rate), "-l", str(count), "-d", str(hold * 1000)])

    def are_up():
        return len(lab.daemon.relay_ports()) == 2 * count or not caller.process.running()

    wait_for(are_up, lambda: f"{count} calls; relay ports in use: {len(lab.daemon.relay_ports())}",
             count / rate + 20, 0.5)

    def held():
        return lab.daemon.private_kilobytes() - before

    if not sanitized:
        # Transactions live for 64 * T1; what they leave in the heap between the calls grows with the rate.
        wait_for(lambda: held() < 6 * count, lambda: f"{count} calls take {held()} kB", 40, 0.5)
        assert caller.process.running() and len(lab.daemon.relay_ports()) == 2 * count
    print(f"private: {before} kB, {held() / count:.2f} kB a call")
    caller.finish()
    answer.finish()
    lab.daemon.assert_ports_released(timeout=10)
