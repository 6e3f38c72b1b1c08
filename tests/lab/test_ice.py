# SPDX-License-Identifier: GPL-2.0-or-later
"""rtp_ice = lite: parties that speak ICE find siproxd, and it finds them where their checks come from."""

import select
import shutil

import pytest

import ice
import rtp
import sip
from calls import Call, media_of
from kernel_relay import MOVES, Standing, moved
from test_baresip import talk
from topology import HOME_PHONE, PHONE, PUBLIC, REMOTE

pytestmark = pytest.mark.needs_daemon

engines = pytest.mark.parametrize("engine", [
    pytest.param(name, marks=pytest.mark.siproxd(rtp_ice="lite", rtp_engine=name, debug_level=MOVES))
    for name in ("userspace", "kernel")])


class Ends:
    """A phone inside and a provider outside that both speak ICE, in a call."""

    def __init__(self, lab, more=()):
        self.phone, self.provider, _ = lab.pair()
        self.phone_rtp, port = media_of(self.phone)
        self.provider_rtp, other = media_of(self.provider)
        self.inner, self.outer = ice.Agent(), ice.Agent()
        offer = self.inner.attributes((self.phone.address, port)) + list(more)
        answer = self.outer.attributes((self.provider.address, other)) + list(more)
        dialog = self.phone.invite(f"sip:{self.provider.user}@{self.phone.domain}",
                                   sip.sdp(self.phone.address, port, attributes=offer))
        invite = self.provider.expect("INVITE")
        far = self.provider.accept(invite, sip.sdp(self.provider.address, other, attributes=answer))
        ok = self.phone.expect((200, "INVITE"))
        dialog.ack(ok)
        self.provider.expect("ACK")
        self.call = Call(dialog, far, self.phone_rtp, self.provider_rtp, invite.sdp, ok.sdp)
        # Each sees one candidate, the relay, of a lite agent, and nothing of the other's.
        for description, foreign in ((invite.sdp, self.inner), (ok.sdp, self.outer)):
            assert "ice-lite" in description.attributes
            address, number = description.audio.target
            lines = [line for line in description.audio.attributes if line.startswith("candidate:")]
            assert lines[0].split()[4:] == [address, str(number), "typ", "host"], lines
            assert len(lines) == (1 if "rtcp-mux" in more else 2)
            assert foreign.fragment not in str(description.audio.attributes)

    def check(self):
        """Both check, and are told where they are seen."""
        assert self.inner.check(self.phone_rtp, self.call.answer.audio) == \
            self.phone_rtp.getsockname()[:2]
        assert self.outer.check(self.provider_rtp, self.call.offer.audio) == \
            self.provider_rtp.getsockname()[:2]


@engines
def test_both_parties_check_and_talk(lab, engine):
    ends = Ends(lab)
    ends.check()
    ends.call.check_media(15)
    if engine == "kernel":
        moved(lab)
        with Standing(lab):
            ends.call.check_media(10)
        ends.check()                # consent is asked for again and again (RFC 7675)
        ends.call.check_media(10)
    ends.call.hang_up()
    lab.daemon.assert_ports_released()


@engines
def test_media_follows_the_checks(lab, engine):
    ends = Ends(lab, more=["rtcp-mux"])
    ends.check()
    ends.call.check_media(15)
    if engine == "kernel":
        moved(lab)
    # The party outside nominates another address, where nothing was announced.
    elsewhere = lab.site.internet.socket(REMOTE, 4300)
    ends.outer.check(elsewhere, ends.call.offer.audio)
    stream = rtp.Stream(ends.phone_rtp, ends.call.caller_target, 0x4711, elsewhere)
    back = rtp.Stream(elsewhere, ends.call.callee_target, 0x4712, ends.phone_rtp)
    rtp.run_streams([stream, back], 15)
    assert (stream.lost, back.lost) == (0, 0), (str(stream), str(back))
    ends.call.hang_up()
    lab.daemon.assert_ports_released()


@engines
def test_a_stranger_is_not_answered(lab, engine):
    ends = Ends(lab)
    ends.check()
    ends.call.check_media(15)
    if engine == "kernel":
        moved(lab)
    stranger = lab.site.internet.socket(REMOTE, 4400)
    told = dict(line.split(":", 1) for line in ends.call.offer.audio.attributes if ":" in line)
    name = ice.attribute(ice.USERNAME, f"{told['ice-ufrag']}:far".encode())
    nominates = ice.attribute(ice.USE_CANDIDATE, b"")
    tries = [ice.message(ice.REQUEST, bytes(12), [name, nominates], "guessed"),
             ice.message(ice.REQUEST, bytes(12), [nominates], told["ice-pwd"]),
             ice.message(ice.REQUEST, bytes(12), [ice.attribute(ice.USERNAME, b"x:y"), nominates],
                         told["ice-pwd"]),
             ice.message(0x0011, bytes(12), [name], told["ice-pwd"]),
             ice.message(ice.SUCCESS, bytes(12), [name], told["ice-pwd"]), bytes(20)]
    for packet in tries:
        for port in range(7070, 7090):
            stranger.sendto(packet, (PUBLIC, port))
    ends.call.check_media(15)
    assert not select.select([stranger], [], [], 0.2)[0], stranger.recv(2048)
    assert not select.select([ends.phone_rtp], [], [], 0)[0], "something of it arrived"
    ends.call.hang_up()
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(rtp_ice="lite")
def test_a_party_behind_a_nat_is_found_by_its_check(lab):
    """It has announced what it knows of itself, and its signalling comes from elsewhere; audio reaches it
    although it has not sent any."""
    phone, provider, _ = lab.pair()
    phone_rtp, port = media_of(phone)
    hidden = lab.site.internet.socket(REMOTE, 4500)
    agent = ice.Agent()
    dialog = phone.invite(f"sip:{provider.user}@{phone.domain}", sip.sdp(phone.address, port))
    invite = provider.expect("INVITE")
    assert not [line for line in invite.sdp.audio.attributes if line.startswith(("ice-", "cand"))]
    provider.reply(invite, 488)
    phone.expect((488, "INVITE"))
    assert dialog

    dialog = phone.invite(f"sip:{provider.user}@{phone.domain}", sip.sdp(
        phone.address, port, attributes=ice.Agent().attributes((phone.address, port))))
    invite = provider.expect("INVITE")
    far = provider.accept(invite, sip.sdp(HOME_PHONE, 4500,
                                          attributes=agent.attributes((HOME_PHONE, 4500))))
    answer = phone.expect((200, "INVITE"))
    dialog.ack(answer)
    provider.expect("ACK")
    assert agent.check(hidden, invite.sdp.audio) == (REMOTE, 4500)
    stream = rtp.Stream(phone_rtp, answer.sdp.audio.target, 0x4711, hidden)
    rtp.run_streams([stream], 10)
    assert stream.lost == 0, str(stream)
    far.hang_up(phone)
    lab.daemon.assert_ports_released()


@pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed")
@pytest.mark.siproxd(rtp_ice="lite")
def test_softphones_that_speak_ice_hear_each_other(lab):
    lab.kamailio()
    alice = lab.softphone("inside", "alice", PHONE, medianat="ice")
    bob = lab.softphone("outside", "bob", REMOTE, medianat="ice")
    talk(alice, bob, by=alice)
    for softphone in (alice, bob):
        assert "mnat 'ice' connected" in softphone.log(), softphone.log()[-4000:]
    lab.daemon.assert_ports_released()
