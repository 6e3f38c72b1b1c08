# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_fix_bogus_via: callers behind a NAT whose Via names an address that nobody reaches."""

import pytest

import topology
from daemon import plugin_directory
from topology import REMOTE, REMOTE6, SILENT

pytestmark = pytest.mark.needs_daemon

BOGUS = {"plugindir": plugin_directory(), "hosts_allow_reg": "10.0.0.0/24,fd10::/32"}
FIXED = {**BOGUS, "load_plugin": "plugin_fix_bogus_via.la"}
NETWORKS = "10.128.0.0/9,172.16.0.0/12,192.168.0.0/16,fd77::/16"
CALLERS = {4: (REMOTE, "192.168.77.5"), 6: (REMOTE6, "[fd77::5]")}


@pytest.fixture(scope="module")
def site():
    with topology.DualStack() as networks:
        yield networks


def crooked(lab, version=4, host=None):
    """A caller that sends from port 5090, and says that it is at another address and port."""
    address, bogus = CALLERS[version]
    caller = lab.provider(address, port=5090, user="crooked", domain="remote.example.test")
    honest = caller.new_via

    def lie():
        own = f"[{address}]" if version == 6 else address
        return honest().replace(f"{own}:5090", f"{host or bogus}:5070").replace(";rport", "")
    caller.new_via = lie
    return caller


def where_it_says(lab, version=4):
    """Who hears what is sent to the port of that Via."""
    return lab.provider(CALLERS[version][0], port=5070, user="nobody")


def registered(lab, version=4):
    domain = f"udp{version}.example.test"
    phone = lab.phone("alice", topology.PHONE if version == 4 else topology.PHONE6, domain=domain)
    provider = lab.provider(topology.PROVIDER if version == 4 else topology.PROVIDER6, domain=domain)
    return phone, lab.registered(phone, provider)


@pytest.mark.siproxd(**FIXED, plugin_fix_bogus_via_networks=NETWORKS)
@pytest.mark.parametrize("version", [4, 6])
def test_a_caller_with_a_bogus_via_talks(lab, version):
    phone, contact = registered(lab, version)
    caller, wrong = crooked(lab, version), where_it_says(lab, version)
    call = lab.call_in(phone, caller, contact)
    call.check_media()
    vias = phone.log[-2 if phone.log[-1].method == "ACK" else -1].all("via")
    assert f"{'[' + REMOTE6 + ']' if version == 6 else REMOTE}:5090" in vias[-1]
    call.hang_up()
    # Its own Via has come back to it.
    ok = [message for message in caller.log if message.status == 200][0]
    assert CALLERS[version][1] + ":5070" in ok.all("via")[0]
    assert wrong.count(lambda message: True) == 1, "more than the 100 that comes before plugins"
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**FIXED, plugin_fix_bogus_via_networks=NETWORKS)
def test_a_caller_with_a_bogus_via_gives_up(lab):
    phone, contact = registered(lab)
    caller = crooked(lab)
    call = caller.invite(contact, to=f"<{phone.aor}>")
    invite = phone.expect("INVITE")
    phone.reply(invite, 180)
    caller.expect((180, "INVITE"))
    call.cancel()
    caller.expect((200, "CANCEL"))
    phone.reply(phone.expect("CANCEL"), 200)
    phone.reply(invite, 487)
    caller.expect((487, "INVITE"))
    phone.expect("ACK")


@pytest.mark.siproxd(**FIXED, plugin_fix_bogus_via_networks="silent.example.test/32")
def test_the_networks_may_have_names(lab):
    phone, contact = registered(lab)
    caller = crooked(lab, host=SILENT)
    lab.call_in(phone, caller, contact).hang_up()


@pytest.mark.parametrize("settings", [
    pytest.param({}, marks=pytest.mark.siproxd(**BOGUS), id="not loaded"),
    pytest.param({}, marks=pytest.mark.siproxd(
        **FIXED, plugin_fix_bogus_via_networks="10.128.0.0/9"), id="another network")])
def test_without_it_the_answers_go_nowhere(lab, settings):
    phone, contact = registered(lab)
    caller, wrong = crooked(lab), where_it_says(lab)
    caller.invite(contact, to=f"<{phone.aor}>")
    phone.reply(phone.expect("INVITE"), 486)
    wrong.expect((486, "INVITE"))
    assert caller.count(486) == 0
    # Nobody acknowledges it.
    caller.acknowledge(wrong.log[-1])
    phone.expect("ACK")


@pytest.mark.siproxd(**FIXED, plugin_fix_bogus_via_networks="10.0.0.0")
def test_a_wrong_list_stops_the_plugin_alone(lab):
    lab.daemon.wait_log(r"siproxd\.conf:\d+: plugin_fix_bogus_via_networks = 10\.0\.0\.0: ")
    lab.daemon.wait_log(r"Plugin 'plugin_fix_bogus_via' .* loaded with failure")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
