# SPDX-License-Identifier: GPL-2.0-or-later
"""Every transport and both versions of IP on each side, all pairs: a phone registers through
siproxd with Kamailio, calls and is called, with audio. The domain's NAPTR and SRV records say how
the provider is to be reached."""

import shutil

import pytest

import sip
import topology
from calls import establish
from capture import Capture
from provider import Kamailio
from test_baresip import talk
from topology import (GATEWAY, GATEWAY6, PHONE, PHONE6, PROVIDER, PROVIDER6, PUBLIC, PUBLIC6,
                      REMOTE, REMOTE6, SERVICES)

pytestmark = pytest.mark.needs_daemon

SIDES = [domain.split(".", maxsplit=1)[0] for domain in topology.DOMAINS]    # udp4 to tls6
all_pairs = [pytest.param(inside, outside, id=f"{inside}-{outside}")
             for inside in SIDES for outside in SIDES]


def of(side, address, address6):
    return address if side.endswith("4") else address6


@pytest.fixture(scope="module")
def site():
    with topology.DualStack() as networks:
        yield networks


@pytest.fixture(scope="module")
def kamailio(site, identity, tmp_path_factory):
    server = Kamailio(site.internet, tmp_path_factory.mktemp("kamailio"), identity=identity,
                      password="secret", challenged="^baresip")
    yield server
    server.stop()


@pytest.fixture
def lab(secure_lab, kamailio):  # pylint: disable=unused-argument
    return secure_lab


def parties(lab, identity, inside, outside):
    """A phone and somebody on the internet who is a customer of the same provider, registered."""
    domain, ending = f"{outside}.example.test", f"-{inside}-{outside}"
    phone = lab.phone("alice" + ending, of(inside, PHONE, PHONE6), transport=inside[:3],
                      domain=domain, identity=identity)
    bob = lab.provider(of(outside, REMOTE, REMOTE6), "bob" + ending, transport=outside[:3],
                       domain=domain, identity=identity,
                       outbound=(of(outside, PROVIDER, PROVIDER6), SERVICES[outside[:3]][2]))
    for agent in (phone, bob):
        agent.register()
        agent.expect((200, "REGISTER"))
    return phone, bob


def assert_path(message, side, address, address6, which):
    """The Via number `which` says that the message went by this transport and from here."""
    via = message.all("via")[which]
    assert via.split()[0].upper() == f"SIP/2.0/{side[:3].upper()}", via
    assert sip.sent_by(via) == (of(side, address, address6), SERVICES[side[:3]][2]), via


@pytest.mark.parametrize("inside, outside", all_pairs)
def test_calls_between(lab, identity, inside, outside):
    phone, bob = parties(lab, identity, inside, outside)
    out = establish(phone, bob, bob.aor)
    assert out.callee_target[0] == of(outside, PUBLIC, PUBLIC6)
    assert out.caller_target[0] == of(inside, GATEWAY, GATEWAY6)
    assert_path(bob.log[-2], outside, PUBLIC, PUBLIC6, 1)    # the first is Kamailio's
    out.check_tones()
    out.hang_up("callee")
    incoming = establish(bob, phone, phone.aor)
    assert incoming.callee_target[0] == of(inside, GATEWAY, GATEWAY6)
    assert_path(phone.log[-2], inside, GATEWAY, GATEWAY6, 0)
    incoming.check_tones()
    incoming.hang_up("callee")
    lab.daemon.assert_ports_released()


@pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed")
@pytest.mark.parametrize("inside, outside", [
    pytest.param(*pair.split(), id=pair.replace(" ", "-")) for pair in (
        "udp4 tls6", "tcp4 udp4", "tls4 tcp6", "udp6 tcp4", "tcp6 tls4", "tls6 udp6")])
def test_softphones_call_each_other(lab, identity, inside, outside):
    """With digest authentication of registrations and calls."""
    domain = f"{outside}.example.test"
    alice = lab.softphone("inside", f"alice-{inside}", of(inside, PHONE, PHONE6), domain=domain,
                          transport=inside[:3], identity=identity)
    bob = lab.softphone("outside", f"bob-{inside}", of(outside, REMOTE, REMOTE6), domain=domain,
                        transport=outside[:3], identity=identity,
                        outbound=of(outside, PROVIDER, PROVIDER6))
    assert "401 Unauthorized" in alice.log()
    talk(alice, bob, by=alice, domain=domain)
    talk(bob, alice, by=alice, domain=domain)
    lab.daemon.assert_ports_released()


@pytest.mark.parametrize("inside", ["tcp4", "tls4", "tcp6", "tls6"])
def test_a_phone_is_reached_by_the_connection_it_has_registered_by(lab, identity, inside):
    """Its Contact leads nowhere, as it does behind a firewall of its own."""
    phone, bob = parties(lab, identity, inside, "udp4")
    phone.wire.stop_listening()
    incoming = establish(bob, phone, phone.aor)
    incoming.check_media(5)
    incoming.hang_up("caller")


@pytest.mark.parametrize("inside", ["tcp4", "tls6"])
def test_a_phone_that_connects_anew_is_reached_by_its_new_connection(lab, identity, inside):
    phone, bob = parties(lab, identity, inside, "udp4")
    phone.wire.stop_listening()
    phone.wire.disconnect()
    phone.register()
    phone.expect((200, "REGISTER"))
    incoming = establish(bob, phone, phone.aor)
    incoming.hang_up("callee")


DSCP = 26
MARKED = {4: ("ip", f"ip[1] & 0xfc == {DSCP << 2}"), 6: ("ip6", f"ip6[0:2] & 0x0fc0 == {DSCP << 6}")}


@pytest.mark.siproxd(sip_dscp=DSCP)
@pytest.mark.parametrize("inside, outside", [
    pytest.param(side, side, id=side) for side in SIDES])
def test_signalling_has_its_code_point(lab, identity, inside, outside):
    """On every transport, over connections that siproxd has made and accepted."""
    version = int(inside[-1])
    ports = "port 5060 or port 5061"
    kind, is_marked = MARKED[version]
    captures = []
    for space, address in ((lab.site.phones, of(inside, GATEWAY, GATEWAY6)),
                           (lab.site.internet, of(outside, PUBLIC, PUBLIC6))):
        for marked in (is_marked, f"not ({is_marked})"):
            captures.append(Capture(
                space, "eth0", f"{lab.directory}/marks{len(captures)}.pcap",
                f"{kind} and src host {address} and ({ports}) and {marked}"))
    phone, bob = parties(lab, identity, inside, outside)
    call = establish(bob, phone, phone.aor)
    call.hang_up("caller")
    for number, capture in enumerate(captures):
        # Acknowledgements of what is closed already come from no socket.
        packets = [packet for packet in capture.stop().packets() if packet.payload]
        assert bool(packets) == (number % 2 == 0), [str(packet) for packet in packets]
