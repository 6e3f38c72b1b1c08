# SPDX-License-Identifier: GPL-2.0-or-later
"""Two phones behind the same siproxd that call each other through a real provider (Kamailio)."""

import pytest

import rtp
import sip
from calls import establish
from daemon import DIRECT
from topology import GATEWAY, PHONE, SECOND_PHONE


def neighbours(lab):
    """alice and bob, both inside, both registered at the provider."""
    lab.kamailio()
    alice, bob = lab.phone("alice", PHONE), lab.phone("bob", SECOND_PHONE)
    for phone in (alice, bob):
        phone.register()
        answer = phone.expect((200, "REGISTER"))
        assert phone.contact in [sip.uri_of(text) for text in answer.all("contact")]
    return alice, bob


@pytest.mark.parametrize("by", ["caller", "callee"])
def test_neighbours_talk(lab, by):
    alice, bob = neighbours(lab)
    call = establish(alice, bob, "sip:bob@sip.example.test")
    streams = rtp.exchange(call.caller_rtp, call.caller_target, call.callee_rtp,
                           call.callee_target)
    assert [stream.lost for stream in streams] == [0, 0], [str(stream) for stream in streams]
    # The provider has passed the addresses on: the media need not go round by our relays.
    assert [target[0] for target in (call.callee_target, call.caller_target)] == \
        [PHONE, SECOND_PHONE] or DIRECT
    call.hang_up(by)
    lab.daemon.assert_ports_released()


@pytest.mark.needs_daemon
@pytest.mark.siproxd(rtp_proxy_mode="all")
def test_neighbours_talk_by_the_relay_when_all_do(lab):
    alice, bob = neighbours(lab)
    call = establish(alice, bob, "sip:bob@sip.example.test")
    call.check_media()
    assert {target[0] for target in (call.callee_target, call.caller_target)} == {GATEWAY}
    call.hang_up()
    lab.daemon.assert_ports_released()


def test_neighbours_cancel_and_refuse(lab):
    alice, bob = neighbours(lab)
    call = alice.invite("sip:bob@sip.example.test")
    invite = bob.expect("INVITE")
    bob.reply(invite, 180)
    alice.expect((180, "INVITE"))
    call.cancel()
    bob.reply(bob.expect("CANCEL"), 200)
    bob.reply(invite, 487)
    alice.expect((487, "INVITE"))
    bob.invite("sip:alice@sip.example.test")
    alice.reply(alice.expect("INVITE"), 486)
    bob.expect((486, "INVITE"))
    lab.daemon.assert_ports_released()


def test_both_phones_of_one_address_ring_at_a_real_registrar(lab):
    lab.kamailio()
    first, second = lab.phone("alice", PHONE), lab.phone("alice", SECOND_PHONE)
    caller = lab.provider("203.0.113.51", user="bob")
    for agent in (first, second, caller):
        agent.register()
        agent.expect((200, "REGISTER"))
    call = caller.invite("sip:alice@sip.example.test")
    invites = [phone.expect("INVITE") for phone in (first, second)]
    for phone, invite in zip((first, second), invites):
        phone.reply(invite, 180)
    second.accept(invites[1])
    call.ack(caller.expect((200, "INVITE")))
    second.expect("ACK")
    first.reply(first.expect("CANCEL"), 200)
    first.reply(invites[0], 487)
    call.hang_up(second)
    lab.daemon.assert_ports_released()
