# SPDX-License-Identifier: GPL-2.0-or-later
"""Real scanners (sipvicious) against the outbound side, and floods from made-up sources: the first
learn nothing and are banned, the second cost next to nothing."""

import pathlib
import subprocess
import sys

import pytest

from deadline import wait_for
from topology import PUBLIC, REMOTE

pytestmark = pytest.mark.needs_daemon

FLOOD = pathlib.Path(__file__).with_name("flood.py")
FLOODED = 50000


def scan(lab, *command):
    """What the scanner has printed."""
    return lab.site.internet.run("env", f"HOME={lab.directory}", "timeout", "20", *command,
                                 check=False, stdin=subprocess.DEVNULL)


SCANS = {
    "svmap": ("svmap", "-b", REMOTE, "-x", REMOTE, PUBLIC),
    "svmap-invite": ("svmap", "-b", REMOTE, "-x", REMOTE, "-m", "INVITE", PUBLIC),
    "svwar": ("svwar", "-b", REMOTE, "-x", REMOTE, "--force", "-e100-160", PUBLIC),
    "svwar-invite": ("svwar", "-b", REMOTE, "-x", REMOTE, "--force", "-m", "INVITE", "-e100-160",
                     PUBLIC),
    "svcrack": ("svcrack", "-b", REMOTE, "-x", REMOTE, "-ualice", "-r100-160", PUBLIC),
}


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.slow
def test_a_scanner_learns_nothing(lab, name):
    phone, provider, contact = lab.pair()
    output = scan(lab, *SCANS[name])
    assert phone.count("INVITE") == phone.count("OPTIONS") == 0, output
    lab.call_in(phone, provider, contact).hang_up()
    packets = lab.outside.stop().packets()
    assert [packet for packet in packets if packet.source == REMOTE], output
    assert not [packet for packet in packets
                if packet.target == REMOTE and packet.source == PUBLIC], output


@pytest.mark.slow
def test_who_scans_again_and_again_is_banned(lab):
    # Each of them gives up after its first packet, for nothing comes back.
    for name in ("svmap", "svmap-invite", "svwar-invite", "svmap"):
        scan(lab, *SCANS[name])
    wait_for(lambda: f"{REMOTE} is banned" in lab.daemon.log(), "the ban")


@pytest.mark.alone
@pytest.mark.memory
@pytest.mark.slow
@pytest.mark.capture(outside="udp port 1", inside="udp port 1")
@pytest.mark.parametrize("reads_all", [False, True], ids=["too fast", "as fast as it reads"])
@pytest.mark.parametrize("settings,user", [({}, "alice"), ({"anonymous_calls": 1}, "100")],
                         ids=["strangers ignored", "strangers answered"])
def test_a_flood_from_random_sources_leaves_a_call_and_the_memory_alone(idle_lab, settings, user,
                                                                        reads_all):
    lab = idle_lab
    lab.daemon.settings.update(settings)
    lab.daemon.start()
    phone, provider, contact = lab.pair()
    call = lab.call_in(phone, provider, contact)
    before, had = lab.daemon.resident_kilobytes(), lab.daemon.messages()
    flood = lab.site.internet.start(sys.executable, FLOOD, PUBLIC, user, FLOODED,
                                    *[lab.daemon.pid] * reads_all)
    lab.at_end(flood.stop)
    while flood.running():
        call.check_media()
    lab.daemon.wait_read()
    assert lab.daemon.resident_kilobytes() - before < 32 * 1024
    # None got lost but those that the kernel has counted.
    unread = lab.daemon.unread()
    assert lab.daemon.messages()["requests"] - had["requests"] + unread == FLOODED
    assert not (unread and reads_all)
    call.hang_up()
    lab.call_in(phone, provider, contact).hang_up()
