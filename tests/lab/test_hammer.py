# SPDX-License-Identifier: GPL-2.0-or-later
"""The voice hammer (RFC 5245 18.5.1): a party's SDP names somebody who has not asked for it as the one
to send to. As he never says a word, he is left alone after a few hundred packets."""

import select
import struct

import pytest

import rtp
import sip
from calls import Call, media_of, reinvite
from deadline import wait_for
from kernel_relay import MOVES, moved
from topology import PROVIDER, SILENT

pytestmark = pytest.mark.needs_daemon

LIMIT = 500     # kUnheardLimit in src/media/announced.h, RTP and RTCP together
COUNT = 1500
PACE = 0.0004   # seconds; faster than any phone and slower than rtp_packet_rate
PORT = 40000
SSRC = 0x4711
engines = pytest.mark.parametrize("engine", [
    pytest.param(name, marks=pytest.mark.siproxd(rtp_engine=name, debug_level=MOVES))
    for name in ("userspace", "kernel")])


def speech(number):
    return rtp.packet(number, SSRC)


def report(_):
    """A sender report (RFC 3550 6.4.1)."""
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, SSRC, 1, 2, 3, 4, 5)


KINDS = {"RTP": [(speech, 0)], "RTCP": [(report, 1)], "RTP and RTCP": [(speech, 0), (report, 1)]}
kinds = pytest.mark.parametrize("kind", KINDS)


def talk(phone_rtp, target, kind, first=1):
    """The phone talks, and talks."""
    for number in range(first, first + COUNT):
        for make, above in KINDS[kind]:
            phone_rtp.sendto(make(number), (target[0], target[1] + above))
        select.select([], [], [], PACE)


def call_that_names(lab, **body):
    """A call out to a provider whose answer is like that."""
    phone, provider, _ = lab.pair()
    phone_rtp, phone_port = media_of(phone)
    provider_rtp, provider_port = media_of(provider)
    dialog = phone.invite(f"sip:{provider.user}@{phone.domain}", sip.sdp(phone.address, phone_port))
    invite = provider.expect("INVITE")
    other = provider.accept(invite, sip.sdp(provider.address, body.pop("port", provider_port), **body))
    answer = phone.expect((200, "INVITE"))
    dialog.ack(answer)
    provider.expect("ACK")
    return Call(dialog, other, phone_rtp, provider_rtp, invite.sdp, answer.sdp)


def known(lab, address):
    """The router has the link address: the kernel keeps few packets while it asks for it."""
    with lab.site.router.socket("0.0.0.0", 0) as sock:
        sock.sendto(b"", (address, 9))
    wait_for(lambda: "lladdr" in lab.site.router.ip("neigh", "show", "to", address),
             f"the link address of {address}")


def sent_to(lab, address, *ports):
    """How many datagrams from siproxd's media ports have gone there."""
    return sum(packet.target == address and packet.target_port in (ports or range(65536))
               and 7070 <= packet.source_port <= 7089 for packet in lab.outside.stop().packets())


def hang_up(lab, call):
    """Ends the call; what the log says how many were kept from somebody unheard."""
    call.hang_up()
    lab.daemon.assert_ports_released()
    return int(lab.daemon.wait_log(
        r"phone .*?, (\d+) not passed on because the other side was never heard")[1])


@engines
@kinds
def test_a_victim_is_left_alone(lab, engine, kind):  # pylint: disable=unused-argument
    known(lab, SILENT)
    call = call_that_names(lab, port=PORT, connection=SILENT)
    talk(call.caller_rtp, call.caller_target, kind)
    assert hang_up(lab, call) > LIMIT
    assert sent_to(lab, SILENT) == LIMIT


@engines
def test_a_victim_of_rtcp_alone_gets_nothing(lab, engine):  # pylint: disable=unused-argument
    """a=rtcp (RFC 3605) may name another host than c= does; RTCP goes to that of c= then."""
    call = call_that_names(lab, attributes=(f"rtcp:{PORT} IN IP4 {SILENT}",))
    call.check_media(15)
    talk(call.caller_rtp, call.caller_target, "RTP and RTCP")
    call.hang_up()
    lab.daemon.assert_ports_released()
    assert sent_to(lab, SILENT) == 0
    assert sent_to(lab, PROVIDER, call.callee_rtp.getsockname()[1] + 1) > LIMIT


@engines
@kinds
def test_a_victim_that_is_named_in_the_call_is_left_alone(lab, engine, kind):
    """The one that has been heard until then, and goes on talking, does not vouch for it."""
    known(lab, SILENT)
    call = call_that_names(lab)
    call.check_media(15)
    if engine == "kernel":
        moved(lab)
    reinvite(call.callee, call.caller, sip.sdp(PROVIDER, PORT, connection=SILENT, version=2),
             sip.sdp(call.caller.agent.address, call.caller_rtp.getsockname()[1], version=2))
    for number in range(16, 20):
        call.callee_rtp.sendto(rtp.packet(number, 0x20000 + call.callee_rtp.getsockname()[1]),
                               call.callee_target)
    talk(call.caller_rtp, call.caller_target, kind)
    assert hang_up(lab, call) > LIMIT
    assert sent_to(lab, SILENT) == LIMIT


@engines
@kinds
def test_who_is_called_may_be_silent_himself(lab, engine, kind):  # pylint: disable=unused-argument
    """His own address is no victim's: an announcement may be long, and be listened to in silence."""
    call = call_that_names(lab)
    port = call.callee_rtp.getsockname()[1]
    talk(call.caller_rtp, call.caller_target, kind)
    call.hang_up()
    lab.daemon.assert_ports_released()
    assert "never heard" not in lab.daemon.log()
    for _, above in KINDS[kind]:
        # A busy machine may lose some of them before they are read.
        assert LIMIT < sent_to(lab, PROVIDER, port + above) <= COUNT
