# SPDX-License-Identifier: GPL-2.0-or-later
"""Offers and answers in other places than INVITE and 200: early media, late offers, reliable
provisional responses (RFC 3262), UPDATE (RFC 3311)."""

import pytest

import rtp
import sip
from calls import Call, media_of
from ua import Dialog

both_ways = pytest.mark.parametrize("direction", ["out", "in"])


class Parties:
    """Caller and callee of a call in one direction, with a media socket each."""

    def __init__(self, lab, direction):
        phone, provider, contact = lab.pair()
        self.caller, self.callee = (phone, provider) if direction == "out" else (provider, phone)
        self.uri = f"sip:{provider.user}@{phone.domain}" if direction == "out" else contact
        self.to = f"<{provider.aor if direction == 'out' else phone.aor}>"
        self.caller_rtp, self.caller_port = media_of(self.caller)
        self.callee_rtp, self.callee_port = media_of(self.callee)

    def dial(self, body="", **details):
        return self.caller.invite(self.uri, body, to=self.to, **details)

    def caller_sdp(self, **details):
        return sip.sdp(self.caller.address, self.caller_port, **details)

    def callee_sdp(self, **details):
        return sip.sdp(self.callee.address, self.callee_port, **details)

    def call(self, dialog, other, offer, answer):
        return Call(dialog, other, self.caller_rtp, self.callee_rtp, offer, answer)


@both_ways
def test_audio_before_the_answer(lab, direction):
    both = Parties(lab, direction)
    dialog = both.dial(both.caller_sdp())
    invite = both.callee.expect("INVITE")
    both.callee.reply(invite, 183, both.callee_sdp())
    progress = both.caller.expect((183, "INVITE"))
    announcement = rtp.Stream(both.callee_rtp, invite.sdp.audio.target, 0x99, both.caller_rtp)
    rtp.run_streams([announcement], 10)
    assert announcement.lost == 0
    other = both.callee.accept(invite, both.callee_sdp())
    answer = both.caller.expect((200, "INVITE"))
    assert answer.sdp.audio.target == progress.sdp.audio.target
    dialog.ack(answer)
    both.callee.expect("ACK")
    call = both.call(dialog, other, invite.sdp, answer.sdp)
    call.check_media()
    call.hang_up()
    lab.daemon.assert_ports_released()


@both_ways
def test_early_media_that_ends_in_a_refusal(lab, direction):
    both = Parties(lab, direction)
    both.dial(both.caller_sdp())
    invite = both.callee.expect("INVITE")
    both.callee.reply(invite, 183, both.callee_sdp())
    both.caller.expect((183, "INVITE"))
    both.callee.reply(invite, 404)
    both.caller.expect((404, "INVITE"))
    lab.daemon.assert_ports_released()


@both_ways
def test_the_offer_comes_in_the_200_and_the_answer_in_the_ack(lab, direction):
    both = Parties(lab, direction)
    dialog = both.dial()
    invite = both.callee.expect("INVITE")
    assert invite.body == b""
    other = both.callee.accept(invite, both.callee_sdp())
    answer = both.caller.expect((200, "INVITE"))
    dialog.ack(answer, both.caller_sdp())
    ack = both.callee.expect("ACK")
    call = both.call(dialog, other, ack.sdp, answer.sdp)
    call.check_media()
    call.hang_up()
    lab.daemon.assert_ports_released()


@both_ways
def test_a_reinvite_without_offer_in_a_running_call(lab, direction):
    both = Parties(lab, direction)
    dialog = both.dial(both.caller_sdp())
    invite = both.callee.expect("INVITE")
    other = both.callee.accept(invite, both.callee_sdp())
    dialog.ack(both.caller.expect((200, "INVITE")))
    both.callee.expect("ACK")
    dialog.request("INVITE")
    again = both.callee.expect("INVITE")
    both.callee.reply(again, 200, both.callee_sdp(version=2))
    answer = both.caller.expect((200, "INVITE"))
    dialog.ack(answer, both.caller_sdp(version=2))
    ack = both.callee.expect("ACK")
    call = both.call(dialog, other, ack.sdp, answer.sdp)
    call.check_media()
    call.hang_up()


