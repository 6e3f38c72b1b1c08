# SPDX-License-Identifier: GPL-2.0-or-later
"""The relay in the kernel as tests see it: who forwards what, and what is on the interfaces. They run
the daemon with debug_level = MOVES."""

import os
import signal

from deadline import wait_for

MOVES = "0x200"     # the log says which direction of a call moves into the kernel


def devices(lab):
    return [lab.site.if_inbound, lab.site.if_outbound]


def filters(lab):
    """The filters of siproxd that are there, a list for each interface."""
    space = lab.daemon.space
    return [[line for line in space.run("tc", "filter", "show", "dev", device,
                                        "ingress").splitlines() if "siproxd" in line]
            for device in devices(lab)]


def disciplines(lab):
    return [device for device in devices(lab)
            if "clsact" in lab.daemon.space.run("tc", "qdisc", "show", "dev", device)]


def moved(lab, times=2):
    """Returns when so many directions have moved into the kernel since the daemon began."""
    wait_for(lambda: lab.daemon.log().count("is forwarded in the kernel") >= times,
             lambda: f"{times} directions in the kernel; the log:\n{lab.daemon.log()[-3000:]}")


class Standing:
    """The process stands still in this block: what is relayed, the kernel relays."""

    def __init__(self, lab):
        self.pid = lab.daemon.pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

        def stopped():
            with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0] == "T"
        wait_for(stopped, "the process to stand still")

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


def in_kernel(lab, way="out"):
    """A call whose media the kernel has taken over."""
    phone, provider, contact = lab.pair()
    call = lab.call_out(phone, provider) if way == "out" else lab.call_in(phone, provider, contact)
    before = lab.daemon.log().count("is forwarded in the kernel")
    call.check_media(15)
    moved(lab, before + 2)
    return call
