# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that are given up, refused, or not answered."""

import pytest

import sip


def ways(lab, direction):
    """(caller, callee, function that starts a call) for a call "out" or "in"."""
    phone, provider, contact = lab.pair()
    if direction == "out":
        return phone, provider, lambda: phone.invite(
            f"sip:{provider.user}@{phone.domain}", sip.sdp(phone.address, 4000))
    return provider, phone, lambda: provider.invite(
        contact, sip.sdp(provider.address, 4000), to=f"<{phone.aor}>")


both_ways = pytest.mark.parametrize("direction", ["out", "in"])


@both_ways
def test_the_caller_gives_up_while_it_rings(lab, direction):
    caller, callee, dial = ways(lab, direction)
    call = dial()
    invite = callee.expect("INVITE")
    callee.reply(invite, 180)
    caller.expect((180, "INVITE"))
    call.cancel()
    cancel = callee.expect("CANCEL")
    assert cancel.branch == invite.branch and cancel.uri == invite.uri
    assert cancel.cseq == invite.cseq
    assert len(cancel.all("via")) == 1
    callee.reply(cancel, 200)
    callee.reply(invite, 487)
    caller.expect((200, "CANCEL"))
    caller.expect((487, "INVITE"))
    ack = callee.expect("ACK")
    assert ack.branch == invite.branch
    lab.daemon.assert_ports_released()


@pytest.mark.needs_daemon
@both_ways
def test_cancel_is_answered_at_once_and_waits_for_the_first_sign_of_life(lab, direction):
    caller, callee, dial = ways(lab, direction)
    call = dial()
    invite = callee.expect("INVITE")
    caller.expect((100, "INVITE"))
    call.cancel()
    caller.expect((200, "CANCEL"))
    assert callee.count("CANCEL") == 0, "RFC 3261 9.1: not before a provisional response"
    callee.reply(invite, 180)
    cancel = callee.expect("CANCEL")
    callee.reply(cancel, 200)
    callee.reply(invite, 487)
    caller.expect((487, "INVITE"))
    callee.expect("ACK")


@both_ways
def test_an_answer_that_crosses_the_cancel_still_makes_a_call(lab, direction):
    caller, callee, dial = ways(lab, direction)
    call = dial()
    invite = callee.expect("INVITE")
    callee.reply(invite, 180)
    caller.expect((180, "INVITE"))
    call.cancel()
    cancel = callee.expect("CANCEL")
    callee.accept(invite, sip.sdp(callee.address, 5000))
    callee.reply(cancel, 481)
    answer = caller.expect((200, "INVITE"))
    call.ack(answer)
    callee.expect("ACK")
    call.hang_up(callee)
    lab.daemon.assert_ports_released()


@pytest.mark.needs_daemon
def test_a_cancel_for_nothing_is_told_so(lab):
    phone, provider, _ = lab.pair()
    stray = phone.build("CANCEL", "sip:bob@sip.example.test")
    phone.start(stray)
    phone.expect((481, "CANCEL"))
    assert provider.count("CANCEL") == 0


@both_ways
@pytest.mark.parametrize("status", [486, 603, 404, 480])
def test_a_refusal_reaches_the_caller(lab, direction, status):
    caller, callee, dial = ways(lab, direction)
    dial()
    invite = callee.expect("INVITE")
    callee.reply(invite, status, headers=[("Retry-After", "30")])
    refusal = caller.expect((status, "INVITE"))
    assert refusal.tag("to") == callee.tag_for(invite)
    assert refusal["retry-after"] == "30"
    callee.expect("ACK")
    lab.daemon.assert_ports_released()


@both_ways
def test_nobody_answers_and_the_callee_says_so(lab, direction):
    caller, callee, dial = ways(lab, direction)
    dial()
    invite = callee.expect("INVITE")
    callee.reply(invite, 180)
    caller.expect((180, "INVITE"))
    callee.reply(invite, 408)
    caller.expect((408, "INVITE"))
    callee.expect("ACK")
    lab.daemon.assert_ports_released()


@both_ways
def test_nobody_answers_and_the_caller_gives_up_after_its_timer(lab, direction):
    caller, callee, dial = ways(lab, direction)
    call = dial()
    invite = callee.expect("INVITE")
    for _ in range(3):      # a phone that repeats its 180 while it rings
        callee.reply(invite, 180)
    caller.expect((180, "INVITE"))
    call.cancel()
    callee.reply(callee.expect("CANCEL"), 200)
    callee.reply(invite, 487)
    caller.expect((487, "INVITE"))
    callee.expect("ACK")
    lab.daemon.assert_ports_released()


def test_a_redirect_passes(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:bob@sip.example.test", sip.sdp(phone.address, 4000))
    invite = provider.expect("INVITE")
    provider.reply(invite, 302, contact="sip:carol@remote.example.test")
    assert phone.expect((302, "INVITE")).contact == "sip:carol@remote.example.test"
    lab.daemon.assert_ports_released()
