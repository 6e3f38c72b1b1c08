# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_defaulttarget: somebody gets the calls that are for nobody."""

import pytest

import sip
from calls import establish
from daemon import plugin_directory
from topology import PBX, PUBLIC, REMOTE

pytestmark = pytest.mark.needs_daemon

PLAIN = {"plugindir": plugin_directory()}
LOADED = {**PLAIN, "load_plugin": "plugin_defaulttarget.la", "plugin_defaulttarget_log": 1}
SENDS = {**LOADED, "plugin_defaulttarget_mode": "retarget"}
NOBODY = f"sip:12345@{PUBLIC}"
DESK = "sip:desk@remote.example.test"


def desk(lab):
    return lab.provider(REMOTE, user="desk", domain="remote.example.test")


def wait_line(lab, target):
    lab.daemon.wait_log(r"INFO:\S+ Unknown Target \[rcvd IP=203\.0\.113\.50:5060\], "
                        r"From: bob@sip\.example\.test, redirecting To: 12345@203\.0\.113\.1 -> "
                        rf"{target}$")


@pytest.mark.siproxd(**LOADED, plugin_defaulttarget_target=DESK)
def test_the_caller_is_told_whom_to_call(lab):
    _, provider, _ = lab.pair()
    provider.invite(NOBODY)
    assert provider.expect((302, "INVITE")).contact == DESK
    wait_line(lab, DESK)


@pytest.mark.siproxd(**PLAIN)
def test_without_it_nobody_is_there(lab):
    _, provider, _ = lab.pair()
    provider.invite(NOBODY)
    provider.expect((408, "INVITE"))


@pytest.mark.siproxd(**SENDS, plugin_defaulttarget_target="sip:alice@sip.example.test")
@pytest.mark.parametrize("by", ["caller", "callee"])
def test_a_phone_gets_the_call(lab, by):
    phone, provider, _ = lab.pair()
    call = establish(provider, phone, NOBODY)
    call.check_media()
    call.hang_up(by)
    wait_line(lab, "sip:alice@sip.example.test")
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**SENDS, plugin_defaulttarget_target=f"sip:100@{PBX}")
@pytest.mark.parametrize("by", ["caller", "callee"])
def test_a_pbx_that_is_not_registered_gets_the_call(lab, by):
    _, provider, _ = lab.pair()
    pbx = lab.phone("100", PBX)
    call = establish(provider, pbx, NOBODY)
    call.check_media()
    call.hang_up(by)
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**SENDS, plugin_defaulttarget_target=DESK)
@pytest.mark.parametrize("by", ["caller", "callee"])
def test_somebody_outside_gets_the_call(lab, by):
    _, provider, _ = lab.pair()
    call = establish(provider, desk(lab), NOBODY)
    assert call.callee_target[0] == PUBLIC and call.caller_target[0] == PUBLIC
    call.check_media()
    call.hang_up(by)
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**SENDS, plugin_defaulttarget_target=DESK)
def test_such_a_call_is_given_up(lab):
    _, provider, _ = lab.pair()
    callee = desk(lab)
    call = provider.invite(NOBODY)
    invite = callee.expect("INVITE")
    callee.reply(invite, 180)
    provider.expect((180, "INVITE"))
    call.cancel()
    callee.reply(callee.expect("CANCEL"), 200)
    callee.reply(invite, 487)
    provider.expect((487, "INVITE"))
    callee.expect("ACK")


@pytest.mark.siproxd(**SENDS, plugin_defaulttarget_target=DESK)
def test_a_stranger_reaches_nobody(lab):
    lab.pair()
    callee = desk(lab)
    stranger = lab.provider(REMOTE, port=5099, user="mallory")
    stranger.invite(NOBODY)
    lab.daemon.wait_log("ignored: who calls from outside is not known")
    assert callee.count("INVITE") == 0 and not stranger.count(lambda message: True)


@pytest.mark.siproxd(**SENDS, plugin_defaulttarget_target=DESK, anonymous_calls=1)
def test_a_stranger_who_may_call_reaches_nobody_else(lab):
    phone, provider, _ = lab.pair()
    callee = desk(lab)
    stranger = lab.provider(REMOTE, port=5099, user="mallory")
    wanted = "sip:00900@sip.example.test"
    # Neither by a Route ...
    call = stranger.invite(NOBODY, sip.sdp(REMOTE, 4000), target=(PUBLIC, 5060),
                           routes=[f"<sip:{PUBLIC};lr>", "<sip:sip.example.test;lr>"])
    invite = callee.expect("INVITE")
    assert not invite.all("route") and invite.uri == DESK
    callee.accept(invite, sip.sdp(REMOTE, 4002))
    call.ack(stranger.expect((200, "INVITE")))
    callee.expect("ACK")
    # ... nor by what the call is made to name later.
    call.remote_target = wanted
    call.routes = [f"<sip:{PUBLIC};lr>", "<sip:sip.example.test;lr>"]
    call.request("INVITE", sip.sdp(REMOTE, 4000))
    again = callee.expect("INVITE")
    assert again.uri == callee.contact and not again.all("route")
    callee.reply(again, 200, sip.sdp(REMOTE, 4002))
    call.routes = [f"<sip:{PUBLIC};lr>"]
    call.request("ACK", cseq=stranger.expect((200, "INVITE")).cseq, contact=False)
    callee.expect("ACK")
    call.hang_up(callee)
    assert provider.count("INVITE") == provider.count("ACK") == provider.count("BYE") == 0
    assert phone.count("INVITE") == 0
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**SENDS, plugin_defaulttarget_target=f"sip:99@{PUBLIC}")
def test_a_target_that_is_nobody_does_not_go_round(lab):
    _, provider, _ = lab.pair()
    provider.invite(NOBODY)
    refusal = provider.expect(lambda message: message.status and message.status >= 400)
    assert refusal.method == "INVITE"
    lab.daemon.wait_log("Unknown Target")
    assert lab.daemon.log().count("Unknown Target") == 1


@pytest.mark.siproxd(**LOADED, plugin_defaulttarget_target="sip:defaulttarget@some.sip.domain:port")
def test_a_wrong_target_stops_the_plugin_alone(lab):
    lab.daemon.wait_log(r"siproxd\.conf:\d+: plugin_defaulttarget_target = sip:defaulttarget@"
                        r"some\.sip\.domain:port: sip:user@host\[:port\] is needed")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
