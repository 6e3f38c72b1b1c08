# SPDX-License-Identifier: GPL-2.0-or-later
"""Session descriptions in unusual bodies: among other parts, with streams that are not relayed."""

import pytest

import rtp
import sip
from calls import Call, media_of, reinvite
from daemon import DIRECT
from deadline import wait_for

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


def connect(both, offer, answer):
    """A call with these bodies; the dialogs and both descriptions as they arrived."""
    dialog = both.caller.invite(both.uri, offer)
    invite = both.callee.expect("INVITE")
    other = both.callee.accept(invite, answer)
    ok = both.caller.expect((200, "INVITE"))
    dialog.ack(ok)
    both.callee.expect("ACK")
    return dialog, other, invite.sdp, ok.sdp


BUNDLE = {"session_attributes": ["group:BUNDLE 0 1"], "attributes": ["rtcp-mux"]}


def bundled(description):
    """With a=mid."""
    for number, kind in enumerate(("audio", "video")):
        head, _, tail = description.partition(f"m={kind}")
        line, _, rest = tail.partition("\r\n")
        description = f"{head}m={kind}{line}\r\na=mid:{number}\r\n{rest}"
    return description


@both_ways
def test_a_bundle_has_one_port_and_all_its_streams_arrive(lab, direction):
    both = Parties(lab, direction)
    video = both.caller.open_rtp()
    offer = bundled(sip.sdp(both.caller.address, both.caller_port, video.getsockname()[1],
                            **BUNDLE))
    answer = bundled(sip.sdp(both.callee.address, both.callee_port, both.callee_port, **BUNDLE))
    dialog, _, offered, answered = connect(both, offer, answer)
    for description in (offered, answered):
        assert "group:BUNDLE 0 1" in description.attributes
        assert [media.attributes[0] for media in description.media] == ["mid:0", "mid:1"]
    assert answered.media[0].target == answered.media[1].target
    assert offered.media[0].target != offered.media[1].target
    streams = [rtp.Stream(both.caller_rtp, answered.media[0].target, 0x11, both.callee_rtp),
               rtp.Stream(both.caller_rtp, answered.media[1].target, 0x12, both.callee_rtp),
               rtp.Stream(both.callee_rtp, offered.media[0].target, 0x21, both.caller_rtp),
               rtp.Stream(both.callee_rtp, offered.media[0].target, 0x22, both.caller_rtp)]
    rtp.run_streams(streams, 10)
    assert [stream.lost for stream in streams] == [0] * 4, [str(stream) for stream in streams]
    # With rtcp-mux RTCP goes the same way.
    both.caller_rtp.sendto(SENDER_REPORT, answered.media[0].target)
    both.callee_rtp.settimeout(5)
    assert both.callee_rtp.recv(2048) == SENDER_REPORT
    dialog.hang_up(both.callee)
    lab.daemon.assert_ports_released()


SENDER_REPORT = bytes.fromhex("80c8000600000011") + bytes(20)

FAX = ("m=image {port} udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
       "a=T38FaxUdpEC:t38UDPRedundancy\r\n")
UDPTL = bytes.fromhex("0000 06 0400 0000 0000".replace(" ", ""))


def replaced(description, port):
    """The description with a fax in place of its audio."""
    return description[:description.index("m=audio")] + FAX.format(port=port)


@both_ways
@pytest.mark.parametrize("faxes", ["caller", "callee"])
def test_a_call_becomes_a_fax(lab, direction, faxes):
    both = Parties(lab, direction)
    dialog, other, *_ = connect(both, both.caller_sdp(), both.callee_sdp())
    first, second = (dialog, other) if faxes == "caller" else (other, dialog)
    ports = [both.caller_port, both.callee_port]
    bodies = [replaced(both.caller_sdp(version=2), ports[0]),
              replaced(both.callee_sdp(version=2), ports[1])]
    socks = [both.caller_rtp, both.callee_rtp]
    if faxes == "callee":
        bodies, socks = bodies[::-1], socks[::-1]
    invite, answer = reinvite(first, second, *bodies)
    for message in (invite, answer):
        assert message.sdp.media[0].protocol == "udptl" and len(message.sdp.media) == 1
        assert "T38FaxUdpEC:t38UDPRedundancy" in message.sdp.media[0].attributes
    for sock, target, listener in ((socks[0], answer.sdp.media[0].target, socks[1]),
                                   (socks[1], invite.sdp.media[0].target, socks[0])):
        sock.sendto(UDPTL, target)
        listener.settimeout(5)
        assert listener.recv(2048) == UDPTL
    dialog.hang_up(both.callee)
    lab.daemon.assert_ports_released()


