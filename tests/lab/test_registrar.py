# SPDX-License-Identifier: GPL-2.0-or-later
"""siproxd as the registrar of a domain of its own: phones call each other by it."""

import pytest

import calls
from topology import GATEWAY, PBX, SECOND_PHONE

pytestmark = [pytest.mark.needs_daemon, pytest.mark.siproxd(local_domains="home.test")]

HOME = {"domain": "home.test"}


def test_phones_registered_here_call_each_other_with_audio(lab):
    alice, bob = lab.phone("alice", **HOME), lab.phone("bob", PBX, **HOME)
    for phone in (alice, bob):
        answer = lab.enrolled(phone, None)
        assert answer.contact == phone.contact
    call = calls.establish(alice, bob, "sip:bob@home.test")
    call.check_media()
    call.hang_up()


def test_a_user_is_called_by_our_address_too(lab):
    alice, bob = lab.phone("alice", **HOME), lab.phone("bob", PBX, **HOME)
    lab.enrolled(bob, None)
    call = calls.establish(alice, bob, f"sip:bob@{GATEWAY}")
    call.hang_up("callee")


def test_several_phones_of_a_user_ring_until_one_answers(lab):
    alice = lab.phone("alice", **HOME)
    bobs = [lab.phone("bob", address, **HOME) for address in (PBX, SECOND_PHONE)]
    for bob in bobs:
        lab.enrolled(bob, None)
    alice.invite("sip:bob@home.test")
    first, second = (bob.expect("INVITE") for bob in bobs)
    bobs[0].reply(first, 180)
    bobs[1].reply(second, 180)
    bobs[1].accept(second)
    cancel = bobs[0].expect("CANCEL")
    bobs[0].reply(cancel, 200)
    bobs[0].reply(first, 487)
    alice.expect((200, "INVITE"))


def test_the_preferred_phone_is_asked_first(lab):
    alice = lab.phone("alice", **HOME)
    desk, mobile = lab.phone("bob", PBX, **HOME), lab.phone("bob", SECOND_PHONE, **HOME)
    lab.enrolled(desk, None, contacts=[f"<{desk.contact}>;q=0.9"])
    lab.enrolled(mobile, None, contacts=[f"<{mobile.contact}>;q=0.4"])
    alice.invite("sip:bob@home.test")
    desk.reply(desk.expect("INVITE"), 486)
    mobile.accept(mobile.expect("INVITE"))
    alice.expect((200, "INVITE"))


def test_what_nobody_has_registered_is_not_found(lab):
    alice = lab.phone("alice", **HOME)
    alice.invite("sip:nobody@home.test")
    alice.expect((404, "INVITE"))


def test_an_unregistered_phone_is_not_called_any_more(lab):
    alice, bob = lab.phone("alice", **HOME), lab.phone("bob", PBX, **HOME)
    lab.enrolled(bob, None)
    assert not lab.enrolled(bob, None, expires=0, contacts=["*"]).all("contact")
    alice.invite("sip:bob@home.test")
    alice.expect((404, "INVITE"))
    assert bob.count("INVITE") == 0


def test_too_short_a_lifetime_is_told_the_shortest(lab):
    alice = lab.phone("alice", **HOME)
    alice.register(expires=3)
    assert alice.expect((423, "REGISTER"))["min-expires"] == "10"


def test_bindings_survive_a_restart(lab):
    alice, bob = lab.phone("alice", **HOME), lab.phone("bob", PBX, **HOME)
    lab.enrolled(bob, None)
    lab.daemon.stop()
    lab.daemon.start()
    calls.establish(alice, bob, "sip:bob@home.test").hang_up()
