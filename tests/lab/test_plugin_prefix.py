# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_prefix: what is dialled gets a prefix."""

import pytest

import sip
from daemon import plugin_directory

pytestmark = pytest.mark.needs_daemon

SETTINGS = {"plugindir": plugin_directory(), "load_plugin": "plugin_prefix.la"}


@pytest.mark.siproxd(**SETTINGS, plugin_prefix_akey="00")
def test_the_phone_is_told_the_number_with_its_prefix(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:123@sip.example.test")
    moved = phone.expect((302, "INVITE"))
    assert moved.contact == "sip:00123@sip.example.test;redirected=prefix"
    lab.daemon.wait_log(r"INFO:\S+ redirecting 123 -> 00123$")
    assert provider.count("INVITE") == 0
    # It follows, and the call goes through.
    provider.user = "00123"
    call = phone.invite(moved.contact, sip.sdp(phone.address, 4000))
    invite = provider.expect("INVITE")
    assert invite.uri.startswith("sip:00123@sip.example.test")
    provider.accept(invite, sip.sdp(provider.address, 4002))
    call.ack(phone.expect((200, "INVITE")))
    provider.expect("ACK")
    # What is said within the call has no number to change.
    call.request("INVITE", sip.sdp(phone.address, 4000))
    provider.reply(provider.expect("INVITE"), 200, sip.sdp(provider.address, 4002))
    call.ack(phone.expect((200, "INVITE")))
    provider.expect("ACK")
    call.hang_up(provider)
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**SETTINGS, plugin_prefix_akey="00", plugin_prefix_mode="retarget")
def test_siproxd_dials_the_prefix_by_itself(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:123@sip.example.test")
    invite = provider.expect("INVITE")
    assert sip.user_of(invite.uri) == "00123" and sip.user_of(sip.uri_of(invite["to"])) == "123"
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))
    provider.expect("ACK")
    provider.user = "123"
    call = lab.call_out(phone, provider)
    call.check_media()
    call.hang_up("callee")
    lab.daemon.wait_log(r"INFO:\S+ redirecting 123 -> 00123$")
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**SETTINGS, plugin_prefix_akey="00", plugin_prefix_mode="retarget")
def test_a_number_that_comes_back_gets_no_second_prefix(lab):
    lab.passwords(bob="geheim")
    lab.daemon.stop()
    lab.daemon.settings.update(proxy_auth_realm=None, proxy_auth_pwfile=None)
    lab.daemon.start()
    phone = lab.phone(domain="home.test")
    phone.invite("sip:123@home.test")       # who is not there, with or without a prefix
    refusal = phone.expect(lambda message: message.status and message.status >= 400, 15)
    assert refusal.method == "INVITE"
    assert lab.daemon.log().count("redirecting") == 1


@pytest.mark.siproxd(plugindir=plugin_directory())
def test_without_it_numbers_stay(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:123@sip.example.test")
    invite = provider.expect("INVITE")
    assert sip.user_of(invite.uri) == "123"
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))


@pytest.mark.siproxd(**SETTINGS, plugin_prefix_akey="00", plugin_prefix_mode="forward")
def test_a_wrong_mode_stops_the_plugin_alone(lab):
    lab.daemon.wait_log(r"siproxd\.conf:\d+: plugin_prefix_mode = forward: "
                        r"redirect or retarget is needed")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
