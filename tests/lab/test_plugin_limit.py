# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_limit: calls that are one too many, go where they must not, or last too long."""

import pytest

import digest
import sip
from calls import establish
from daemon import plugin_directory
from topology import PROVIDER, SECOND_PHONE

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "load_plugin": "plugin_limit.la"}


def refused(phone, number, status):
    """The call is refused before anybody else hears of it."""
    phone.invite(f"sip:{number}@{phone.domain}", sip.sdp(phone.address, 4000))
    phone.expect((status, "INVITE"))


@pytest.mark.siproxd(**LOADED, plugin_limit=[{"user": "*", "calls": 1}])
def test_one_call_at_a_time_whatever_the_phone_says_its_name_is(lab):
    phone, provider, _ = lab.pair()
    other = lab.phone("mallory", port=5080)
    call = lab.call_out(phone, provider)
    refused(phone, "bob", 486)
    refused(other, "bob", 486)
    lab.daemon.wait_log(r"plugin_limit: call of alice@sip.example.test to bob refused with 486: "
                        r"calls at once are limited to 1")
    second = lab.phone("zoe", address=SECOND_PHONE, domain="sip.example.test")
    lab.call_out(second, provider).hang_up()
    call.check_media(5)
    call.hang_up()
    lab.call_out(phone, provider).hang_up()
    assert provider.count("INVITE") == 3
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**LOADED, plugin_limit=[{"user": "*", "calls": 1}])
def test_calls_from_the_provider_are_not_those_of_one_user(lab):
    phone, provider, contact = lab.pair()
    calls = [lab.call_in(phone, provider, contact) for _ in range(3)]
    for call in calls:
        call.hang_up()


@pytest.mark.siproxd(**LOADED, plugin_limit=[{"user": "*", "forbid": "+44900;0190", "status_number": 603},
                                             {"user": "alice", "rate": 2, "forbid": "*", "allow": "+44"}])
def test_an_authenticated_user_has_limits_of_his_own(idle_lab):
    lab = idle_lab
    lab.passwords(alice="pw", carol="pw")
    lab.daemon.settings.update(proxy_auth_calls=1)
    lab.daemon.start()
    callee = lab.provider(user="+4479", domain="sip.example.test")
    alice, carol = lab.phone(domain="home.test"), lab.phone("carol", SECOND_PHONE, domain="home.test")

    def dial(phone, number):
        """The answer to the call, once the phone has said who it is."""
        uri = f"sip:{number}@sip.example.test"
        body = sip.sdp(phone.address, 4000)
        phone.invite(uri, body)
        challenge = phone.expect((407, "INVITE"))["proxy-authenticate"]
        credentials = digest.answer(challenge, "INVITE", uri, phone.user, "pw")
        return phone.invite(uri, body, [("Proxy-Authorization", credentials)])

    def rings(phone, number):
        dialog = dial(phone, number)
        callee.accept(callee.expect("INVITE"), sip.sdp(callee.address, 4002))
        dialog.ack(phone.expect((200, "INVITE")))
        callee.expect("ACK")
        dialog.hang_up(callee)
    rings(carol, "33123")
    dial(carol, "0044-900-123")
    carol.expect((603, "INVITE"))
    dial(alice, "33123")
    alice.expect((603, "INVITE"))
    rings(alice, "+4479")
    rings(alice, "+4479")
    dial(alice, "+4479")
    alice.expect((480, "INVITE"))
    lab.daemon.wait_log(r"plugin_limit: call of carol to \+44900123 refused with 603: numbers with \+44900 are")
    lab.daemon.wait_log(r"plugin_limit: call of alice to 33123 refused with 603: all numbers but some are")
    lab.daemon.wait_log(r"plugin_limit: call of alice to \+4479 refused with 480: calls a minute are limited to 2")
    assert callee.count("INVITE") == 3



@pytest.mark.siproxd(**LOADED, plugin_limit_total=1)
def test_calls_in_all(lab):
    phone, provider, contact = lab.pair()
    call = lab.call_in(phone, provider, contact)
    refused(phone, "bob", 503)
    call.hang_up()
    lab.call_out(phone, provider).hang_up()


@pytest.mark.siproxd(**LOADED, plugin_limit=[{"user": "alice", "duration": 1}])
def test_a_call_that_lasts_too_long_is_ended_on_both_sides(lab):
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider)
    for party in (phone, provider):
        bye = party.expect("BYE")
        assert "calls are limited to 1 s" in bye["reason"]
        party.reply(bye, 200)
    lab.daemon.wait_log(r"plugin_limit: call of alice@sip.example.test to bob is ended: calls are limited to 1 s")
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**{**LOADED, "load_plugin": ["plugin_gateway.la", "plugin_limit.la", "plugin_cdr.la"]},
                     plugin_gateway=[{"title": "uk", "server": "sip.example.test", "prefix": "+44", "ping": 0}],
                     plugin_limit_gateway="uk 1")
def test_a_gateway_has_no_more_lines(idle_lab):
    lab = idle_lab
    path = f"{lab.directory}/cdr.json"
    lab.passwords(alice="pw")
    lab.daemon.settings.update(plugin_cdr_file=path, plugin_cdr_format="json", proxy_auth_realm=None)
    lab.daemon.start()
    phone = lab.phone(domain="home.test")
    gateway = lab.provider(PROVIDER, user="gw")

    def dial():
        return establish(phone, gateway, "sip:+4479@home.test")
    call = dial()
    phone.invite("sip:+4479@home.test", sip.sdp(phone.address, 4000))
    answer = phone.expect(lambda m: m.status is not None and m.status >= 300)
    assert answer.status >= 500
    lab.daemon.wait_log(r"plugin_limit: call of 10.0.0.10 to \+4479 does not go by uk: "
                        r"calls at once there are limited to 1")
    call.hang_up()
    dial().hang_up()
    assert gateway.count("INVITE") == 2
    lab.daemon.stop()
    with open(path, encoding="utf-8") as file:
        assert sum('"gateway":"uk"' in line and '"ANSWERED"' in line for line in file) == 2


@pytest.mark.siproxd(**{**LOADED, "load_plugin": ["plugin_limit.la", "plugin_forward.la"]},
                     plugin_forward=[{"number": "alice", "to": "bob"}],
                     plugin_limit=[{"user": "alice", "calls": 1, "duration": 2}])
def test_a_forwarded_call_counts_for_who_has_it_forwarded(idle_lab):
    lab = idle_lab
    lab.passwords(alice="pw", bob="pw")
    lab.daemon.start()
    bob = lab.phone("bob", domain="home.test")
    lab.enrolled(bob, "pw")
    caller = lab.phone("dora", SECOND_PHONE, domain="home.test")
    establish(caller, bob, "sip:alice@home.test")
    refused(caller, "alice", 486)
    lab.daemon.wait_log("plugin_limit: call for alice is not sent on to bob: calls at once are limited to 1")
    for party in (caller, bob):
        bye = party.expect("BYE")
        assert "calls are limited to 2 s" in bye["reason"]
        party.reply(bye, 200)
    establish(caller, bob, "sip:alice@home.test").hang_up()
    assert bob.count("INVITE") == 2
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**LOADED, plugin_limit_calls=3)
def test_what_is_wrong_is_told_with_its_place(lab):
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_limit_calls = 3: a plugin_limit_user has to come before")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
