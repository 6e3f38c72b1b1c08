# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions of several streams, RTCP, and session descriptions with addresses in odd places."""

import struct

import pytest

import rtp
import sip
from deadline import wait_for
from topology import GATEWAY, PHONE, PUBLIC

both_ways = pytest.mark.parametrize("direction", ["out", "in"])


def video_call(lab, direction, ports=2):
    """A call of audio and video. Returns dialogs, sockets of both sides, and the bodies that
    arrived."""
    phone, provider, contact = lab.pair()
    caller, callee = (phone, provider) if direction == "out" else (provider, phone)
    uri = "sip:bob@sip.example.test" if direction == "out" else contact
    ours = [caller.open_rtp() for _ in range(2)]
    theirs = [callee.open_rtp() for _ in range(2)]

    def numbers(sockets):
        return [sock.getsockname()[1] for sock in sockets]
    dialog = caller.invite(uri, sip.sdp(caller.address, *numbers(ours)))
    invite = callee.expect("INVITE")
    answered = numbers(theirs)[:ports] + [0] * (2 - ports)
    other = callee.accept(invite, sip.sdp(callee.address, *answered))
    answer = caller.expect((200, "INVITE"))
    dialog.ack(answer)
    callee.expect("ACK")
    return dialog, other, ours, theirs, invite.sdp, answer.sdp


@both_ways
def test_audio_and_video_flow_side_by_side(lab, direction):
    dialog, other, ours, theirs, offer, answer = video_call(lab, direction)
    assert [media.kind for media in offer.media] == ["audio", "video"]
    assert len({media.port for media in offer.media}) == 2
    streams = []
    for index in range(2):
        streams.append(rtp.Stream(ours[index], answer.media[index].target, 0x100 + index,
                                  theirs[index]))
        streams.append(rtp.Stream(theirs[index], offer.media[index].target, 0x200 + index,
                                  ours[index]))
    rtp.run_streams(streams, 15)
    assert [stream.lost for stream in streams] == [0] * 4, [str(stream) for stream in streams]
    dialog.hang_up(other.agent)
    lab.daemon.assert_ports_released()


@both_ways
def test_a_stream_that_is_refused_stays_refused(lab, direction):
    dialog, other, ours, theirs, offer, answer = video_call(lab, direction, ports=1)
    assert answer.media[1].port == 0
    streams = rtp.exchange(ours[0], answer.media[0].target, theirs[0], offer.media[0].target)
    assert [stream.lost for stream in streams] == [0, 0]
    dialog.hang_up(other.agent)
    lab.daemon.assert_ports_released()


@both_ways
def test_a_stream_is_added_in_mid_call(lab, direction):
    phone, provider, contact = lab.pair()
    call = lab.call_out(phone, provider) if direction == "out" else \
        lab.call_in(phone, provider, contact)
    first, second = call.caller, call.callee
    ours, theirs = first.agent.open_rtp(), second.agent.open_rtp()
    first.request("INVITE", sip.sdp(first.agent.address, call.caller_rtp.getsockname()[1],
                                    ours.getsockname()[1], version=2))
    invite = second.agent.expect("INVITE")
    second.agent.reply(invite, 200, sip.sdp(
        second.agent.address, call.callee_rtp.getsockname()[1], theirs.getsockname()[1],
        version=2))
    answer = first.agent.expect((200, "INVITE"))
    first.ack(answer)
    second.agent.expect("ACK")
    call.offer, call.answer = invite.sdp, answer.sdp
    call.check_media(5)
    streams = rtp.exchange(ours, answer.sdp.media[1].target, theirs, invite.sdp.media[1].target)
    assert [stream.lost for stream in streams] == [0, 0]
    call.hang_up()
    lab.daemon.assert_ports_released()


def sender_report(ssrc):
    """The smallest RTCP there is: a sender report without report blocks (RFC 3550 6.4.1)."""
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, ssrc, 1, 2, 3, 4, 5)


