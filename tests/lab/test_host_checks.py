# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log says at the start of things on this machine that are going to break calls."""

import shutil

import pytest

pytestmark = pytest.mark.needs_daemon

CLOSED = """
table inet closed {
    chain input {
        type filter hook input priority 10; policy drop;
        iifname "lo" accept
        iifname "%s" accept
        ct state established,related accept
%s    }
}
"""


@pytest.fixture
def closed(idle_lab):
    """Puts a packet filter on the router that lets nothing in from outside but what `rules` say, and starts
    siproxd."""
    if not shutil.which("nft"):
        pytest.skip("nft is not installed")
    router = idle_lab.site.router

    def close(rules=""):
        router.run("nft", "-f", "-", input=CLOSED % (idle_lab.site.if_inbound, rules))
        idle_lab.at_end(lambda: router.run("nft", "delete", "table", "inet", "closed"))
        idle_lab.daemon.start()
        return idle_lab.daemon.log()
    return close


def test_a_packet_filter_that_lets_nobody_in_is_told(closed, idle_lab):
    log = closed()
    outside = idle_lab.site.if_outbound
    assert f"the packet filter (chain input of table inet closed) lets nobody on {outside} reach " \
        "UDP port 5060: " in log
    assert f"lets nobody on {outside} reach UDP ports 7070 to 7089: nothing will be heard" in log


def test_a_rule_for_media_is_missing(closed):
    log = closed("udp dport 5060 accept\n")
    assert "reach UDP port 5060" not in log
    assert "reach UDP ports 7070 to 7089: nothing will be heard from there; siproxd --show-firewall" in log


def test_a_filter_with_the_rules_is_nothing_to_talk_about(closed):
    log = closed("udp dport { 5060, 7070-7089 } accept\n")
    assert "packet filter" not in log


def test_relay_ports_that_others_have_are_told(idle_lab):
    taken = [idle_lab.site.router.socket(idle_lab.site.proxy_inside, port) for port in (7072, 7081)]
    for sock in taken:
        idle_lab.at_end(sock.close)
    idle_lab.daemon.start()
    assert "2 of the relay's UDP ports 7070 to 7089 are taken by other programs, and calls have to do " \
        "without them: 7072, 7081" in idle_lab.daemon.log()
