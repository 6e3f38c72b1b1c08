# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_shortdial: short numbers for long ones."""

import pytest

import sip
import topology
from calls import establish
from daemon import plugin_directory

pytestmark = pytest.mark.needs_daemon

SETTINGS = {"plugindir": plugin_directory(), "load_plugin": "plugin_shortdial.la",
            "plugin_shortdial_akey": "*00",
            "plugin_shortdial_entry": ["bob", "bob@second.example.test", "zoe@home.test"]}


@pytest.mark.siproxd(**SETTINGS)
def test_the_phone_is_told_the_long_number(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:*01@sip.example.test")
    moved = phone.expect((302, "INVITE"))
    assert moved.contact == "sip:bob@sip.example.test"
    assert provider.count("INVITE") == 0
    establish(phone, provider, moved.contact).hang_up()
    phone.invite("sip:*02@sip.example.test")
    assert phone.expect((302, "INVITE")).contact == "sip:bob@second.example.test"


@pytest.mark.siproxd(**SETTINGS)
def test_the_doubled_key_dials_the_number_itself(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:**01@sip.example.test")
    invite = provider.expect("INVITE")
    assert sip.user_of(invite.uri) == "*01"
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))


@pytest.mark.siproxd(**SETTINGS, plugin_shortdial_mode="retarget")
def test_siproxd_dials_the_long_number_by_itself(lab):
    phone, provider, _ = lab.pair()
    other = lab.provider(topology.PROVIDER_2, domain="second.example.test")
    for number, callee in (("*01", provider), ("*02", other)):
        call = establish(phone, callee, f"sip:{number}@sip.example.test")
        call.check_media()
        call.hang_up()
        call = establish(phone, callee, f"sip:{number}@sip.example.test")
        call.hang_up("callee")
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**SETTINGS, plugin_shortdial_mode="retarget", local_domains="home.test")
def test_a_short_number_of_a_neighbour_rings_there(lab):
    phone, provider, _ = lab.pair()
    zoe = lab.phone("zoe", topology.SECOND_PHONE, domain="home.test")
    zoe.register()
    zoe.expect((200, "REGISTER"))
    call = establish(phone, zoe, "sip:*03@sip.example.test")
    call.check_media()
    call.hang_up()
    assert provider.count("INVITE") == 0
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**SETTINGS, plugin_shortdial_mode="x")
def test_a_wrong_mode_stops_the_plugin_alone(lab):
    lab.daemon.wait_log(r"siproxd\.conf:\d+: plugin_shortdial_mode = x: "
                        r"redirect or retarget is needed")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