@pytest.mark.needs_daemon
@both_ways
def test_rtcp_takes_the_next_port(lab, direction):
    phone, provider, contact = lab.pair()
    call = lab.call_out(phone, provider) if direction == "out" else \
        lab.call_in(phone, provider, contact)
    ends = []
    for dialog, sock in ((call.caller, call.caller_rtp), (call.callee, call.callee_rtp)):
        ends.append(dialog.agent.space.socket(dialog.agent.address, sock.getsockname()[1] + 1))
    targets = [call.caller_target, call.callee_target]
    try:
        for sock, (address, port), other, heard in zip(ends, targets, ends[::-1], targets[::-1]):
            sock.sendto(sender_report(0x42), (address, port + 1))
            other.settimeout(5)
            data, source = other.recvfrom(2048)
            assert data == sender_report(0x42)
            assert source == (heard[0], heard[1] + 1)
    finally:
        for sock in ends:
            sock.close()
    call.hang_up()


@pytest.mark.needs_daemon
def test_no_address_is_left_anywhere_in_the_description(lab):
    phone, provider, _ = lab.pair()
    body = ("v=0\r\no=alice 1 1 IN IP4 10.0.0.10\r\ns=call from 10.0.0.10\r\n"
            "t=0 0\r\n"
            "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 10.0.0.10\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtcp:4001 IN IP4 10.0.0.10\r\n"
            "a=candidate:1 1 UDP 2130706431 10.0.0.10 4000 typ host\r\n"
            "a=candidate:2 1 UDP 1694498815 198.51.100.4 4000 typ srflx raddr 10.0.0.10 rport "
            "4000\r\n"
            "a=ptime:20\r\n"
            "m=video 4002 RTP/AVP 99\r\nc=IN IP4 10.0.0.12\r\na=rtpmap:99 H264/90000\r\n")
    phone.invite("sip:bob@sip.example.test", body.replace("s=call from 10.0.0.10", "s=call"))
    invite = provider.expect("INVITE")
    assert "10.0.0." not in invite.sdp.text
    assert invite.sdp.origin == PUBLIC
    assert [media.address for media in invite.sdp.media] == [PUBLIC, PUBLIC]
    assert "ptime:20" in invite.sdp.audio.attributes
    assert invite["content-length"] == str(len(invite.body))
    rtcp = [text for text in invite.sdp.audio.attributes if text.startswith("rtcp:")]
    for text in rtcp:
        assert text.split()[0] == f"rtcp:{invite.sdp.audio.port + 1}"
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))
    lab.daemon.assert_ports_released()


@pytest.mark.needs_daemon
def test_warnings_and_inner_proxies_do_not_show(lab):
    """A phone behind a proxy of its own: all that proxy left in the message stays inside."""
    phone, provider, contact = lab.pair()
    invite = phone.build("INVITE", "sip:bob@sip.example.test", body=sip.sdp(PHONE, 4000))
    invite.headers[1:1] = [("Via", "SIP/2.0/UDP 10.0.0.12:5070;branch=z9hG4bKinner;rport=5070"),
                           ("Record-Route", "<sip:10.0.0.10;lr>")]
    phone.start(invite)
    outside = provider.expect("INVITE")
    assert len(outside.all("via")) == 1
    assert all("10.0.0." not in route for route in outside.all("record-route"))
    provider.reply(outside, 486)
    busy = phone.expect((486, "INVITE"))
    assert [sip.param(via, "branch") for via in busy.all("via")] == [invite.branch,
                                                                    "z9hG4bKinner"]
    provider.invite(contact, sip.sdp(provider.address, 5000), to=f"<{phone.aor}>")
    inside = phone.expect("INVITE")
    phone.reply(inside, 488, headers=[
        ("Warning", '304 10.0.0.10:5060 "no codec in common with 10.0.0.10"')])
    refusal = provider.expect((488, "INVITE"))
    assert "10.0.0." not in refusal.get("warning", "")
    lab.daemon.assert_ports_released()


