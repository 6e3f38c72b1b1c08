# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_codecfilter: codecs that nobody shall use."""

import pytest

import sip
from daemon import plugin_directory

pytestmark = pytest.mark.needs_daemon

PLAIN = {"plugindir": plugin_directory()}
FILTERS = {**PLAIN, "load_plugin": "plugin_codecfilter.la"}


def offer(address, port, formats="0 8 18 97", more=()):
    lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0",
             f"m=audio {port} RTP/AVP {formats}", "a=rtpmap:97 iLBC/8000", "a=fmtp:97 mode=30",
             *more]
    return "".join(line + "\r\n" for line in lines)


def talk(lab, direction, body, answer):
    """A call with that offer and that answer; both as they arrived."""
    phone, provider, contact = lab.pair()
    caller, callee = (phone, provider) if direction == "out" else (provider, phone)
    call = caller.invite(f"sip:bob@{phone.domain}" if direction == "out" else contact,
                         body(caller.address, 4000), to=f"<{callee.aor}>")
    invite = callee.expect("INVITE")
    callee.accept(invite, answer(callee.address, 4002))
    ok = caller.expect((200, "INVITE"))
    call.ack(ok)
    callee.expect("ACK")
    call.hang_up(callee)
    lab.daemon.assert_ports_released()
    return invite, ok


@pytest.mark.siproxd(**FILTERS, plugin_codecfilter_blacklist=["ilbc", "G729"])
@pytest.mark.parametrize("direction", ["out", "in"])
def test_codecs_are_gone_from_offers_and_answers(lab, direction):
    for message in talk(lab, direction, offer, offer):
        assert message.sdp.audio.formats == ["0", "8"], message
        assert message.sdp.audio.attributes == [] and message.sdp.audio.port > 0
        assert int(message["content-length"]) == len(message.body)


@pytest.mark.siproxd(**PLAIN)
def test_without_it_they_stay(lab):
    for message in talk(lab, "out", offer, offer):
        assert message.sdp.audio.formats == ["0", "8", "18", "97"]
        assert message.sdp.audio.attributes == ["rtpmap:97 iLBC/8000", "fmtp:97 mode=30"]


@pytest.mark.siproxd(**FILTERS, plugin_codecfilter_blacklist="H264")
def test_a_call_is_made_without_video(lab):
    def with_video(address, port):
        return offer(address, port, more=[f"m=video {port + 10} RTP/AVP 99",
                                          "a=rtpmap:99 H264/90000"])

    def without_video(address, port):
        return offer(address, port, more=["m=video 0 RTP/AVP 99"])

    for message in talk(lab, "out", with_video, without_video):
        audio, video = message.sdp.media
        assert audio.port > 0 and video.port == 0 and video.formats == ["99"]


@pytest.mark.siproxd(**FILTERS, plugin_codecfilter_blacklist=["PCMU", "PCMA", "8000"])
def test_a_call_keeps_its_only_codecs(lab):
    for message in talk(lab, "out", offer, offer):
        assert message.sdp.audio.formats == ["0", "8", "18", "97"]
    lab.daemon.wait_log(r"WARNING:\S+ plugin_codecfilter: a call has no codec but unwanted ones")


@pytest.mark.siproxd(**FILTERS, plugin_codecfilter_blacklist="G729")
def test_a_description_in_a_multipart_body_is_filtered(lab):
    phone, provider, _ = lab.pair()
    body = ("--x\r\nContent-Type: text/plain\r\n\r\nm=audio 1 RTP/AVP 0 18\r\n"
            "--x\r\nContent-Type: application/sdp\r\n\r\n" + offer(phone.address, 4000) +
            "\r\n--x--\r\n")
    phone.invite(f"sip:bob@{phone.domain}", body, content_type="multipart/mixed;boundary=x")
    invite = provider.expect("INVITE")
    text = invite.body.decode()
    assert "m=audio 1 RTP/AVP 0 18\r\n" in text and " RTP/AVP 0 8 97\r\n" in text, text
    assert int(invite["content-length"]) == len(invite.body)
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))


@pytest.mark.siproxd(**FILTERS, plugin_codecfilter_blacklist=["G729", '""'])
def test_a_codec_without_a_name_stops_nothing_else(lab):
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
