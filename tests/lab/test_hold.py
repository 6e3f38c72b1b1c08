# SPDX-License-Identifier: GPL-2.0-or-later
"""Hold and resume, in all its spellings (RFC 3264 8.4), from either side."""

import pytest

import rtp
import sip
from calls import reinvite
from daemon import DIRECT

SPELLINGS = {
    "zero address": {"connection": "0.0.0.0"},
    "zero address and sendonly": {"connection": "0.0.0.0", "mode": "sendonly"},
    "sendonly": {"mode": "sendonly"},
    "inactive": {"mode": "inactive"},
}
ANSWERS = {"sendonly": "recvonly", "inactive": "inactive", None: None}


def parties(lab, caller, holder):
    """An established call and the dialogs (holder, held) of it with their media sockets."""
    phone, provider, contact = lab.pair()
    call = lab.call_out(phone, provider) if caller == "phone" else \
        lab.call_in(phone, provider, contact)
    ends = {call.caller.agent: (call.caller, call.caller_rtp),
            call.callee.agent: (call.callee, call.callee_rtp)}
    agent = phone if holder == "phone" else provider
    other = provider if holder == "phone" else phone
    return call, ends[agent], ends[other]


def body(end, version, **details):
    dialog, sock = end
    return sip.sdp(dialog.agent.address, sock.getsockname()[1], version=version, **details)


@pytest.mark.parametrize("holder", ["phone", "provider"])
@pytest.mark.parametrize("caller", ["phone", "provider"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_held_and_resumed(lab, spelling, caller, holder):
    call, ours, theirs = parties(lab, caller, holder)
    call.check_media(5)
    hold = SPELLINGS[spelling]
    invite, answer = reinvite(ours[0], theirs[0], body(ours, 2, **hold),
                              body(theirs, 2, mode=ANSWERS[hold.get("mode")]))
    assert invite.sdp.direction == hold.get("mode", "sendrecv")
    assert answer.sdp.direction == (ANSWERS[hold.get("mode")] or "sendrecv")
    if "connection" in hold:
        assert invite.sdp.audio.address == "0.0.0.0"
    elif not DIRECT:
        assert invite.sdp.audio.address == (call.offer if holder == caller else
                                            call.answer).audio.address

    invite, answer = reinvite(ours[0], theirs[0], body(ours, 3), body(theirs, 3))
    told = {ours[0]: answer.sdp, theirs[0]: invite.sdp}
    call.answer, call.offer = told[call.caller], told[call.callee]
    call.check_media(15)
    call.hang_up()
    lab.daemon.assert_ports_released()


def test_the_holder_can_play_music_while_sendonly(lab):
    call, ours, theirs = parties(lab, "phone", "phone")
    invite, _ = reinvite(ours[0], theirs[0], body(ours, 2, mode="sendonly"),
                         body(theirs, 2, mode="recvonly"))
    music = rtp.Stream(call.caller_rtp, call.caller_target, 0x77, call.callee_rtp)
    rtp.run_streams([music], 10)
    assert music.lost == 0 and music.sources == {invite.sdp.audio.target}
    call.hang_up()


@pytest.mark.needs_daemon
def test_a_changed_media_port_is_followed(lab):
    call, ours, theirs = parties(lab, "phone", "phone")
    call.check_media(5)
    moved = ours[0].agent.open_rtp()
    invite, answer = reinvite(ours[0], theirs[0], body((ours[0], moved), 2), body(theirs, 2))
    assert invite.sdp.audio.target == call.offer.audio.target, "the relay keeps its port"
    call.caller_rtp, call.answer, call.offer = moved, answer.sdp, invite.sdp
    call.check_media(10)
    call.hang_up()


def test_a_reinvite_that_is_refused_leaves_the_call_as_it_was(lab):
    call, ours, theirs = parties(lab, "phone", "provider")
    ours[0].request("INVITE", body(ours, 2, mode="inactive"))
    other = theirs[0].agent
    other.reply(other.expect("INVITE"), 488)
    ours[0].agent.expect((488, "INVITE"))
    call.check_media(10)
    call.hang_up()
    lab.daemon.assert_ports_released()


@pytest.mark.needs_daemon
@pytest.mark.parametrize("mover", ["phone", "provider"])
@pytest.mark.parametrize("status", [488, 491])
def test_a_refused_change_leaves_the_audio_where_it_was(lab, mover, status):
    call, ours, theirs = parties(lab, "phone", mover)
    call.check_media(5)
    dialog = ours[0]
    dialog.request("INVITE", sip.sdp(dialog.agent.address, 39000, version=2))
    invite = theirs[0].agent.expect("INVITE")
    theirs[0].agent.reply(invite, status)
    dialog.agent.expect((status, "INVITE"))
    call.check_media(15)
    call.hang_up()
    lab.daemon.assert_ports_released()
