# SPDX-License-Identifier: GPL-2.0-or-later
"""Bans are given to nftables, so that the kernel drops what comes from there."""

import json
import shutil

import pytest

import topology
from deadline import scaled, wait_for
from test_access import HELLO, connection, scan
from topology import PUBLIC, PUBLIC6, REMOTE, REMOTE6

pytestmark = [pytest.mark.needs_daemon,
              pytest.mark.skipif(not shutil.which("nft"), reason="nft is not installed"),
              pytest.mark.siproxd(nft_set="inet siproxd banned", ban_time=60)]

# As the manual has it.
RULES = """
table inet siproxd {
    set banned4 { type ipv4_addr; flags timeout; }
    set banned6 { type ipv6_addr; flags timeout; }
    chain input {
        type filter hook input priority -10;
        ip saddr @banned4 counter drop
        ip6 saddr & ffff:ffff:ffff:ffff:: @banned6 counter drop
    }
}
"""
both_versions = pytest.mark.parametrize("version", [4, 6])
REMOTES = {4: REMOTE, 6: REMOTE6}
ELEMENTS = {4: REMOTE, 6: "2001:db8:5::"}


@pytest.fixture(scope="module")
def site():
    with topology.DualStack() as networks:
        yield networks


class Nft:
    """nft of the router."""

    def __init__(self, lab):
        self.lab = lab
        lab.at_end(lambda: self.run("flush ruleset inet"))

    def run(self, command):
        return self.lab.site.router.run("nft", "-j", *command.split())

    def load(self, rules):
        self.lab.site.router.run("nft", "-f", "-", input=rules)

    def banned(self, version):
        """The elements of the set: their timeouts in seconds, if they have one, by address."""
        listed = json.loads(self.run(f"list set inet siproxd banned{version}"))["nftables"]
        elements = next(entry["set"] for entry in listed if "set" in entry).get("elem", [])
        timed = [one["elem"] if isinstance(one, dict) else {"val": one} for one in elements]
        return {one["val"]: one.get("timeout") for one in timed}

    def dropped(self):
        """Packets, by both rules."""
        listed = json.loads(self.run("list chain inet siproxd input"))["nftables"]
        return sum(part["counter"]["packets"] for entry in listed if "rule" in entry
                   for part in entry["rule"]["expr"] if "counter" in part)


def provoke_ban(lab, version):
    """A scanner by TCP, which nobody can forge."""
    remote = REMOTES[version]
    assert connection(lab, 5060, scan("TCP", remote), remote) == b""
    lab.daemon.wait_log(f"{ELEMENTS[version]} is banned for")


@both_versions
def test_the_kernel_drops_what_the_banned_send(idle_lab, version):
    lab, nft = idle_lab, Nft(idle_lab)
    nft.load(RULES + f"add element inet siproxd banned{version} {{ {REMOTES[version]} }}\n")
    lab.daemon.start()
    wait_for(lambda: nft.banned(version) == {}, "what a former siproxd has left to go")
    provoke_ban(lab, version)
    ban = wait_for(lambda: nft.banned(version), "the element in the set")
    assert ban == {ELEMENTS[version]: 60}
    before = nft.dropped()
    with lab.site.internet.socket(REMOTES[version], 0) as sock:
        sock.sendto(b"hello", ({4: PUBLIC, 6: PUBLIC6}[version], 5060))
    wait_for(lambda: nft.dropped() == before + 1, "the datagram to be dropped")
    phone, provider, contact = lab.pair()
    lab.call_in(phone, provider, contact).hang_up()


@both_versions
def test_a_ban_that_is_over_leaves_the_set(idle_lab, tls_settings, version):
    lab, nft = idle_lab, Nft(idle_lab)
    lab.daemon.settings.update(tls_settings, ban_time=int(scaled(3)))
    nft.load(RULES)
    lab.daemon.start()
    provoke_ban(lab, version)
    wait_for(lambda: nft.banned(version), "the element in the set")
    wait_for(lambda: not nft.banned(version), "the element to go", 10)
    assert connection(lab, 5061, HELLO, REMOTES[version]), "an alert at least"


def test_a_ban_that_forged_packets_may_have_caused_stays_out(idle_lab):
    lab, nft = idle_lab, Nft(idle_lab)
    nft.load(RULES)
    lab.daemon.start()
    with lab.site.internet.socket(REMOTE, 0) as sock:
        for number in range(4):
            sock.sendto(scan("UDP", number=number), (PUBLIC, 5060))
    lab.daemon.wait_log(f"{REMOTE} is banned for 5 s")
    provoke_ban(lab, 6)     # what had been given before it would be there before it
    wait_for(lambda: nft.banned(6), "the element in the set")
    assert not nft.banned(4)


@pytest.mark.siproxd(nft_set="inet siproxd banned", user="nobody")
def test_without_the_right_to_use_nft_bans_are_kept_all_the_same(lab):
    provoke_ban(lab, 4)
    lab.daemon.wait_log("bans are not given to nftables: .*not permitted")
    assert connection(lab, 5060, b"\r\n\r\n") == b""
    phone, provider, contact = lab.pair()
    lab.call_in(phone, provider, contact).hang_up()
