# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody who never answers: 408 from our own timers B and F (64 * T1 = 32 s)."""

import time

import pytest

import sip
from deadline import scaled

pytestmark = [pytest.mark.needs_daemon, pytest.mark.slow]


def timed_out(method):
    return lambda message: message.status is not None and message.status >= 300 \
        and message.method == method


def test_408_when_the_far_side_never_answers(lab):
    """All kinds at once, as each takes its 32 seconds: out by address and by name, in to a phone
    that is switched off."""
    phone, provider, contact = lab.pair()
    caller, texter = lab.phone("carol", port=5070), lab.phone("dave", port=5072)
    silent_phone = lab.phone("erin", port=5074)
    silent_contact = lab.registered(silent_phone, provider)
    started = time.monotonic()
    caller.invite("sip:bob@203.0.113.60", sip.sdp(caller.address, 4000))
    texter.request("MESSAGE", "sip:bob@silent.example.test", body="hello",
                   content_type="text/plain")
    provider.invite(silent_contact, sip.sdp(provider.address, 4000),
                    to=f"<{silent_phone.aor}>")
    # Nobody has to wait for the silent ones.
    call = lab.call_in(phone, provider, contact)
    call.check_media(5)
    call.hang_up()
    for agent, method in ((caller, "INVITE"), (texter, "MESSAGE"), (provider, "INVITE")):
        final = agent.expect(timed_out(method), timeout=40)
        assert final.status == 408, final
        assert final.tag("to")
        assert 25 < time.monotonic() - started < scaled(40)
    lab.daemon.assert_ports_released(timeout=5)


@pytest.mark.siproxd(rtp_timeout=3)
@pytest.mark.parametrize("way", ["out", "in"])
def test_both_parties_hear_of_the_end_of_a_call_that_fell_silent(lab, way):
    phone, provider, contact = lab.pair()
    call = lab.call_out(phone, provider) if way == "out" else lab.call_in(phone, provider, contact)
    call.check_media(5)
    for agent, dialog in ((phone, call.caller if way == "out" else call.callee),
                          (provider, call.callee if way == "out" else call.caller)):
        bye = agent.expect("BYE", timeout=25)
        assert bye["call-id"] == dialog.call_id
        assert bye["reason"] == 'SIP;cause=408;text="No Media"'
        assert bye.tag("to") == sip.param(dialog.local, "tag")
        agent.reply(bye, 200)
    lab.daemon.assert_ports_released(timeout=5)
    assert not provider.count(481) and not phone.count(481)


@pytest.mark.siproxd(rtp_timeout=2, rtp_timeout_bye=0)
def test_a_call_that_fell_silent_ends_without_a_word_when_that_is_wanted(lab):
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).check_media(5)
    lab.daemon.assert_ports_released(timeout=25)
    assert not provider.count("BYE") and not phone.count("BYE")
    assert "5 packets of the caller and 5 of the called one" in lab.daemon.log()


def test_a_dead_name_server_delays_only_those_who_need_it(lab):
    lab.site.internet.iptables("-I INPUT -p udp --dport 53 -j DROP")
    try:
        phone, provider = lab.phone(domain="203.0.113.50"), lab.provider(domain="203.0.113.50")
        contact = lab.registered(phone, provider)
        waiting = lab.phone("carol", port=5070)
        waiting.invite("sip:bob@remote.example.test", sip.sdp(phone.address, 4000))
        started = time.monotonic()
        for call in (lab.call_out(phone, provider), lab.call_in(phone, provider, contact)):
            call.check_media(5)
            call.hang_up()
        assert time.monotonic() - started < scaled(2.5)
        refusal = waiting.expect(timed_out("INVITE"), timeout=40)
        assert refusal.status in (408, 480, 500, 502, 503, 504)
        lab.daemon.assert_ports_released()
    finally:
        lab.site.internet.iptables("-D INPUT -p udp --dport 53 -j DROP")
