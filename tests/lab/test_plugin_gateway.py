# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_gateway: calls by gateways that want a registration and a password, and calls from there. The
gateways are two Kamailio, and scripted ones where Kamailio does not do what is wanted."""

import pytest

import sip
from calls import Call, media_of
from daemon import plugin_directory
from deadline import wait_for
from topology import PROVIDER, PROVIDER_2, REMOTE, SECOND_PHONE

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "load_plugin": "plugin_gateway.la", "debug_level": "0x1000"}
UK = {"title": "uk", "server": "sip.example.test", "username": "acme", "password": "secret",
      "rewrite_from": 1, "prefix": "0044;44;+44", "replace": "0%&", "incoming": "alice;carol"}
SPARE = {**UK, "title": "spare", "server": "second.example.test", "incoming": "alice", "prefix": "+;00",
         "replace": "%*"}
REGISTERED = r"gateway {}: registered as acme@{} at {}:5060 for \d+ s"


def subscriber(lab, number, address=PROVIDER, domain="sip.example.test"):
    """Somebody with a telephone number who is reached by the gateway at that address."""
    agent = lab.provider(REMOTE, user=number, domain=domain, outbound=(address, 5060))
    lab.enrolled(agent, "secret")
    return agent


def home_phone(lab, user="alice", **details):
    """A phone that is registered at siproxd itself."""
    phone = lab.phone(user, domain="home.test", **details)
    lab.enrolled(phone, "pw")
    return phone


@pytest.fixture
def house(idle_lab):
    """Users of siproxd's own, with passwords; the daemon is not started yet."""
    idle_lab.passwords(alice="pw", carol="pw")
    return idle_lab


@pytest.mark.siproxd(**LOADED, plugin_gateway=[UK])
def test_a_british_number_goes_to_the_british_gateway(house):
    """The example of the reference: +4479795551234 is dialled as 079795551234."""
    house.kamailio(password="secret")
    house.daemon.start()
    house.daemon.wait_log(REGISTERED.format("uk", "sip.example.test", PROVIDER))
    phone = home_phone(house)
    callee = subscriber(house, "079795551234")
    phone_rtp, port = media_of(phone)
    callee_rtp, callee_port = media_of(callee)
    dialog = phone.invite("sip:+4479795551234@home.test", sip.sdp(phone.address, port))
    invite = callee.expect("INVITE")
    assert sip.user_of(invite.uri) == "079795551234"
    assert "acme@sip.example.test" in invite["from"]
    other = callee.accept(invite, sip.sdp(callee.address, callee_port))
    answer = phone.expect((200, "INVITE"))
    assert "alice@home.test" in answer["from"] and answer.cseq == 1
    dialog.ack(answer)
    callee.expect("ACK")
    call = Call(dialog, other, phone_rtp, callee_rtp, invite.sdp, answer.sdp)
    call.check_media(10)
    call.hang_up()
    house.daemon.assert_ports_released()
    assert phone.count(407) == 0


@pytest.mark.siproxd(**LOADED, plugin_gateway=[UK, SPARE])
def test_the_other_gateway_takes_over_when_one_dies(house):
    first = house.kamailio(password="secret")
    house.kamailio(PROVIDER_2, password="secret")
    house.daemon.start()
    house.daemon.wait_log(REGISTERED.format("uk", "sip.example.test", PROVIDER))
    house.daemon.wait_log(REGISTERED.format("spare", "second.example.test", PROVIDER_2))
    callee = subscriber(house, "+4479795551234", PROVIDER_2, "second.example.test")
    phone = home_phone(house)
    first.stop()
    dialog = phone.invite("sip:+4479795551234@home.test", sip.sdp(phone.address, 4000))
    invite = callee.expect("INVITE", timeout=5)
    callee.accept(invite, sip.sdp(callee.address, 4002))
    dialog.ack(phone.expect((200, "INVITE")))
    callee.expect("ACK")
    dialog.hang_up(callee)


@pytest.mark.siproxd(**LOADED, plugin_gateway=[UK])
def test_who_is_called_from_there_rings_and_the_first_to_answer_wins(house):
    house.kamailio(password="secret")
    house.daemon.start()
    house.daemon.wait_log(REGISTERED.format("uk", "sip.example.test", PROVIDER))
    alice, carol = home_phone(house), home_phone(house, "carol", address=SECOND_PHONE)
    caller = house.provider(REMOTE, user="bob", outbound=(PROVIDER, 5060))
    house.enrolled(caller, "secret")
    dialog = caller.invite("sip:acme@sip.example.test", sip.sdp(caller.address, 4000))
    ringing = [(phone, phone.expect("INVITE")) for phone in (alice, carol)]
    for phone, invite in ringing:
        phone.reply(invite, 180)
    carol.accept(ringing[1][1], sip.sdp(carol.address, 4002))
    dialog.ack(caller.expect((200, "INVITE")))
    alice.expect("CANCEL")
    carol.expect("ACK")
    alice.reply(ringing[0][1], 487)
    dialog.hang_up(carol)
    house.daemon.assert_ports_released()


@pytest.mark.siproxd(**LOADED, plugin_gateway=[{**UK, "password": "wrong"}])
def test_a_wrong_password_is_told_in_the_log_and_tried_again(house):
    house.kamailio(password="secret")
    house.daemon.start()
    house.daemon.wait_log(r"gateway uk: registration failed with 500 Not Accepted There, next try in 5 s")
    wait_for(lambda: house.daemon.log().count("does not take the password of acme") >= 2,
             "another try", timeout=10)


@pytest.mark.siproxd(**LOADED, plugin_gateway=[{**UK, "expires": 0, "ping": 0, "max_calls": 1}])
def test_a_line_that_is_taken_is_free_again_after_the_call(house):
    house.kamailio(password="secret")
    house.daemon.start()
    phone = home_phone(house)
    callee = subscriber(house, "02071")
    for _ in range(2):
        dialog = phone.invite("sip:+442071@home.test", sip.sdp(phone.address, 4000))
        callee.accept(callee.expect("INVITE"), sip.sdp(callee.address, 4002))
        dialog.ack(phone.expect((200, "INVITE")))
        callee.expect("ACK")
        phone.invite("sip:+442072@home.test", sip.sdp(phone.address, 4010))
        assert phone.expect((486, "INVITE")).start.endswith("All Lines Busy")
        dialog.hang_up(callee)


@pytest.mark.siproxd(**LOADED, plugin_gateway=[{**UK, "allowed": "carol"}])
def test_who_may_not_is_refused(house):
    house.kamailio(password="secret")
    house.daemon.start()
    phone = home_phone(house)
    phone.invite("sip:+4479795551234@home.test", sip.sdp(phone.address, 4000))
    phone.expect((403, "INVITE"))
    house.daemon.wait_log(r"call of alice@home.test to \+4479795551234 refused: no gateway is for this user")


@pytest.mark.siproxd(**LOADED, plugin_gateway=[{"title": "a"}, {"title": "a", "server": "b c"}])
def test_what_is_wrong_is_told_with_its_place(lab):
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_gateway_title = a: it has no plugin_gateway_server")
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_gateway_title = a: there is a gateway with that title")
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_gateway_server = b c: host\[:port\]")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
