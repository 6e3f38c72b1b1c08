# SPDX-License-Identifier: GPL-2.0-or-later
"""The calls everybody makes: out and in, with audio, hung up by either side, and what the other
end gets to see of them."""

import re

import pytest

import sip
from topology import GATEWAY, PHONE, PUBLIC


@pytest.mark.parametrize("by", ["caller", "callee"])
def test_a_call_out_has_audio_both_ways_and_ends(lab, by):
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media()
    call.hang_up(by)
    lab.daemon.assert_ports_released()


@pytest.mark.parametrize("by", ["caller", "callee"])
def test_a_call_in_has_audio_both_ways_and_ends(lab, by):
    phone, provider, contact = lab.pair()
    call = lab.call_in(phone, provider, contact)
    call.check_media()
    call.hang_up(by)
    lab.daemon.assert_ports_released()


@pytest.mark.needs_daemon
def test_outside_sees_one_agent_on_the_outbound_address(lab):
    phone, provider, _ = lab.pair()
    call = phone.invite("sip:bob@sip.example.test", sip.sdp(PHONE, 4000),
                        headers=[("X-Mine", "kept"), ("Subject", "hello")])
    invite = provider.expect("INVITE")
    assert invite.source == (PUBLIC, 5060)
    assert [sip.sent_by(via) for via in invite.all("via")] == [(PUBLIC, 5060)]
    assert len(invite.all("contact")) == 1
    assert sip.host_port(invite.contact) == (PUBLIC, 5060)
    assert sip.user_of(invite.contact) == "alice"
    assert invite.uri == "sip:bob@sip.example.test"
    assert invite["from"] == call.local and invite["to"] == "<sip:bob@sip.example.test>"
    assert invite["call-id"] == call.call_id and invite["cseq"] == "1 INVITE"
    assert invite["max-forwards"] == "69"
    assert invite["user-agent"] == "siplab"
    assert invite["x-mine"] == "kept" and invite["subject"] == "hello"
    assert invite.all("record-route") == []
    assert invite.sdp.origin == invite.sdp.address == PUBLIC
    assert 7070 <= invite.sdp.audio.port <= 7089 and invite.sdp.audio.port % 2 == 0
    assert invite.sdp.audio.formats == ["8", "101"]
    provider.reply(invite, 603)
    phone.expect((603, "INVITE"))


@pytest.mark.needs_daemon
def test_the_phone_gets_its_own_via_back_and_an_inside_address_for_media(lab):
    phone, provider, _ = lab.pair()
    call = phone.invite("sip:bob@sip.example.test", sip.sdp(PHONE, 4000))
    invite = provider.expect("INVITE")
    provider.accept(invite, sip.sdp(provider.address, 5000))
    answer = phone.expect((200, "INVITE"))
    assert answer.source == (GATEWAY, 5060)
    vias = answer.all("via")
    assert len(vias) == 1 and sip.sent_by(vias[0]) == (PHONE, 5060)
    assert answer.branch == call.client.message.branch
    assert answer.contact == provider.contact
    assert answer.sdp.origin == answer.sdp.address == GATEWAY
    assert 7070 <= answer.sdp.audio.port <= 7089
    recorded = [sip.uri_of(route) for route in answer.all("record-route")]
    assert [sip.host_port(uri) for uri in recorded] == [(GATEWAY, 5060)]
    call.ack(answer)
    provider.expect("ACK")
    call.hang_up(provider)


@pytest.mark.needs_daemon
def test_the_phone_is_called_by_the_contact_it_registered(lab):
    phone, provider = lab.phone(), lab.provider()
    phone.register(contacts=["<sip:alice-ext@10.0.0.10:5060;line=abc;ob>;q=0.5"])
    request = provider.expect("REGISTER")
    provider.reply(request, 200, headers=[("Contact", f"<{request.contact}>;expires=600")])
    phone.expect((200, "REGISTER"))
    call = provider.invite(request.contact, sip.sdp(provider.address, 5000),
                           to=f"<{phone.aor}>")
    invite = phone.expect("INVITE")
    assert invite.source == (GATEWAY, 5060)
    assert invite.uri == "sip:alice-ext@10.0.0.10:5060;line=abc;ob"
    assert invite["to"] == f"<{phone.aor}>"
    assert invite.sdp.origin == invite.sdp.address == GATEWAY
    assert invite.contact == provider.contact
    phone.accept(invite, sip.sdp(PHONE, 4000))
    answer = provider.expect((200, "INVITE"))
    assert [sip.sent_by(via) for via in answer.all("via")] == [(provider.address, 5060)]
    assert sip.host_port(answer.contact) == (PUBLIC, 5060)
    assert answer.all("record-route") == []
    assert answer.sdp.origin == answer.sdp.address == PUBLIC
    call.ack(answer)
    phone.expect("ACK")
    call.hang_up(phone)


