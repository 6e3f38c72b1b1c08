# SPDX-License-Identifier: GPL-2.0-or-later
"""Every other method, both ways, inside and outside of a call."""

import pytest

import sip
from daemon import DIRECT
from topology import PUBLIC
from ua import Dialog

both_ways = pytest.mark.parametrize("direction", ["out", "in"])


def ends(lab, direction):
    """(sender, receiver, request URI, To) of a request out or in."""
    phone, provider, contact = lab.pair()
    if direction == "out":
        return phone, provider, "sip:bob@sip.example.test", "<sip:bob@sip.example.test>"
    return provider, phone, contact, f"<{phone.aor}>"


def assert_masked(request, direction):
    """What left shows the outbound address only; what came in is for the phone's own contact."""
    if DIRECT:
        return
    if direction == "out":
        assert [sip.sent_by(via) for via in request.all("via")] == [(PUBLIC, 5060)]
        assert all(sip.host_of(sip.uri_of(contact)) == PUBLIC
                   for contact in request.all("contact"))
    else:
        assert sip.host_of(request.uri) == "10.0.0.10"


@both_ways
@pytest.mark.parametrize("method, body, content_type, headers", [
    ("OPTIONS", "", None, [("Accept", "application/sdp")]),
    ("MESSAGE", "How are you?", "text/plain", []),
    ("INFO", "Signal=5\r\nDuration=160\r\n", "application/dtmf-relay", []),
    ("PUBLISH", "<presence/>", "application/pidf+xml", [("Event", "presence"),
                                                        ("Expires", "600")]),
    ("REFER", "", None, [("Refer-To", "<sip:carol@remote.example.test>")]),
    ("NOTIFY", "Messages-Waiting: yes\r\n", "application/simple-message-summary",
     [("Event", "message-summary"), ("Subscription-State", "active")]),
    ("FANCY", "", None, []),
])
def test_a_request_outside_of_a_call(lab, direction, method, body, content_type, headers):
    sender, receiver, uri, to = ends(lab, direction)
    sender.request(method, uri, to=to, body=body, content_type=content_type, headers=headers)
    request = receiver.expect(method)
    assert_masked(request, direction)
    assert request.body.decode() == body
    if body:
        assert request["content-type"] == content_type
    for name, value in headers:
        assert request[name] == value
    receiver.reply(request, 202, headers=[("X-Answer", "kept")])
    answer = sender.expect((202, method))
    assert answer["x-answer"] == "kept"
    assert len(answer.all("via")) == 1


@both_ways
@pytest.mark.parametrize("by", ["caller", "callee"])
@pytest.mark.parametrize("method", ["INFO", "OPTIONS", "MESSAGE"])
def test_a_request_in_a_call(lab, direction, by, method):
    phone, provider, contact = lab.pair()
    call = lab.call_out(phone, provider) if direction == "out" else \
        lab.call_in(phone, provider, contact)
    sender, receiver = (call.caller, call.callee) if by == "caller" else (call.callee, call.caller)
    sender.request(method, "text", content_type="text/plain")
    request = receiver.agent.expect(method)
    assert request.body == b"text"
    receiver.agent.reply(request, 200)
    sender.agent.expect((200, method))
    call.check_media(5)
    call.hang_up()


@both_ways
def test_a_subscription_and_its_notifications(lab, direction):
    sender, receiver, uri, to = ends(lab, direction)
    client = sender.request("SUBSCRIBE", uri, to=to, headers=[("Event", "presence"),
                                                              ("Expires", "60")])
    subscribe = receiver.expect("SUBSCRIBE")
    assert_masked(subscribe, direction)
    receiver.reply(subscribe, 202, headers=[("Expires", "60")])
    watcher = Dialog.calling(sender, client).confirm(sender.expect((202, "SUBSCRIBE")))
    presence = Dialog.called(receiver, subscribe)
    for state in ("active;expires=60", "active;expires=30"):
        presence.request("NOTIFY", "<presence/>", content_type="application/pidf+xml",
                         headers=[("Event", "presence"), ("Subscription-State", state)])
        notify = sender.expect("NOTIFY")
        assert notify["subscription-state"] == state and notify.body == b"<presence/>"
        sender.reply(notify, 200)
        receiver.expect((200, "NOTIFY"))
    watcher.request("SUBSCRIBE", headers=[("Event", "presence"), ("Expires", "0")])
    receiver.reply(receiver.expect("SUBSCRIBE"), 200)
    sender.expect((200, "SUBSCRIBE"))


@both_ways
def test_a_transfer(lab, direction):
    phone, provider, contact = lab.pair()
    call = lab.call_out(phone, provider) if direction == "out" else \
        lab.call_in(phone, provider, contact)
    call.caller.request("REFER", headers=[("Refer-To", "<sip:carol@remote.example.test>"),
                                          ("Referred-By", "<sip:alice@sip.example.test>")])
    refer = call.callee.agent.expect("REFER")
    assert refer["refer-to"] == "<sip:carol@remote.example.test>"
    call.callee.agent.reply(refer, 202)
    call.caller.agent.expect((202, "REFER"))
    call.callee.request("NOTIFY", "SIP/2.0 200 OK\r\n", content_type="message/sipfrag",
                        headers=[("Event", "refer"), ("Subscription-State", "terminated")])
    notify = call.caller.agent.expect("NOTIFY")
    assert notify.body == b"SIP/2.0 200 OK\r\n"
    call.caller.agent.reply(notify, 200)
    call.callee.agent.expect((200, "NOTIFY"))
    call.hang_up("callee")
    lab.daemon.assert_ports_released()