def reliable_progress(both, dialog, invite, body):
    """183 with `body` sent reliably, PRACK, 200: returns the 183 as it arrived."""
    both.callee.reply(invite, 183, body, headers=[("Require", "100rel"), ("RSeq", "1001")])
    progress = both.caller.expect((183, "INVITE"))
    assert progress["rseq"] == "1001" and progress["require"] == "100rel"
    dialog.confirm(progress)
    dialog.request("PRACK", headers=[("RAck", f"1001 {invite['cseq']}")])
    prack = both.callee.expect("PRACK")
    assert prack["rack"] == f"1001 {invite['cseq']}"
    assert prack.tag("to") == both.callee.tag_for(invite)
    both.callee.reply(prack, 200)
    both.caller.expect((200, "PRACK"))
    return progress


@both_ways
def test_prack_confirms_early_media(lab, direction):
    both = Parties(lab, direction)
    dialog = both.dial(both.caller_sdp(), headers=[("Supported", "100rel")])
    invite = both.callee.expect("INVITE")
    assert invite["supported"] == "100rel"
    progress = reliable_progress(both, dialog, invite, both.callee_sdp())
    early = both.call(dialog, None, invite.sdp, progress.sdp)
    early.check_media(5)
    other = both.callee.accept(invite)
    answer = both.caller.expect((200, "INVITE"))
    dialog.ack(answer)
    both.callee.expect("ACK")
    call = both.call(dialog, other, invite.sdp, progress.sdp)
    call.check_media(5)
    call.hang_up()
    lab.daemon.assert_ports_released()


@both_ways
def test_the_offer_comes_in_the_183_and_the_answer_in_the_prack(lab, direction):
    both = Parties(lab, direction)
    dialog = both.dial(headers=[("Supported", "100rel")])
    invite = both.callee.expect("INVITE")
    both.callee.reply(invite, 183, both.callee_sdp(), headers=[("Require", "100rel"),
                                                              ("RSeq", "1")])
    progress = both.caller.expect((183, "INVITE"))
    dialog.confirm(progress).request("PRACK", both.caller_sdp(),
                                     headers=[("RAck", f"1 {invite['cseq']}")])
    prack = both.callee.expect("PRACK")
    both.callee.reply(prack, 200)
    both.caller.expect((200, "PRACK"))
    other = both.callee.accept(invite)
    dialog.ack(both.caller.expect((200, "INVITE")))
    both.callee.expect("ACK")
    call = both.call(dialog, other, prack.sdp, progress.sdp)
    call.check_media()
    call.hang_up()


@both_ways
@pytest.mark.parametrize("sender", ["caller", "callee"])
def test_update_changes_the_session_before_the_answer(lab, direction, sender):
    both = Parties(lab, direction)
    dialog = both.dial(both.caller_sdp(), headers=[("Supported", "100rel")])
    invite = both.callee.expect("INVITE")
    progress = reliable_progress(both, dialog, invite, both.callee_sdp())
    other = Dialog.called(both.callee, invite)
    first, second = (dialog, other) if sender == "caller" else (other, dialog)
    offer, answer = (both.caller_sdp(version=2), both.callee_sdp(version=2))
    if sender == "callee":
        offer, answer = answer, offer
    first.request("UPDATE", offer)
    update = second.agent.expect("UPDATE")
    second.agent.reply(update, 200, answer)
    updated = first.agent.expect((200, "UPDATE"))
    told_callee, told_caller = (update, updated) if sender == "caller" else (updated, update)
    both.callee.reply(invite, 200)
    ok = both.caller.expect((200, "INVITE"))
    dialog.ack(ok)
    both.callee.expect("ACK")
    assert told_caller.sdp.audio.target == progress.sdp.audio.target
    call = both.call(dialog, other, told_callee.sdp, told_caller.sdp)
    call.check_media()
    call.hang_up()
    lab.daemon.assert_ports_released()
