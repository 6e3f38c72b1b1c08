# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls between two scripted user agents, as most tests need them: set up with one audio stream,
media checked both ways, hung up."""

import digest
import rtp
import sip


class Call:
    """An established call; `caller` and `callee` are dialogs, `*_rtp` their media sockets,
    `*_target` where each was told to send."""

    def __init__(self, caller, callee, caller_rtp, callee_rtp, offer, answer):
        self.caller, self.callee = caller, callee
        self.caller_rtp, self.callee_rtp = caller_rtp, callee_rtp
        self.offer, self.answer = offer, answer     # as they arrived
        self._seq = 1

    @property
    def caller_target(self):
        return self.answer.audio.target

    @property
    def callee_target(self):
        return self.offer.audio.target

    @property
    def spoken(self):
        """How many packets each side has sent by check_media()."""
        return self._seq - 1

    def check_media(self, count=15, tones=(0, 0)):
        """Audio flows both ways without loss; returns the two streams."""
        streams = rtp.exchange(self.caller_rtp, self.caller_target, self.callee_rtp,
                               self.callee_target, count, first_seq=self._seq, tones=tones)
        self._seq += count
        for stream in streams:
            assert stream.lost == 0, f"audio lost: {stream}"
            # Everything is heard from where it was sent to, or NAT and firewalls would block it.
            heard_from = self.callee_target if stream is streams[0] else self.caller_target
            assert stream.sources == {heard_from}, f"{stream} came from {stream.sources}"
        return streams

    def check_tones(self, count=20):
        """The caller's tone is heard at the other end, pure, and the callee's at the caller's."""
        tones = (440, 700)
        for stream, own, other in zip(self.check_media(count, tones), tones, tones[::-1]):
            found = stream.find(own)
            assert abs(found.seconds - 0.02 * count) < 0.01 and found.share > 0.9, found
            assert stream.find(other).seconds == 0

    def hang_up(self, by="caller"):
        """BYE from the named side."""
        first, other = (self.caller, self.callee) if by == "caller" else (self.callee, self.caller)
        return first.hang_up(other.agent)


def media_of(agent):
    """A media socket of `agent` and its port."""
    sock = agent.open_rtp()
    return sock, sock.getsockname()[1]


def establish(caller, callee, uri, headers=(), ring=True, password=None, **details):
    """INVITE, 180, 200, ACK, with an offer and an answer of one audio stream. With a `password` the
    proxy is expected to ask for it."""
    caller_rtp, caller_port = media_of(caller)
    callee_rtp, callee_port = media_of(callee)
    dialog = caller.invite(uri, sip.sdp(caller.address, caller_port), headers,
                           **details)
    if password:
        challenge = caller.expect((407, "INVITE"))["proxy-authenticate"]
        credentials = digest.answer(challenge, "INVITE", uri, caller.user, password)
        dialog = caller.invite(uri, sip.sdp(caller.address, caller_port),
                               [*headers, ("Proxy-Authorization", credentials)], **details)
    invite = callee.expect("INVITE")
    if ring:
        callee.reply(invite, 180)
        caller.expect((180, "INVITE"))
    other = callee.accept(invite, sip.sdp(callee.address, callee_port))
    answer = caller.expect((200, "INVITE"))
    dialog.ack(answer)
    ack = callee.expect("ACK")
    assert ack.cseq == invite.cseq
    return Call(dialog, other, caller_rtp, callee_rtp, invite.sdp, answer.sdp)


def reinvite(dialog, other, offer, answer):
    """A re-INVITE with `offer` from `dialog`'s side, answered by `answer` (bodies).

    Returns the offer and the answer as they arrived, as messages.
    """
    dialog.request("INVITE", offer)
    invite = other.agent.expect("INVITE")
    other.agent.reply(invite, 200, answer)
    ok = dialog.agent.expect((200, "INVITE"))
    dialog.ack(ok)
    other.agent.expect("ACK")
    return invite, ok
