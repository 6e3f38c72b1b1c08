# SPDX-License-Identifier: GPL-2.0-or-later
"""Session descriptions in unusual bodies: among other parts, with streams that are not relayed."""

import pytest

import sip
from calls import Call, media_of

both_ways = pytest.mark.parametrize("direction", ["out", "in"])


class Parties:
    """Caller and callee of a call in one direction, with a media socket each."""

    def __init__(self, lab, direction):
        phone, provider, contact = lab.pair()
        self.caller, self.callee = (phone, provider) if direction == "out" else (provider, phone)
        self.uri = f"sip:{provider.user}@{phone.domain}" if direction == "out" else contact
        self.caller_rtp, self.caller_port = media_of(self.caller)
        self.callee_rtp, self.callee_port = media_of(self.callee)

    def caller_sdp(self, **details):
        return sip.sdp(self.caller.address, self.caller_port, **details)

    def callee_sdp(self, **details):
        return sip.sdp(self.callee.address, self.callee_port, **details)


KIND = 'multipart/mixed; boundary="cut=here"'
BEFORE = (b"to be ignored\r\n--cut=here\r\nContent-Type: application/isup; version=itu-t92+\r\n"
          b"Content-Disposition: signal; handling=optional\r\n\r\n\x01\x00\x49c=IN IP4\r\n\xff\r\n")
HEAD = b"--cut=here\r\nContent-Type: application/sdp\r\nContent-Disposition: session\r\n\r\n"
AFTER = b"\r\n--cut=here\r\n\r\nm=audio 1 RTP/AVP 0\r\n--cut=here--\r\nto be ignored, too"


def among_parts(description):
    return BEFORE + HEAD + description.encode() + AFTER


def description_in(message):
    """The description; all around it must have come as it was sent."""
    assert message.body.startswith(BEFORE + HEAD) and message.body.endswith(AFTER), message
    assert message["content-type"] == KIND
    return sip.Sdp(message.body[len(BEFORE + HEAD):-len(AFTER)])


@both_ways
def test_a_description_among_other_parts(lab, direction):
    both = Parties(lab, direction)
    dialog = both.caller.invite(both.uri, among_parts(both.caller_sdp()), content_type=KIND)
    invite = both.callee.expect("INVITE")
    both.callee.reply(invite, 200, among_parts(both.callee_sdp()), content_type=KIND)
    answer = both.caller.expect((200, "INVITE"))
    dialog.ack(answer)
    both.callee.expect("ACK")
    call = Call(dialog, None, both.caller_rtp, both.callee_rtp, description_in(invite),
                description_in(answer))
    call.check_media()
    dialog.hang_up(both.callee)
    lab.daemon.assert_ports_released()


@pytest.mark.needs_daemon
@both_ways
@pytest.mark.parametrize("body", [
    among_parts("v=0\r\n").replace(b"--cut=here--", b"--cut=here"),
    BEFORE + HEAD + b"v=0\r\n\r\n" + HEAD + b"v=0\r\n" + AFTER,
], ids=["never closed", "two descriptions"])
def test_parts_that_cannot_be_read_are_refused(lab, direction, body):
    both = Parties(lab, direction)
    both.caller.invite(both.uri, body, content_type=KIND)
    both.caller.expect((400, "INVITE"))
    assert not both.callee.count("INVITE")
    lab.daemon.assert_ports_released()
