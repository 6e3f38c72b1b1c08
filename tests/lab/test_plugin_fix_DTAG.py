# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_fix_DTAG: a provider that answers with a Via of its own in place of siproxd's."""

import pytest

import sip
import topology
from daemon import plugin_directory
from topology import PHONE, PHONE6, PROVIDER, PROVIDER6

pytestmark = pytest.mark.needs_daemon

PLAIN = {"plugindir": plugin_directory(), "debug_level": "0x20",
         "hosts_allow_reg": "10.0.0.0/24,fd10::/32"}
FIXED = {**PLAIN, "load_plugin": "plugin_fix_DTAG.la"}


@pytest.fixture(scope="module")
def site():
    with topology.DualStack() as networks:
        yield networks


def pair(lab, version=4):
    """A phone, and a provider whose answers lead nowhere."""
    domain = f"udp{version}.example.test"
    phone = lab.phone("alice", PHONE if version == 4 else PHONE6, domain=domain)
    provider = lab.provider(PROVIDER if version == 4 else PROVIDER6, domain=domain)
    honest = provider.send

    def mangle(message, target):
        if message.status:
            theirs = f"SIP/2.0/UDP {sip.in_uri(provider.address)}:5061;branch=z9hG4bKtheirs"
            message.headers = [(name, theirs if name == "Via" else value)
                               for name, value in message.headers]
        honest(message, target)
    provider.send = mangle
    return phone, provider


@pytest.mark.siproxd(**FIXED, plugin_fix_DTAG_networks="203.0.113.48/28,2001:db8:5::/64")
@pytest.mark.parametrize("version", [4, 6])
def test_calls_and_registrations_work(lab, version):
    phone, provider = pair(lab, version)
    contact = lab.registered(phone, provider)
    call = lab.call_out(phone, provider)
    call.check_media()
    call.hang_up()
    call = lab.call_in(phone, provider, contact)
    call.check_media()
    call.hang_up("callee")
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**FIXED, plugin_fix_DTAG_networks="203.0.113.48/28")
def test_a_call_is_given_up(lab):
    phone, provider = pair(lab)
    lab.registered(phone, provider)
    call = phone.invite(f"sip:bob@{phone.domain}")
    invite = provider.expect("INVITE")
    provider.reply(invite, 180)
    phone.expect((180, "INVITE"))
    call.cancel()
    provider.reply(provider.expect("CANCEL"), 200)
    provider.reply(invite, 487)
    phone.expect((487, "INVITE"))
    provider.expect("ACK")


@pytest.mark.parametrize("settings", [
    pytest.param({}, marks=pytest.mark.siproxd(**PLAIN), id="not loaded"),
    pytest.param({}, marks=pytest.mark.siproxd(
        **FIXED, plugin_fix_DTAG_networks="198.51.100.0/24"), id="another network")])
def test_without_it_nobody_hears_the_answers(lab, settings):
    phone, provider = pair(lab)
    phone.register()
    provider.reply(provider.expect("REGISTER"), 200)
    lab.daemon.wait_log(r"response 200 from 203\.0\.113\.50:5060 belongs to no transaction")
    assert phone.count((200, "REGISTER")) == 0


@pytest.mark.siproxd(**FIXED, plugin_fix_DTAG_networks="203.0.113.50")
def test_a_wrong_list_stops_the_plugin_alone(lab):
    lab.daemon.wait_log(r"siproxd\.conf:\d+: plugin_fix_DTAG_networks = 203\.0\.113\.50: ")
    lab.daemon.wait_log(r"Plugin 'plugin_fix_DTAG' .* loaded with failure")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