@pytest.mark.needs_daemon
@pytest.mark.parametrize("address", ["127.0.0.1", GATEWAY, PHONE, PUBLIC, "10.0.0.255",
                                     "224.0.0.5", "255.255.255.255"])
def test_outside_cannot_aim_media_at_the_inside(lab, address):
    """c= from outside that names the LAN or ourselves gets no packets, whatever the status."""
    phone, provider, contact = lab.pair()
    victims = [lab.site.phones.socket("0.0.0.0", 4444), lab.site.router.socket("0.0.0.0", 4444)]
    try:
        provider.invite(contact, sip.sdp(provider.address, 4444, connection=address),
                        to=f"<{phone.aor}>")
        wait_for(lambda: phone.count("INVITE") or provider.count(
            lambda message: message.status and message.status >= 400),
            "the INVITE to arrive or to be refused")
        if phone.count("INVITE"):
            sock = phone.open_rtp()
            invite = phone.expect("INVITE")
            phone.accept(invite, sip.sdp(PHONE, sock.getsockname()[1]))
            provider.expect((200, "INVITE"))
            for seq in range(5):
                sock.sendto(rtp.packet(seq, 0x66), invite.sdp.audio.target)
            # What comes after them and goes the same way shows that they have been dealt with.
            phone.request("OPTIONS", "sip:bob@sip.example.test")
            provider.reply(provider.expect("OPTIONS"), 200)
            phone.expect((200, "OPTIONS"))
        for victim in victims:
            victim.setblocking(False)
            with pytest.raises(BlockingIOError):
                victim.recv(100)
    finally:
        for victim in victims:
            victim.close()


@pytest.mark.needs_daemon
@pytest.mark.parametrize("address", ["127.0.0.1", GATEWAY, PHONE, PUBLIC, "224.0.0.5",
                                     "255.255.255.255"])
def test_outside_cannot_aim_rtcp_at_the_inside(lab, address):
    """a=rtcp and candidates that name such places are not believed; the call goes on without."""
    phone, provider, contact = lab.pair()
    victims = [lab.site.phones.socket("0.0.0.0", 4444), lab.site.router.socket("0.0.0.0", 4444)]
    theirs = provider.open_rtp()
    port = theirs.getsockname()[1]
    try:
        provider.invite(contact, sip.sdp(provider.address, port, attributes=[
            f"rtcp:4444 IN IP4 {address}", f"candidate:1 1 UDP 2130706431 {address} 4444 typ host",
            f"candidate:1 2 UDP 2130706430 {address} 4444 typ host"]), to=f"<{phone.aor}>")
        invite = phone.expect("INVITE")
        assert not [text for text in invite.sdp.audio.attributes if "candidate" in text]
        sock = phone.open_rtp()
        phone.accept(invite, sip.sdp(PHONE, sock.getsockname()[1]))
        provider.expect((200, "INVITE"))
        host, relay = invite.sdp.audio.target
        with phone.space.socket(PHONE, sock.getsockname()[1] + 1) as control:
            control.sendto(sender_report(0x66), (host, relay + 1))
        # What comes after it and goes the same way shows that it has been dealt with.
        sock.sendto(rtp.packet(1, 0x66), (host, relay))
        theirs.settimeout(5)
        theirs.recv(2048)
        phone.request("OPTIONS", "sip:bob@sip.example.test")
        provider.reply(provider.expect("OPTIONS"), 200)
        phone.expect((200, "OPTIONS"))
        for victim in victims:
            victim.setblocking(False)
            with pytest.raises(BlockingIOError):
                victim.recv(100)
    finally:
        for victim in victims:
            victim.close()


@pytest.mark.needs_daemon
def test_a_stranger_neither_hears_nor_injects(lab):
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media(5)
    with lab.site.internet.socket("203.0.113.51", 0) as stranger:
        for seq in range(20):
            stranger.sendto(rtp.packet(seq, 0xBAD), call.callee_target)
        call.check_media(10)    # fails on any packet it did not send itself
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.recv(100)
    call.hang_up()
