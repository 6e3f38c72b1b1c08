# SPDX-License-Identifier: GPL-2.0-or-later
"""Real softphones that know one version of IP only, the one inside another than the one outside: both
hear the other, plain and encrypted."""

import shutil

import pytest

import topology
from provider import Kamailio
from test_baresip import talk
from test_secure_media import TONES
from topology import GATEWAY, GATEWAY6, PHONE, PHONE6, PROVIDER, PROVIDER6, PUBLIC, PUBLIC6, REMOTE, REMOTE6

pytestmark = [pytest.mark.needs_daemon,
              pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed")]

# By the version inside: the addresses of phone and relay inside and outside, the provider's and its name.
FAMILIES = {4: ((PHONE, GATEWAY), (REMOTE6, PUBLIC6), PROVIDER6, "udp6.example.test"),
            6: ((PHONE6, GATEWAY6), (REMOTE, PUBLIC), PROVIDER, "udp4.example.test")}


@pytest.fixture(scope="module")
def site():
    with topology.DualStack() as networks:
        yield networks


@pytest.fixture(scope="module")
def kamailio(site, identity, tmp_path_factory):
    server = Kamailio(site.internet, tmp_path_factory.mktemp("kamailio"), identity=identity)
    yield server
    server.stop()


@pytest.mark.siproxd(hosts_allow_reg="10.0.0.0/24,fd10::/32")
@pytest.mark.parametrize("security", [None, "srtp-mand", "dtls_srtp"],
                         ids=["plain", "srtp-mand", "dtls_srtp"])
@pytest.mark.parametrize("way", ["out", "in"])
@pytest.mark.parametrize("version", FAMILIES, ids=["4-6", "6-4"])
def test_each_hears_the_other(lab, kamailio, version, way, security):  # pylint: disable=unused-argument
    inside, outside, provider, domain = FAMILIES[version]
    alice = lab.softphone("inside", f"alice{version}", inside[0], domain=domain, frequency=TONES[0],
                          security=security)
    bob = lab.softphone("outside", f"bob{version}", outside[0], domain=domain, frequency=TONES[1],
                        outbound=provider, security=security)
    if way == "out":
        talk(alice, bob, by=bob, tones=TONES, domain=domain)
    else:
        talk(bob, alice, by=alice, tones=TONES[::-1], domain=domain)
    lab.daemon.assert_ports_released()
    for capture, (_, ours), colon in ((lab.inside, inside, version == 6),
                                      (lab.outside, outside, version == 4)):
        pairs = {(packet.source, packet.target) for packet in capture.stop().packets()
                 if packet.is_rtp()}
        # A softphone sends from whichever of its host's addresses it likes.
        assert len(pairs) == 2 and all(ours in pair for pair in pairs), pairs
        assert {":" in address for pair in pairs for address in pair} == {colon}
