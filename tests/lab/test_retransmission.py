# SPDX-License-Identifier: GPL-2.0-or-later
"""Repeated messages (RFC 3261 17): absorbed where there is a transaction, sent where nobody
answers."""

import pytest

import sip
from deadline import wait_for

pytestmark = pytest.mark.needs_daemon
both_ways = pytest.mark.parametrize("direction", ["out", "in"])


def dial(lab, direction):
    """(caller, callee, dialog) of a call whose INVITE was sent."""
    phone, provider, contact = lab.pair()
    if direction == "out":
        call = phone.invite("sip:bob@sip.example.test", sip.sdp(phone.address, 4000))
        return phone, provider, call
    call = provider.invite(contact, sip.sdp(provider.address, 4000), to=f"<{phone.aor}>")
    return provider, phone, call


def barrier(sender, receiver, uri):
    """A later request that has come through: whatever was sent before it has been dealt with."""
    sender.request("OPTIONS", uri)
    receiver.reply(receiver.expect("OPTIONS"), 200)
    sender.expect((200, "OPTIONS"))


@both_ways
def test_trying_comes_at_once_and_a_repeated_invite_goes_no_further(lab, direction):
    caller, callee, call = dial(lab, direction)
    caller.expect((100, "INVITE"), timeout=0.3)
    invite = callee.expect("INVITE")
    callee.reply(invite, 180)
    caller.expect((180, "INVITE"))
    for _ in range(3):
        call.client.resend()
    barrier(caller, callee, call.remote_target)
    assert callee.count("INVITE") == 1
    callee.reply(invite, 486)
    caller.expect((486, "INVITE"))


@both_ways
def test_a_repeated_invite_is_answered_with_the_refusal_again(lab, direction):
    caller, callee, call = dial(lab, direction)
    callee.reply(callee.expect("INVITE"), 486)
    # The first 486 has come and its ACK is on the way: the INVITE comes again, late.
    caller.expect((486, "INVITE"))
    call.client.resend()
    barrier(caller, callee, call.remote_target)
    assert callee.count("INVITE") == 1


@both_ways
def test_the_refusal_is_repeated_until_it_is_acknowledged(lab, direction):
    caller, callee, call = dial(lab, direction)
    caller.acknowledges = False
    callee.reply(callee.expect("INVITE"), 486)
    callee.expect("ACK")        # hop by hop: this one is siproxd's
    refusal = caller.expect((486, "INVITE"))
    wait_for(lambda: caller.count((486, "INVITE")) >= 3, "timer G to repeat the 486", 5)
    caller.acknowledge(refusal)
    barrier(caller, callee, call.remote_target)
    assert callee.count("ACK") == 1


@both_ways
def test_a_repeated_refusal_is_acknowledged_but_not_passed_on(lab, direction):
    caller, callee, call = dial(lab, direction)
    invite = callee.expect("INVITE")
    for _ in range(3):
        callee.reply(invite, 486)
    caller.expect((486, "INVITE"))
    barrier(caller, callee, call.remote_target)
    assert caller.count((486, "INVITE")) == 1
    wait_for(lambda: callee.count("ACK") >= 3, "an ACK for every 486", 3)


@both_ways
def test_a_repeated_200_passes_and_so_does_its_ack(lab, direction):
    caller, callee, call = dial(lab, direction)
    invite = callee.expect("INVITE")
    body = sip.sdp(callee.address, 5000)
    callee.accept(invite, body)
    answer = caller.expect((200, "INVITE"))
    callee.reply(invite, 200, body)     # its ACK was lost
    wait_for(lambda: caller.count((200, "INVITE")) == 2, "the second 200", 3)
    both = [message for message in caller.log if message.status == 200
            and message.method == "INVITE"]
    assert both[0].body == both[1].body
    call.ack(answer)
    callee.expect("ACK")
    call.hang_up(callee)


@both_ways
def test_a_repeated_bye_is_answered_twice_and_seen_once(lab, direction):
    phone, provider, contact = lab.pair()
    established = lab.call_out(phone, provider) if direction == "out" else \
        lab.call_in(phone, provider, contact)
    caller, callee = established.caller.agent, established.callee.agent
    client = established.caller.request("BYE")
    callee.reply(callee.expect("BYE"), 200)
    caller.expect((200, "BYE"))
    client.resend()
    wait_for(lambda: caller.count((200, "BYE")) == 2, "the 200 for the repeated BYE", 3)
    barrier(caller, callee, established.caller.remote_target)
    assert callee.count("BYE") == 1


@both_ways
def test_an_invite_nobody_answers_is_repeated(lab, direction):
    caller, callee, _ = dial(lab, direction)
    invite = callee.expect("INVITE")
    wait_for(lambda: callee.count("INVITE") >= 3, "timer A to repeat the INVITE", 4)
    assert {message.branch for message in callee.log if message.method == "INVITE"} == {
        invite.branch}
    callee.reply(invite, 486)
    caller.expect((486, "INVITE"))


@both_ways
def test_a_message_nobody_answers_is_repeated_even_if_the_sender_does_not(lab, direction):
    phone, provider, contact = lab.pair()
    sender, receiver, uri = (phone, provider, "sip:bob@sip.example.test") \
        if direction == "out" else (provider, phone, contact)
    sender.request("MESSAGE", uri, body="hello", content_type="text/plain")
    message = receiver.expect("MESSAGE")
    wait_for(lambda: receiver.count("MESSAGE") >= 2, "timer E to repeat the MESSAGE", 3)
    receiver.reply(message, 200)
    sender.expect((200, "MESSAGE"))
