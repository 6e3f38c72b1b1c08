# SPDX-License-Identifier: GPL-2.0-or-later
"""The media port range: how far it reaches, what happens when it is used up, that it comes back."""

import pytest

import sip
from calls import establish

pytestmark = pytest.mark.needs_daemon


@pytest.mark.siproxd(rtp_port_low=7070, rtp_port_high=7071)
@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_call_too_many_gets_503_before_it_rings(lab, direction):
    phone, provider, contact = lab.pair()
    first = lab.call_out(phone, provider)
    caller, callee, uri = (phone, provider, "sip:bob@sip.example.test") if direction == "out" \
        else (provider, phone, contact)
    caller.invite(uri, sip.sdp(caller.address, 4000), to=f"<{callee.aor}>")
    refusal = caller.expect((503, "INVITE"))
    assert int(refusal["retry-after"].split()[0]) > 0
    assert refusal.tag("to")
    first.check_media(5)
    assert callee.count("INVITE") == (1 if direction == "out" else 0)
    first.hang_up()
    lab.daemon.assert_ports_released()
    third = establish(caller, callee, uri, to=f"<{callee.aor}>")
    third.check_media(5)
    third.hang_up()


def test_twenty_ports_carry_ten_calls(lab):
    phone, provider, _ = lab.pair()
    calls = [lab.call_out(phone, provider) for _ in range(10)]
    pairs = {call.callee_target[1] for call in calls}
    assert len(pairs) == 10 and all(port % 2 == 0 and 7070 <= port <= 7088 for port in pairs)
    phone.invite("sip:bob@sip.example.test", sip.sdp(phone.address, 4000))
    phone.expect((503, "INVITE"))
    for call in (calls[0], calls[9]):
        call.check_media(5)
    for call in calls:
        call.hang_up()
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(rtp_timeout=3)
def test_a_call_that_fell_silent_gives_its_ports_back(lab):
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).check_media(5)
    assert lab.daemon.relay_ports()
    lab.daemon.assert_ports_released(timeout=25)


@pytest.mark.parametrize("switch", [
    pytest.param("rtp_proxy_enable", marks=pytest.mark.siproxd(rtp_proxy_enable=0)),
    pytest.param("rtp_proxy_mode", marks=pytest.mark.siproxd(rtp_proxy_mode="off")),
    pytest.param("rtp_proxy_domain_mode", marks=pytest.mark.siproxd(
        rtp_proxy_domain_name="sip.example.test", rtp_proxy_domain_mode="off"))])
def test_without_the_relay_the_description_passes_untouched(lab, switch):
    assert switch in lab.daemon.settings
    phone, provider, _ = lab.pair()
    body = sip.sdp("198.51.100.7", 4000)    # a phone that knows its public address
    phone.invite("sip:bob@sip.example.test", body)
    invite = provider.expect("INVITE")
    assert invite.body.decode() == body
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))
    assert lab.daemon.relay_ports() == []
