# SPDX-License-Identifier: GPL-2.0-or-later
"""Passwords: for registering here, for calls, and what becomes of those for others."""

import pytest

import calls
import digest
from deadline import wait_for
from topology import PBX

pytestmark = pytest.mark.needs_daemon

HOME = {"domain": "home.test"}


@pytest.fixture
def auth_lab(idle_lab):
    idle_lab.passwords(alice="wonderland", bob="builder")
    return idle_lab


def test_registering_takes_the_password(auth_lab):
    auth_lab.daemon.start()
    alice, bob = auth_lab.phone("alice", **HOME), auth_lab.phone("bob", PBX, **HOME)
    assert auth_lab.enrolled(alice, "wonderland").contact == alice.contact
    auth_lab.enrolled(bob, "builder")
    calls.establish(alice, bob, "sip:bob@home.test").hang_up()


def test_a_wrong_password_is_challenged_again_then_refused(auth_lab):
    auth_lab.daemon.settings["proxy_auth_tries"] = 2
    auth_lab.daemon.start()
    alice = auth_lab.phone("alice", **HOME)
    alice.register()
    for status in (401, 401, 403):
        challenge = alice.expect((401, "REGISTER"))
        alice.register(headers=[("Authorization", digest.answer(
            challenge["www-authenticate"], "REGISTER", "sip:home.test", "alice", "guess"))])
        if status == 403:
            alice.expect((403, "REGISTER"))


def test_nobody_registers_somebody_else(auth_lab):
    auth_lab.daemon.start()
    alice = auth_lab.phone("alice", **HOME)
    alice.register()
    challenge = alice.expect((401, "REGISTER"))
    alice.user = "bob"
    alice.register(headers=[("Authorization", digest.answer(
        challenge["www-authenticate"], "REGISTER", "sip:home.test", "alice", "wonderland"))])
    alice.expect((403, "REGISTER"))


def test_calls_take_a_password_that_the_provider_never_sees(auth_lab):
    auth_lab.daemon.settings["proxy_auth_calls"] = 1
    auth_lab.daemon.start()
    alice, provider = auth_lab.phone("alice"), auth_lab.provider()
    alice.invite("sip:bob@sip.example.test")
    challenge = alice.expect((407, "INVITE"))
    assert len(challenge.all("proxy-authenticate")) == 2
    alice.invite("sip:bob@sip.example.test", headers=[("Proxy-Authorization", digest.answer(
        challenge["proxy-authenticate"], "INVITE", "sip:bob@sip.example.test", "alice",
        "wonderland"))])
    invite = provider.expect("INVITE")
    assert not invite.all("proxy-authorization")
    provider.reply(invite, 486)
    alice.expect((486, "INVITE"))


def test_the_password_file_is_read_again_when_it_changes(auth_lab):
    auth_lab.daemon.start()
    with open(auth_lab.daemon.settings["proxy_auth_pwfile"], "a", encoding="utf-8") as file:
        file.write("carol christmas\n")
    wait_for(lambda: "has changed: 3 users" in auth_lab.daemon.log(), "the file to be read", 15)
    auth_lab.enrolled(auth_lab.phone("carol", **HOME), "christmas")