def test_all_vias_and_routes_of_the_provider_come_back_in_order(lab):
    phone, provider, contact = lab.pair()
    invite = provider.build("INVITE", contact, to=f"<{phone.aor}>",
                            body=sip.sdp(provider.address, 5000))
    invite.headers[1:1] = [
        ("Via", "SIP/2.0/UDP core.example.test;branch=z9hG4bKcore, "
                "SIP/2.0/TCP 198.51.100.7:5080;branch=z9hG4bKfar;received=198.51.100.9"),
        ("Record-Route", "<sip:203.0.113.50;lr;a=1>"),
        ("Record-Route", "<sip:core.example.test;lr>")]
    provider.start(invite)
    arrived = phone.expect("INVITE")
    assert [sip.uri_of(route) for route in arrived.all("record-route")][-2:] == [
        "sip:203.0.113.50;lr;a=1", "sip:core.example.test;lr"]
    phone.accept(arrived, sip.sdp(PHONE, 4000))
    answer = provider.expect((200, "INVITE"))
    branches = [sip.param(via, "branch") for via in answer.all("via")]
    assert branches == [invite.branch, "z9hG4bKcore", "z9hG4bKfar"]
    assert sip.param(answer.all("via")[2], "received") == "198.51.100.9"
    assert [sip.uri_of(route) for route in answer.all("record-route")] == [
        "sip:203.0.113.50;lr;a=1", "sip:core.example.test;lr"]


@pytest.mark.needs_daemon
def test_requests_in_the_call_keep_the_providers_routes(lab):
    phone, provider, _ = lab.pair()
    call = phone.invite("sip:bob@sip.example.test", sip.sdp(PHONE, 4000))
    invite = provider.expect("INVITE")
    other = provider.accept(invite, sip.sdp(provider.address, 5000), headers=[
        ("Record-Route", "<sip:203.0.113.50;lr;edge>, <sip:203.0.113.50;lr;core>")])
    answer = phone.expect((200, "INVITE"))
    call.ack(answer)
    ack = provider.expect("ACK")
    assert ack.uri == provider.contact
    assert [sip.uri_of(route) for route in ack.all("route")] == [
        "sip:203.0.113.50;lr;core", "sip:203.0.113.50;lr;edge"]
    other.hang_up(phone)


@pytest.mark.needs_daemon
def test_a_call_to_somebody_unknown_is_refused(lab):
    phone, provider, _ = lab.pair()
    provider.invite("sip:nobody@203.0.113.1", sip.sdp(provider.address, 5000))
    refusal = provider.expect(lambda message: message.status and message.status >= 400)
    assert refusal.status in (404, 408, 480)
    assert refusal.tag("to"), "every final response carries a To tag"
    assert phone.count("INVITE") == 0
    lab.daemon.assert_ports_released()


@pytest.mark.needs_daemon
def test_a_call_to_a_name_that_does_not_exist_is_refused(lab):
    phone, provider, _ = lab.pair()
    phone.invite("sip:bob@nowhere.test", sip.sdp(PHONE, 4000))
    refusal = phone.expect(lambda message: message.status and message.status >= 400, 15)
    assert refusal.method == "INVITE"
    lab.daemon.assert_ports_released()


def test_another_port_of_the_provider_is_reached(lab):
    phone, provider, _ = lab.pair()
    other = lab.provider(port=5090, user="carol")
    phone.invite("sip:carol@sip.example.test:5090", sip.sdp(PHONE, 4000))
    other.reply(other.expect("INVITE"), 486)
    phone.expect((486, "INVITE"))
