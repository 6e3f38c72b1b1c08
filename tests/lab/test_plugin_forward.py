# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_forward: three phones whose calls go on among them, and to the telephone network by a gateway. Rules of the
administrator, and the codes of the reference: *151*, *1513105551234, *151john@vmsdemo.com."""

import pathlib

import pytest

import sip
from calls import Call, media_of
from daemon import plugin_directory
from deadline import wait_for
from topology import PROVIDER, REMOTE, SECOND_PHONE

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "load_plugin": ["plugin_forward.la", "plugin_gateway.la"],
          "debug_level": "0x1000"}
CODES = {"away": "*151", "away_busy": "*152", "reset": "*150", "redial": "*66", "ring": 1}
UK = {"title": "uk", "rewrite_from": 1, "server": "sip.example.test", "username": "acme", "password": "secret", "prefix": "310;+44",
      "replace": "%*", "allowed": "alice", "incoming": "alice"}


@pytest.fixture
def phones(idle_lab):
    """alice, bob and carol with a phone each, registered at siproxd itself."""
    lab = idle_lab
    lab.passwords(alice="pw", bob="pw", carol="pw")
    lab.daemon.start()
    return lab, *enrol(lab)


@pytest.fixture
def at_gateway(idle_lab):
    """The same, with a gateway that siproxd is registered at."""
    lab = idle_lab
    lab.passwords(alice="pw", bob="pw", carol="pw")
    lab.kamailio(password="secret")
    lab.daemon.start()
    lab.daemon.wait_log("gateway uk: registered as acme")
    return lab, *enrol(lab)


def enrol(lab):
    phones = [lab.phone("alice", domain="home.test"), lab.phone("bob", SECOND_PHONE, domain="home.test"),
              lab.phone("carol", SECOND_PHONE, port=5070, domain="home.test")]
    for phone in phones:
        lab.enrolled(phone, "pw")
    return phones


def dials(phone, uri):
    """Calls; the phone takes its final answer by itself."""
    return phone.invite(uri, sip.sdp(phone.address, 4000))


def code(phone, digits, host="home.test"):
    """Dials a code and gives what the display shows."""
    dials(phone, f"sip:{digits}@{host}")
    return phone.expect((486, "INVITE")).start.removeprefix("SIP/2.0 486 ")


def answers(callee, caller, dialog, invite=None):
    """The call is taken, with audio both ways, and ended."""
    invite = invite or callee.expect("INVITE")
    caller_rtp, callee_rtp = dialog.rtp, media_of(callee)
    other = callee.accept(invite, sip.sdp(callee.address, callee_rtp[1]))
    answer = caller.expect((200, "INVITE"))
    dialog.ack(answer)
    callee.expect("ACK")
    call = Call(dialog, other, caller_rtp, callee_rtp[0], invite.sdp, answer.sdp)
    call.check_media(10)
    call.hang_up()
    return invite


def call(caller, uri):
    """Calls, with media to listen to."""
    rtp, port = media_of(caller)
    dialog = caller.invite(uri, sip.sdp(caller.address, port))
    dialog.rtp = rtp
    return dialog


@pytest.mark.siproxd(**LOADED, plugin_forward=[CODES])
def test_a_user_switches_the_phone_off_and_on(phones):
    _, alice, bob, _ = phones
    assert code(alice, "*151*") == "Calls are rejected"
    dials(bob, "sip:alice@home.test")
    bob.expect((480, "INVITE"))
    assert code(alice, "*150") == "Calls come here"
    answers(alice, bob, call(bob, "sip:alice@home.test"))
    assert alice.count("INVITE") == 1


@pytest.mark.siproxd(**LOADED, plugin_forward=[CODES], plugin_gateway=[UK])
def test_a_user_forwards_to_a_telephone_number(at_gateway):
    """*1513105551234: by the gateway that alice may use and bob may not."""
    lab, alice, bob, _ = at_gateway
    callee = lab.provider(REMOTE, user="3105551234", outbound=(PROVIDER, 5060))
    lab.enrolled(callee, "secret")
    assert code(alice, "*1513105551234") == "Calls go to 3105551234@home.test"
    dials(bob, "sip:3105551234@home.test")
    bob.expect((403, "INVITE"))
    invite = answers(callee, bob, call(bob, "sip:alice@home.test"))
    assert invite["diversion"] == "<sip:alice@home.test>;reason=unconditional;counter=1"
    lab.daemon.wait_log(r"call of bob@home.test for alice@home.test is forwarded to 1 other \(own rule of alice")
    lab.daemon.wait_log(r"call of alice@home.test to 3105551234 goes to 3105551234 by gateway uk")
    lab.daemon.assert_ports_released()
    assert alice.count("INVITE") == 0


@pytest.mark.siproxd(**LOADED, plugin_forward=[CODES])
def test_a_user_forwards_to_an_address(phones):
    """*151john@vmsdemo.com is *151john at vmsdemo.com to a telephone; its proxy is told by the domain."""
    lab, alice, bob, _ = phones
    john = lab.provider(PROVIDER, user="john", domain="sip.example.test")
    assert code(alice, "*151john", "sip.example.test") == "Calls go to john@sip.example.test"
    invite = answers(john, bob, call(bob, "sip:alice@home.test"))
    assert invite.uri == "sip:john@sip.example.test"


@pytest.mark.siproxd(**LOADED, plugin_forward=[CODES])
def test_the_address_of_the_reference(phones):
    _, alice, _, _ = phones
    assert code(alice, "*151john", "vmsdemo.com") == "Calls go to john@vmsdemo.com"
    assert code(alice, "*151*john%40vmsdemo.com") == "Calls go to john@vmsdemo.com"


BUSY = {"number": "alice@home.test", "to": "carol", "when": "busy"}
LATE = {"number": "alice@home.test", "to": "bob", "when": "noanswer", "after": 1, "description": "late"}


@pytest.mark.siproxd(**LOADED, plugin_forward=[BUSY, LATE])
def test_on_busy_and_on_no_answer(phones):
    lab, alice, bob, carol = phones
    caller = lab.phone("alice", port=5080, domain="home.test")  # another one of hers
    dialog = call(caller, "sip:alice@home.test")
    alice.reply(alice.expect("INVITE"), 486)
    assert answers(carol, caller, dialog)["diversion"] == "<sip:alice@home.test>;reason=user-busy;counter=1"
    dialog = call(caller, "sip:alice@home.test")
    ringing = alice.expect("INVITE")
    alice.reply(ringing, 180)
    caller.expect((180, "INVITE"))
    invite = bob.expect("INVITE", timeout=10)
    alice.expect("CANCEL")
    alice.reply(ringing, 487)
    assert answers(bob, caller, dialog, invite)["diversion"].endswith("reason=no-answer;counter=1")
    lab.daemon.wait_log("call of alice@home.test for alice@home.test goes on to bob@home.test")
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**LOADED, plugin_forward=[{"number": "alice", "to": "bob;carol", "description": "both"}])
def test_several_ring_at_once_and_the_first_to_answer_wins(phones):
    lab, alice, bob, carol = phones
    caller = lab.phone("alice", port=5080, domain="home.test")
    dialog = call(caller, "sip:alice@home.test")
    waiting = bob.expect("INVITE")
    bob.reply(waiting, 180)
    answers(carol, caller, dialog)
    bob.expect("CANCEL")
    bob.reply(waiting, 487)
    assert alice.count("INVITE") == 0


@pytest.mark.siproxd(**LOADED, plugin_forward=[{"number": "alice", "to": "bob"}, {"number": "bob", "to": "carol"},
                                               {"number": "carol", "to": "alice"}])
def test_calls_do_not_go_round_in_circles(phones):
    lab, alice, bob, carol = phones
    caller = lab.phone("dora", port=5080, domain="home.test")
    answers(carol, caller, call(caller, "sip:alice@home.test"))
    assert alice.count("INVITE") == bob.count("INVITE") == 0
    lab.daemon.wait_log("not to sip:alice@home.test in a circle")


@pytest.mark.siproxd(**LOADED, plugin_forward=[{"number": "alice", "to": "bob", "when": "unreachable"}])
def test_a_phone_that_is_not_there(phones):
    lab, alice, bob, _ = phones
    caller = lab.phone("dora", port=5080, domain="home.test")
    lab.enrolled(alice, "pw", expires=0)
    answers(bob, caller, call(caller, "sip:alice@home.test"))


@pytest.mark.siproxd(**LOADED, plugin_forward=[CODES], plugin_gateway=[UK])
def test_calls_of_the_gateway_are_forwarded_too(at_gateway):
    lab, alice, bob, _ = at_gateway
    assert code(alice, "*151bob") == "Calls go to bob@home.test"
    caller = lab.provider(REMOTE, user="4989", outbound=(PROVIDER, 5060))
    lab.enrolled(caller, "secret")
    answers(bob, caller, call(caller, "sip:acme@sip.example.test"))
    assert alice.count("INVITE") == 0
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**LOADED, plugin_forward=[{"number": "alice", "to": "3105551234", "when": "busy"}],
                     plugin_gateway=[UK])
def test_a_call_from_outside_is_forwarded_to_the_outside(at_gateway):
    """Its media goes from one to the other then, and no port of siproxd's stays."""
    lab, alice, _, _ = at_gateway
    caller = lab.provider(REMOTE, user="4989", outbound=(PROVIDER, 5060))
    callee = lab.provider(REMOTE, user="3105551234", port=5080, outbound=(PROVIDER, 5060))
    for agent in (caller, callee):
        lab.enrolled(agent, "secret")
    dialog = call(caller, "sip:acme@sip.example.test")
    alice.reply(alice.expect("INVITE"), 486)
    answers(callee, caller, dialog)
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**LOADED, plugin_forward=[CODES])
def test_redial(phones):
    _, alice, bob, carol = phones
    for callee in (bob, carol):
        answers(callee, alice, call(alice, f"sip:{callee.user}@home.test"))
    answers(carol, alice, call(alice, "sip:*66@home.test"))
    answers(alice, bob, call(bob, "sip:alice@home.test"))
    answers(bob, alice, call(alice, "sip:*66@home.test"))


