# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_workaround: messages of devices that do it wrong, as the other side sees them."""

import pytest

import sip
from calls import media_of
from daemon import plugin_directory

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "load_plugin": "plugin_workaround.la"}
LAB = {"name": "lab phones", "match": "siplab*", "addresses": "10.0.0.0/24"}


def called(lab, **details):
    """An INVITE as it leaves the phone and as it arrives at the provider."""
    phone, provider, _ = lab.pair()
    phone.invite("sip:bob@sip.example.test", sip.sdp(phone.address, 4000), **details)
    invite = provider.expect("INVITE")
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))
    return invite


@pytest.mark.siproxd(**LOADED, plugin_workaround=[{**LAB, "strip": "X-Bad", "set": "X-Set: 1", "replace": "Subject: other",
                                                   "unsupported": "100rel;timer", "no_methods": "UPDATE"}])
def test_what_a_phone_sends_is_mended(lab):
    invite = called(lab, headers=[("X-Bad", "1"), ("Subject", "mine"), ("Supported", "100rel, timer, replaces"),
                                  ("Allow", "INVITE, UPDATE, BYE"), ("Session-Expires", "90")])
    assert invite.get("x-bad") is None and invite["x-set"] == "1" and invite["subject"] == "other"
    assert invite["supported"] == "replaces" and invite["allow"] == "INVITE, BYE"
    assert invite.get("session-expires") is None


@pytest.mark.siproxd(**LOADED, plugin_workaround=[{**LAB, "strip_to": "Alert-Info", "set_to": "X-Set: 1",
                                                   "replace_to": "Subject: other", "unsupported": "100rel"}])
def test_what_a_phone_is_sent_is_mended(lab):
    phone, provider, contact = lab.pair()
    provider.invite(contact, sip.sdp(provider.address, 4000), to=f"<{phone.aor}>",
                    headers=[("Alert-Info", "<http://x.test>"), ("Subject", "theirs"), ("Supported", "100rel, replaces")])
    invite = phone.expect("INVITE")
    assert invite.get("alert-info") is None and invite["supported"] == "replaces"
    assert invite["x-set"] == "1" and invite["subject"] == "other"
    phone.reply(invite, 486)
    provider.expect((486, "INVITE"))


@pytest.mark.siproxd(**LOADED, plugin_workaround=[{**LAB, "answer_options": 1}])
def test_options_are_answered_here(lab):
    phone, provider, _ = lab.pair()
    phone.start(phone.build("OPTIONS", "sip:bob@sip.example.test"))
    answer = phone.expect((200, "OPTIONS"))
    assert "INVITE" in answer["allow"]
    provider.pump()
    assert provider.count("OPTIONS") == 0


@pytest.mark.siproxd(**LOADED, plugin_workaround=[{**LAB, "force_connection": 1}])
def test_audio_of_a_phone_that_names_a_wrong_address(lab):
    phone, provider, _ = lab.pair()
    phone_rtp, port = media_of(phone)
    provider_rtp, provider_port = media_of(provider)
    dialog = phone.invite("sip:bob@sip.example.test", sip.sdp("10.99.99.99", port))
    invite = provider.expect("INVITE")
    provider.accept(invite, sip.sdp(provider.address, provider_port))
    dialog.ack(phone.expect((200, "INVITE")))
    provider.expect("ACK")
    # Nothing has come from the phone yet: its audio is sent where the description says.
    provider_rtp.sendto(b"\x80\x00\x00\x01\x00\x00\x00\xa0\x00\x00\x00\x01" + bytes(160), invite.sdp.audio.target)
    phone_rtp.settimeout(5)
    assert len(phone_rtp.recv(2000)) == 172
    dialog.hang_up(provider)


@pytest.mark.parametrize("way", ["ignore_rport", "force_rport"])
def test_where_answers_go(idle_lab, way):
    """A phone that sends from one port and listens on another; rport says what it does not mean."""
    idle_lab.daemon.settings.update(LOADED, plugin_workaround=[{**LAB, way: 1}])
    idle_lab.daemon.start()
    sender, listener = idle_lab.phone("alice", port=5070), idle_lab.phone("alice", port=5080)
    request = sender.build("OPTIONS", f"sip:{idle_lab.site.proxy_inside}")
    via = f"SIP/2.0/UDP {sender.address}:5080;branch=z9hG4bKway"
    request.headers[0] = ("Via", via + (";rport" if way == "ignore_rport" else ""))
    sender.send(request, (idle_lab.site.proxy_inside, 5060))
    hears = listener if way == "ignore_rport" else sender
    hears.expect((200, "OPTIONS"))
    # What somebody else answers goes the same way.
    provider = idle_lab.provider()
    request = sender.build("MESSAGE", "sip:bob@sip.example.test")
    request.headers[0] = ("Via", via.replace("way", "message") + (";rport" if way == "ignore_rport" else ""))
    sender.send(request, (idle_lab.site.proxy_inside, 5060))
    provider.reply(provider.expect("MESSAGE"), 200)
    hears.expect((200, "MESSAGE"))


@pytest.mark.siproxd(**LOADED, plugin_workaround=[{"name": "x", "match": "y", "set": "Via: z"}])
def test_what_is_wrong_is_told_with_its_place(lab):
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_workaround_set = Via: z: siproxd writes Via itself")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
