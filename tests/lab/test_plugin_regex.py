# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_regex: what is dialled is rewritten by patterns."""

import pytest

import sip
from daemon import plugin_directory

pytestmark = pytest.mark.needs_daemon

SETTINGS = {"plugindir": plugin_directory(), "load_plugin": "plugin_regex.la"}
RULES = {"plugin_regex_desc": ["international", "office"],
         "plugin_regex_pattern": [r"^(sips?:)\+([1-9])", r"^(sip:)([[:digit:]]{2})@"],
         "plugin_regex_replace": [r"\100\2", r"\1+4155500\2@"]}


@pytest.mark.siproxd(**SETTINGS, **RULES)
def test_the_phone_is_told_what_its_number_becomes(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:+41123@sip.example.test")
    moved = phone.expect((302, "INVITE"))
    assert moved.contact == "sip:0041123@sip.example.test;redirected=regex"
    lab.daemon.wait_log(r"INFO:\S+ Matched rexec rule: international$")
    lab.daemon.wait_log(r"INFO:\S+ redirecting sip:\+41123@sip\.example\.test -> "
                        r"sip:0041123@sip\.example\.test$")
    assert provider.count("INVITE") == 0
    # It follows, and the call goes through.
    provider.user = "0041123"
    call = phone.invite(moved.contact, sip.sdp(phone.address, 4000))
    invite = provider.expect("INVITE")
    assert sip.user_of(invite.uri) == "0041123"
    provider.accept(invite, sip.sdp(provider.address, 4002))
    call.ack(phone.expect((200, "INVITE")))
    provider.expect("ACK")
    call.hang_up(provider)
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**SETTINGS, **RULES, plugin_regex_mode="retarget")
def test_siproxd_dials_the_other_number_by_itself(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:42@sip.example.test")
    invite = provider.expect("INVITE")
    assert sip.user_of(invite.uri) == "+415550042"
    assert sip.user_of(sip.uri_of(invite["to"])) == "42"
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))
    provider.expect("ACK")
    lab.daemon.wait_log(r"INFO:\S+ Matched rexec rule: office$")


@pytest.mark.siproxd(**SETTINGS, **RULES)
def test_other_numbers_stay(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:123@sip.example.test")
    invite = provider.expect("INVITE")
    assert sip.user_of(invite.uri) == "123"
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))


@pytest.mark.siproxd(**SETTINGS, plugin_regex_desc="hard", plugin_regex_pattern="(0*)*[1-3]x",
                     plugin_regex_replace="y")
def test_a_pattern_that_costs_too_much_stops_no_call(lab):
    phone, provider, _ = lab.pair()
    phone.invite(f"sip:{'0' * 500}3@sip.example.test")
    provider.reply(provider.expect("INVITE"), 486)
    phone.expect((486, "INVITE"))
    lab.daemon.wait_log(r"WARNING:\S+ \S*siproxd\.conf:\d+: plugin_regex: a text was left as it was")


@pytest.mark.siproxd(**SETTINGS, plugin_regex_desc="wrong", plugin_regex_pattern="a(b",
                     plugin_regex_replace="y")
def test_a_wrong_pattern_stops_the_plugin_alone(lab):
    lab.daemon.wait_log(r"siproxd\.conf:\d+: plugin_regex_pattern = a\(b: \( without \)")
    lab.daemon.wait_log(r"Plugin 'plugin_regex' .* loaded with failure")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
