# SPDX-License-Identifier: GPL-2.0-or-later
"""siproxd as the registrar of a domain of its own: phones call each other by it."""

import pytest

import calls
import sip
from topology import GATEWAY, PBX, PHONE, SECOND_PHONE

pytestmark = [pytest.mark.needs_daemon, pytest.mark.siproxd(local_domains="home.test")]

HOME = {"domain": "home.test"}


def test_phones_registered_here_call_each_other_with_audio(lab):
    alice, bob = lab.phone("alice", **HOME), lab.phone("bob", PBX, **HOME)
    for phone in (alice, bob):
        answer = lab.enrolled(phone, None)
        assert answer.contact == phone.contact
    call = calls.establish(alice, bob, "sip:bob@home.test")
    assert [sdp.audio.address for sdp in (call.offer, call.answer)] == [PHONE, PBX]
    call.check_media()
    call.hang_up()


@pytest.mark.siproxd(local_domains="home.test", rtp_proxy_mode="all")
def test_the_audio_of_neighbours_is_relayed_when_that_of_all_calls_is(lab):
    alice, bob = lab.phone("alice", **HOME), lab.phone("bob", PBX, **HOME)
    lab.enrolled(bob, None)
    call = calls.establish(alice, bob, "sip:bob@home.test")
    assert [sdp.audio.address for sdp in (call.offer, call.answer)] == [GATEWAY, GATEWAY]
    call.check_media()
    call.hang_up()
    lab.daemon.assert_ports_released()


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


class Ranks:
    """Bob's phones, by how much he prefers them (q), and a call of alice's for him."""

    def __init__(self, lab):
        self.alice = lab.phone("alice", **HOME)
        self.desk, self.mobile, self.home, self.machine = self.phones = [
            lab.phone("bob", address, port=port, **HOME)
            for address in (PBX, SECOND_PHONE) for port in (5060, 5070)]
        for phone, q in zip(self.phones, ("1.0", "0.5", "0.5", "0.1")):
            lab.enrolled(phone, None, contacts=[f"<{phone.contact}>;q={q}"],
                         call_id=f"rank-{id(phone) % 9973}")
        self.rtp, port = calls.media_of(self.alice)
        self.dialog = self.alice.invite("sip:bob@home.test", sip.sdp(PHONE, port))

    def asked(self, *phones):
        """These have been called and ring, and nobody else."""
        invites = [phone.expect("INVITE") for phone in phones]
        for phone, invite in zip(phones, invites):
            phone.reply(invite, 180)
            self.alice.expect((180, "INVITE"))
        # Whatever was sent beside these has come before the answer to what is sent now.
        self.alice.request("OPTIONS", f"sip:{GATEWAY}")
        self.alice.expect((200, "OPTIONS"))
        assert not any(phone.count("INVITE") for phone in self.phones
                       if phone not in phones and phone not in self.past)
        return invites

    past = ()       # who was asked before

    def refuse(self, phones, invites, status=486):
        for phone, invite in zip(phones, invites):
            phone.reply(invite, status)
            phone.expect("ACK")
        self.past = (*self.past, *phones)


def test_the_less_preferred_are_asked_together_when_the_others_have_refused(lab):
    ranks = Ranks(lab)
    ranks.refuse([ranks.desk], ranks.asked(ranks.desk))
    both = [ranks.mobile, ranks.home]
    invites = ranks.asked(*both)
    ranks.refuse(both[:1], invites[:1])
    assert ranks.machine.count("INVITE") == 0, "one of them still rings"
    ranks.refuse(both[1:], invites[1:], 480)
    invite, = ranks.asked(ranks.machine)
    rtp, port = calls.media_of(ranks.machine)
    other = ranks.machine.accept(invite, sip.sdp(SECOND_PHONE, port))
    answer = ranks.alice.expect((200, "INVITE"))
    ranks.dialog.ack(answer)
    ranks.machine.expect("ACK")
    call = calls.Call(ranks.dialog, other, ranks.rtp, rtp, invite.sdp, answer.sdp)
    call.check_tones(10)
    call.hang_up("callee")
    assert ranks.alice.count(lambda message: (message.status or 0) >= 300) == 0


@pytest.mark.parametrize("status", [200, 603])
def test_who_answers_for_all_is_the_last_that_is_asked(lab, status):
    ranks = Ranks(lab)
    ranks.refuse([ranks.desk], ranks.asked(ranks.desk))
    invite, other = ranks.asked(ranks.mobile, ranks.home)
    ranks.mobile.reply(invite, status)
    ranks.home.reply(ranks.home.expect("CANCEL"), 200)
    ranks.home.reply(other, 487)
    ranks.alice.expect((status, "INVITE"))
    ranks.past = (ranks.desk, ranks.mobile, ranks.home)
    ranks.asked()


def test_who_gives_up_has_nobody_else_asked(lab):
    ranks = Ranks(lab)
    ranks.refuse([ranks.desk], ranks.asked(ranks.desk))
    invites = ranks.asked(ranks.mobile, ranks.home)
    ranks.dialog.cancel()
    for phone, invite in zip((ranks.mobile, ranks.home), invites):
        phone.reply(phone.expect("CANCEL"), 200)
        phone.reply(invite, 487)
    # All of them are of the best class that there is (RFC 3261 16.7 step 6).
    assert ranks.alice.expect(lambda message: message.status and message.status >= 300).status \
        in (486, 487)
    ranks.past = (ranks.desk, ranks.mobile, ranks.home)
    ranks.asked()


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