@pytest.mark.siproxd(**LOADED, plugin_forward=[CODES])
def test_nobody_forwards_calls_of_others(phones):
    _, alice, bob, _ = phones
    bob.user = "alice"
    dials(bob, "sip:*151@home.test")
    assert bob.expect((403, "INVITE"))
    bob.user = "bob"
    answers(alice, bob, call(bob, "sip:alice@home.test"))


def test_rules_of_users_survive_a_restart(idle_lab):
    lab = idle_lab
    path = pathlib.Path(lab.daemon.directory) / "forwards"
    lab.passwords(alice="pw", bob="pw", carol="pw")
    lab.daemon.settings.update(LOADED, plugin_forward=[{**CODES, "file": path}])
    lab.daemon.start()
    alice, bob, carol = enrol(lab)
    assert code(alice, "*151carol") == "Calls go to carol@home.test"
    wait_for(lambda: "alice@home.test\talways\tsip:carol@home.test" in (path.read_text() if path.exists() else ""),
             "the rule in its file")
    lab.daemon.kill()
    lab.daemon.start()
    lab.daemon.wait_log("1 rules of users read from")
    for phone in (alice, bob, carol):
        lab.enrolled(phone, "pw")
    answers(carol, bob, call(bob, "sip:alice@home.test"))


@pytest.mark.siproxd(**LOADED, plugin_forward=[{"number": "%", "caller": "dora", "action": "reject", "status": 433},
                                               {"number": "%", "caller": "emil", "action": "drop"}])
def test_callers_who_are_not_wanted(phones):
    lab, alice, bob, _ = phones
    dora = lab.phone("dora", port=5080, domain="home.test")
    dials(dora, "sip:alice@home.test")
    dora.expect((433, "INVITE"))
    emil = lab.phone("emil", port=5082, domain="home.test")
    dials(emil, "sip:alice@home.test")
    lab.daemon.wait_log("call of emil@home.test for alice@home.test dropped")
    answers(alice, bob, call(bob, "sip:alice@home.test"))
    assert alice.count("INVITE") == 1


@pytest.mark.siproxd(**LOADED, plugin_forward=[{"number": "alice", "to": "two words"}, {"number": "bob"}])
def test_what_is_wrong_is_told_with_its_place(lab):
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_forward_to = two words: two words is no number and no address")
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_forward_number = bob: it has no plugin_forward_to")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
