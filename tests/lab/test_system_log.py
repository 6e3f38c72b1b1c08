# SPDX-License-Identifier: GPL-2.0-or-later
"""What a daemon tells syslog: as much as silence_log lets through, also after a reload."""

import os
import signal
import socket

import pytest

from deadline import scaled, wait_for
from topology import GATEWAY, PHONE

pytestmark = [pytest.mark.needs_daemon,
              pytest.mark.siproxd(daemonize=1, debug_level="0x80", debug_port=5050)]

# One line of each kind, in the order in which `provoke` has them written.
KINDS = {"debug": "OPTIONS sip:", "information": "status: ", "warning": "no_such_directive",
         "error": "configuration is not reloaded"}
LET_THROUGH = {0: {*KINDS}, 1: {*KINDS} - {"debug"}, 2: {"warning", "error"}, 3: {"error"},
               4: set()}
DAEMON = 3 * 8      # the facility, RFC 3164
PRIORITIES = {"debug": DAEMON + 7, "information": DAEMON + 5, "warning": DAEMON + 5,
              "error": DAEMON + 3}


class Console:
    """The debug port, which hears everything, whatever silence_log says."""

    def __init__(self, lab):
        self.sock = lab.site.phones.socket(PHONE, 0, socket.SOCK_STREAM)
        lab.at_end(self.sock.close)
        self.sock.settimeout(scaled(5))
        self.sock.connect((GATEWAY, 5050))
        self.heard = b""

    def wait(self, text):
        while text.encode() not in self.heard:
            part = self.sock.recv(65536)
            assert part, "the debug port is open"
            self.heard += part
        self.heard = self.heard.partition(text.encode())[2]


def reload(lab, console, expected, **settings):
    lab.daemon.settings.update(settings)
    lab.daemon.write_config()
    os.kill(lab.daemon.pid, signal.SIGHUP)
    console.wait(expected)


def provoke(lab, console, phone):
    """Has a line of each kind written."""
    phone.request("OPTIONS", f"sip:{GATEWAY}")
    phone.expect((200, "OPTIONS"))
    os.kill(lab.daemon.pid, signal.SIGUSR1)
    console.wait(KINDS["information"])
    reload(lab, console, KINDS["error"], no_such_directive=1, rtp_dscp=99)
    lab.daemon.settings.update(no_such_directive=None, rtp_dscp=None)


def test_silence_log_can_be_reloaded(lab):
    console, phone = Console(lab), lab.phone()
    said = []

    def kinds(lines):
        return {kind for kind, text in KINDS.items()
                for priority, line in lines if (priority, text in line) == (PRIORITIES[kind], True)}

    # A line that was on its way to nowhere when 4 ended would be let through by 3 in any case.
    for silence in (2, 0, 4, 3, 1):
        reload(lab, console, "configuration reloaded", silence_log=silence)
        before = len(lab.daemon.syslog.lines())
        said.append((silence, before))
        provoke(lab, console, phone)
        if "error" in LET_THROUGH[silence]:
            wait_for(lambda: "error" in kinds(lab.daemon.syslog.lines()[before:]), "the last line")
    lines = lab.daemon.syslog.lines()
    ends = [before for _, before in said[1:]] + [len(lines)]
    found = {silence: kinds(lines[before:end]) for (silence, before), end in zip(said, ends)}
    assert found == LET_THROUGH
    assert {priority for priority, _ in lines} == set(PRIORITIES.values())