STRANGE = ("v=0\r\no=- 4711 1 IN IP4 {address}\r\ns= \r\ni=a session\r\nu=http://example.test/\r\n"
           "e=a@example.test\r\np=+1 617\r\nb=X-YZ:128\r\nb=AS:64\r\nt=0 0\r\n"
           "r=7d 1h 0 25h\r\nz=0 -1h\r\nk=clear:x\r\na=tool:\xe4\t x\r\nx=unknown\r\n"
           "m=audio {port} RTP/SAVP 8 101\r\ni=first\r\nc=IN IP4 {address}\r\nb=AS:20\r\n"
           "k=prompt\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0m\r\n"
           "a=setup:actpass\r\na=fingerprint:SHA-1 4A:AD:B9\r\na=rtpmap:8 PCMA/8000\r\n"
           "a=X-unknown\r\nw=unknown\r\na=sendrecv\r\n"
           "m=message 2855 TCP/MSRP *\r\nc=IN IP4 {address}\r\na=path:msrp://x.test:2855/s;tcp\r\n")


@pytest.mark.needs_daemon
@both_ways
def test_lines_that_are_not_ours_keep_their_bytes_and_their_order(lab, direction):
    both = Parties(lab, direction)
    sent = STRANGE.format(address=both.caller.address, port=both.caller_port)
    both.caller.invite(both.uri, sent.encode("latin-1"))
    invite = both.callee.expect("INVITE")
    arrived = sip.Sdp(invite.body.decode("latin-1"))
    ours, port = arrived.audio.target
    assert ours != both.caller.address
    assert arrived.text == STRANGE.format(address=ours, port=port).replace(
        "m=message 2855", "m=message 0")
    wait_for(lambda: "m=message over TCP/MSRP" in lab.daemon.log(), "a line in the log")
    both.callee.reply(invite, 486)
    both.caller.expect((486, "INVITE"))
    lab.daemon.assert_ports_released()


@both_ways
def test_two_forks_with_early_media_of_their_own(lab, direction):
    """Two 183 with different SDP from two To tags (RFC 3261 13.2.2.4): the last one is heard, and in
    the end the one that answers."""
    both = Parties(lab, direction)
    dialog = both.caller.invite(both.uri, both.caller_sdp())
    invite = both.callee.expect("INVITE")
    forks = {"one": (both.callee_rtp, both.callee_port), "two": media_of(both.callee)}

    def say(status, tag):
        both.callee.forget_tag(invite, tag)
        both.callee.reply(invite, status, sip.sdp(both.callee.address, forks[tag][1]))
        return both.caller.expect((status, "INVITE"))
    told = []
    for number, (status, tag) in enumerate([(183, "one"), (183, "two"), (200, "one")]):
        response = say(status, tag)
        assert response.tag("to") == tag
        told.append(response.sdp.audio.target)
        streams = [rtp.Stream(forks[tag][0], invite.sdp.audio.target, 0x50 + number,
                              both.caller_rtp),
                   rtp.Stream(both.caller_rtp, told[-1], 0x60, forks[tag][0])]
        rtp.run_streams(streams, 10, first_seq=100 * number)
        assert [stream.lost for stream in streams] == [0, 0], (tag, [str(x) for x in streams])
    assert len(set(told)) == 1 or DIRECT
    dialog.ack(response)
    both.callee.expect("ACK")
    dialog.hang_up(both.callee)
    lab.daemon.assert_ports_released()
