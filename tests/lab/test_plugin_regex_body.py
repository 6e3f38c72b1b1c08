# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_regex_body: bodies are rewritten by patterns."""

import pytest

import sip
from daemon import plugin_directory

pytestmark = pytest.mark.needs_daemon

PLAIN = {"plugindir": plugin_directory()}
SETTINGS = {**PLAIN, "load_plugin": "plugin_regex_body.la"}
RULES = {"plugin_regex_body_desc": ["numbers", "grows"],
         "plugin_regex_body_pattern": [r"a=x-map:([0-9]+)", "y-map"],
         "plugin_regex_body_replace": [r"a=y-map:\1", "y-map-y-map"]}
ATTRIBUTES = ["x-map:8 one", "x-map:101 two"]


def talk(lab, direction):
    """Offer and answer of a call, as they arrived."""
    phone, provider, contact = lab.pair()
    caller, callee = (phone, provider) if direction == "out" else (provider, phone)
    call = caller.invite(f"sip:bob@{phone.domain}" if direction == "out" else contact,
                         sip.sdp(caller.address, 4000, attributes=ATTRIBUTES),
                         to=f"<{callee.aor}>")
    invite = callee.expect("INVITE")
    callee.accept(invite, sip.sdp(callee.address, 4002, attributes=ATTRIBUTES))
    ok = caller.expect((200, "INVITE"))
    call.ack(ok)
    callee.expect("ACK")
    call.hang_up(callee)
    lab.daemon.assert_ports_released()
    return invite, ok


@pytest.mark.siproxd(**SETTINGS, **RULES)
@pytest.mark.parametrize("direction", ["out", "in"])
def test_each_place_is_rewritten_once_in_offers_and_answers(lab, direction):
    for message in talk(lab, direction):
        found = [text for text in message.sdp.audio.attributes if "map" in text and "rtp" not in text]
        assert found == ["y-map-y-map:8 one", "y-map-y-map:101 two"], message
        assert int(message["content-length"]) == len(message.body)


@pytest.mark.siproxd(**PLAIN)
def test_without_it_they_stay(lab):
    for message in talk(lab, "out"):
        assert set(ATTRIBUTES) <= set(message.sdp.audio.attributes)


@pytest.mark.siproxd(**SETTINGS, plugin_regex_body_desc="text", plugin_regex_body_pattern="l+o$",
                     plugin_regex_body_replace="p")
def test_a_text_is_rewritten(lab):
    phone, provider, _ = lab.pair()
    phone.request("MESSAGE", f"sip:bob@{phone.domain}", body="Hello, hello", content_type="text/plain")
    message = provider.expect("MESSAGE")
    assert message.body == b"Hello, hep" and message["content-length"] == "10"
    provider.reply(message, 200)
    phone.expect((200, "MESSAGE"))


@pytest.mark.siproxd(**SETTINGS, plugin_regex_body_desc=["one", "two"],
                     plugin_regex_body_pattern="x", plugin_regex_body_replace="y")
def test_a_rule_without_a_pattern_stops_the_plugin_alone(lab):
    lab.daemon.wait_log(r"siproxd\.conf:\d+: plugin_regex_body_desc = two: a line "
                        r"plugin_regex_body_pattern that belongs to it is missing")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
