# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_siptrunk: a provider calls the numbers of a trunk whose account a PBX has registered."""

import pytest

import sip
from calls import establish
from daemon import plugin_directory
from topology import PROVIDER_2, PUBLIC

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "debug_level": "0x1000"}
TRUNK = {"name": "Trunk 1", "account": "sip:alice@sip.example.test", "numbers_regex": "^555[0-9]{2}$"}


@pytest.mark.siproxd(**LOADED, load_plugin="plugin_siptrunk.la", plugin_siptrunk=[TRUNK])
def test_calls_for_all_numbers_reach_the_pbx(lab):
    pbx, provider, _ = lab.pair()
    for number in ("55500", "55599"):
        to = f"<sip:{number}@sip.example.test>"
        call = establish(provider, pbx, f"sip:{number}@{PUBLIC}", to=to)
        call.check_media(10)
        call.hang_up()
        provider.invite(f"sip:{number}@{PUBLIC}", sip.sdp(provider.address, 4000), to=to)
        invite = pbx.expect("INVITE")
        assert sip.user_of(invite.uri) == number
        pbx.reply(invite, 486)
        provider.expect((486, "INVITE"))
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**LOADED, load_plugin="plugin_siptrunk.la", plugin_siptrunk=[TRUNK])
def test_other_numbers_are_nobodys(lab):
    _, provider, _ = lab.pair()
    provider.invite(f"sip:55600@{PUBLIC}", sip.sdp(provider.address, 4000))
    provider.expect((408, "INVITE"))


@pytest.mark.siproxd(**LOADED, load_plugin="plugin_siptrunk.la", plugin_siptrunk=[TRUNK],
                     trunk_networks=f"{PROVIDER_2}/32")
def test_a_pbx_that_is_not_registered(lab):
    pbx, provider, _ = lab.pair()
    trunk = lab.provider(PROVIDER_2, user="trunk")
    trunk.invite(f"sip:55512@{PUBLIC}", sip.sdp(trunk.address, 4000))
    pbx.reply(pbx.expect("INVITE"), 486)
    trunk.expect((486, "INVITE"))
    lab.registered(pbx, provider, expires=0)
    trunk.invite(f"sip:55512@{PUBLIC}", sip.sdp(trunk.address, 4000))
    trunk.expect((480, "INVITE"))
    lab.daemon.wait_log("nobody is registered as sip:alice@sip.example.test of trunk Trunk 1")


@pytest.mark.siproxd(**LOADED, load_plugin="plugin_siptrunk.la", plugin_siptrunk=[{**TRUNK, "numbers_regex": "("}])
def test_what_is_wrong_is_told_with_its_place(lab):
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_siptrunk_numbers_regex = \(")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
