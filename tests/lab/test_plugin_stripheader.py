# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_stripheader: headers that a phone or a provider does not get along with."""

import pytest

import sip
from calls import establish
from daemon import plugin_directory
from topology import PROVIDER_2

pytestmark = pytest.mark.needs_daemon

PLAIN = {"plugindir": plugin_directory()}
STRIPS = {**PLAIN, "load_plugin": "plugin_stripheader.la"}
HEADERS = [("Allow", "INVITE, ACK, UPDATE"), ("k", "100rel, timer"), ("X-Secret", "one"),
           ("Allow-Events", "talk")]
RULES = ["Allow", "Supported:100rel", "x-secret"]


@pytest.mark.siproxd(**STRIPS, plugin_stripheader_remove=RULES)
@pytest.mark.parametrize("direction", ["out", "in"])
def test_headers_are_gone_in_requests_and_responses(lab, direction):
    phone, provider, contact = lab.pair()
    caller, callee = (phone, provider) if direction == "out" else (provider, phone)
    caller.invite(f"sip:bob@{phone.domain}" if direction == "out" else contact,
                  to=f"<{callee.aor}>", headers=HEADERS)
    invite = callee.expect("INVITE")
    callee.reply(invite, 486, headers=HEADERS)
    for message in (invite, caller.expect((486, "INVITE"))):
        assert message.get("allow") is None and message.get("x-secret") is None, message
        assert message.all("supported") == ["timer"]
        assert message["allow-events"] == "talk"


@pytest.mark.siproxd(**PLAIN)
def test_without_it_they_stay(lab):
    phone, provider, _ = lab.pair()
    phone.invite(f"sip:bob@{phone.domain}", headers=HEADERS)
    invite = provider.expect("INVITE")
    assert invite["allow"] == "INVITE, ACK, UPDATE" and invite["x-secret"] == "one"
    assert invite.all("supported") == ["100rel, timer"]
    provider.reply(invite, 486)
    phone.expect((486, "INVITE"))


class ByProxy:
    """A proxy of the provider that has recorded itself: requests of the call have to come by it."""

    def __init__(self, lab):
        self.hop = lab.provider(PROVIDER_2, user="hop")
        self.record_route = ("Record-Route", f"<sip:{PROVIDER_2};lr>")

def routes_seen(message):
    return [sip.host_of(sip.uri_of(route)) for route in message.all("record-route")]


@pytest.mark.siproxd(**STRIPS, plugin_stripheader_remove="Record-Route")
def test_a_call_out_goes_by_the_proxies_that_the_phone_is_not_told_of(lab):
    phone, provider, _ = lab.pair()
    proxy = ByProxy(lab)
    call = phone.invite(f"sip:bob@{phone.domain}", sip.sdp(phone.address, 4000))
    invite = provider.expect("INVITE")
    provider.reply(invite, 200, sip.sdp(provider.address, 4002), headers=[proxy.record_route])
    ok = phone.expect((200, "INVITE"))
    assert PROVIDER_2 not in routes_seen(ok) and len(routes_seen(ok)) == 1
    call.ack(ok)
    ack = proxy.hop.expect("ACK")
    assert [sip.host_of(sip.uri_of(route)) for route in ack.all("route")] == [PROVIDER_2]
    call.request("BYE")
    proxy.hop.reply(proxy.hop.expect("BYE"), 200)
    phone.expect((200, "BYE"))
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**STRIPS, plugin_stripheader_remove="Record-Route")
def test_a_call_in_goes_by_them_as_well(lab):
    phone, provider, contact = lab.pair()
    proxy = ByProxy(lab)
    call = establish(provider, phone, contact, to=f"<{phone.aor}>", headers=[proxy.record_route])
    assert all(PROVIDER_2 not in routes_seen(message) for message in phone.log)
    call.check_media()
    call.callee.request("BYE")
    proxy.hop.reply(proxy.hop.expect("BYE"), 200)
    phone.expect((200, "BYE"))
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**PLAIN)
def test_without_it_the_phone_is_told(lab):
    phone, provider, contact = lab.pair()
    proxy = ByProxy(lab)
    provider.invite(contact, to=f"<{phone.aor}>", headers=[proxy.record_route])
    invite = phone.expect("INVITE")
    assert PROVIDER_2 in routes_seen(invite)
    phone.reply(invite, 486)
    provider.expect((486, "INVITE"))


@pytest.mark.siproxd(**STRIPS, plugin_stripheader_remove=["Allow", "Via"])
def test_headers_that_messages_need_stop_the_plugin_alone(lab):
    lab.daemon.wait_log(r"siproxd\.conf:\d+: plugin_stripheader_remove = Via: "
                        r"no message can do without this header")
    lab.daemon.wait_log(r"Plugin 'plugin_stripheader' .* loaded with failure")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider, headers=HEADERS).hang_up()
