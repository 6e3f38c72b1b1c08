# SPDX-License-Identifier: GPL-2.0-or-later
"""Phones inside that are not on a network of the router's own: behind a router inside, so that only
the interface that they come by tells that they are no strangers."""

import pytest

import topology
from deadline import LabTimeout
from kernel_relay import MOVES, Standing, moved
from topology import (FLOOR_PHONE, FLOOR_PHONE6, GATEWAY, GATEWAY6, PHONE, PHONE6, PUBLIC, PUBLIC6, REMOTE,
                      REMOTE6, SECOND_PHONE, SECOND_PHONE6)

pytestmark = pytest.mark.needs_daemon


@pytest.fixture(scope="module")
def site():
    with topology.RoutedInside() as networks:
        yield networks


@pytest.fixture
def lab(secure_lab):
    secure_lab.daemon.settings["hosts_allow_reg"] = None
    secure_lab.daemon.reload()
    return secure_lab


@pytest.mark.parametrize("address", [FLOOR_PHONE, FLOOR_PHONE6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("transport", topology.TRANSPORTS)
def test_a_phone_behind_a_router_inside_calls_and_is_called(lab, identity, transport, address):
    phone = lab.floor_phone(address, transport=transport, identity=identity)
    provider = lab.provider()
    contact = lab.registered(phone, provider)
    for call in (lab.call_out(phone, provider), lab.call_in(phone, provider, contact)):
        call.check_media(5)
        call.hang_up()
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(rtp_engine="kernel", debug_level=MOVES)
@pytest.mark.parametrize("hop, other", [
    pytest.param([PHONE], SECOND_PHONE, id="ipv4"),
    pytest.param(["inet6", PHONE6], SECOND_PHONE6, id="ipv6")])
def test_the_kernel_reaches_it_by_that_router(lab, hop, other):
    """And by another one from the moment on when the route leads there."""
    router, network = lab.site.router, "10.0.8.0/24"
    router.ip("route", "replace", network, "via", *hop)
    lab.at_end(lambda: router.ip("route", "replace", network, "via", PHONE))
    phone = lab.floor_phone(FLOOR_PHONE)
    provider = lab.provider()
    lab.registered(phone, provider)
    call = lab.call_out(phone, provider)
    call.check_media(15)
    moved(lab)
    with Standing(lab):
        call.check_media(15)
        # That address is on the same host: what goes to it has another next hop, and arrives as well.
        assert "lladdr" not in router.ip("neigh", "show", "to", other)
        router.ip("route", "replace", network, "via", *hop[:-1], other)
        call.check_media(15)
        assert "lladdr" in router.ip("neigh", "show", "to", other)
    call.hang_up()
    lab.daemon.assert_ports_released()


@pytest.mark.capture(outside="udp")     # the handshake names the inside address
@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize("ours, inside, stranger", [
    pytest.param(PUBLIC, GATEWAY, REMOTE, id="ipv4"),
    pytest.param(PUBLIC6, GATEWAY6, REMOTE6, id="ipv6")])
def test_who_connects_to_the_inside_address_from_outside_is_a_stranger(
        lab, identity, transport, ours, inside, stranger):
    """The kernel takes packets for any address of its own from any side."""
    lab.site.internet.ip("route", "add", inside, "via", ours)
    lab.at_end(lambda: lab.site.internet.ip("route", "delete", inside, "via", ours))
    _, provider, _ = lab.pair()
    eve = lab.provider(stranger, "eve", transport=transport, identity=identity,
                       outbound=(inside, topology.SERVICES[transport][2]))
    for method, uri in (("INVITE", provider.aor), ("OPTIONS", "sip:alice@sip.example.test"),
                        ("REGISTER", "sip:sip.example.test")):
        eve.request(method, uri)
    with pytest.raises(LabTimeout):
        eve.expect(lambda message: True, timeout=1.0)
    assert provider.count("INVITE") == 0 and provider.count("REGISTER") == 1
