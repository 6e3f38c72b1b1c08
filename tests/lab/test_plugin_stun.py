# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_stun: siproxd behind a NAT router, and coturn outside that sees which address it has."""

import pytest

import sip
import topology
from daemon import plugin_directory
from deadline import wait_for
from topology import PROVIDER, PUBLIC, REMOTE

pytestmark = pytest.mark.needs_daemon

SETTINGS = {"plugindir": plugin_directory(), "load_plugin": "plugin_stun.la", "debug_level": "0x1000",
            "plugin_stun_server": REMOTE, "plugin_stun_period": 1}
SECOND_PUBLIC = "203.0.113.2"


@pytest.fixture(scope="module")
def site():
    with topology.BehindRouter() as networks:
        yield networks


@pytest.fixture
def server(site):
    started = site.internet.start(
        "turnserver", "--stun-only", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp", f"--listening-ip={REMOTE}",
        "--listening-port=3478", "--log-file=stdout", "--simple-log", "--pidfile=/dev/null", "--userdb=/dev/null")
    wait_for(lambda: f"{REMOTE}:3478" in site.internet.run("ss", "-Huln"), "coturn to listen")
    yield started
    started.stop()


def redial(site, before, after):
    """The line gets another address."""
    site.router.ip("address", "del", f"{before}/24", "dev", "ppp0")
    site.dial_in(after)


@pytest.mark.siproxd(**SETTINGS)
def test_the_public_address_is_shown_and_followed(idle_lab, server):
    house = idle_lab
    house.daemon.start()
    house.daemon.wait_log(rf"STUN: public IP has changed \(none\) -> {PUBLIC}")
    phone, provider, contact = house.pair()
    assert sip.host_of(contact) == PUBLIC
    call = house.call_out(phone, provider)
    assert call.offer.audio.target[0] == PUBLIC
    call.check_media(10)
    call.hang_up()
    redial(house.site, PUBLIC, SECOND_PUBLIC)
    try:
        house.daemon.wait_log(rf"STUN: public IP has changed {PUBLIC} -> {SECOND_PUBLIC}", timeout=20)
        renewed = provider.expect("REGISTER", timeout=20)
        assert SECOND_PUBLIC in renewed["contact"]
    finally:
        redial(house.site, SECOND_PUBLIC, PUBLIC)


@pytest.mark.siproxd(**{**SETTINGS, "plugin_stun_server": PROVIDER, "host_outbound": PUBLIC})
def test_a_server_that_is_not_there(lab):
    lab.daemon.wait_log(f"plugin_stun: {PROVIDER} does not answer, it is tried again and again", timeout=25)
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()


@pytest.mark.siproxd(**{**SETTINGS, "plugin_stun_server": None, "host_outbound": PUBLIC})
def test_a_server_is_needed(lab):
    lab.daemon.wait_log("plugin_stun needs plugin_stun_server")
