# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_logcall: the lines that whoever watches the log of the C program knows."""

import re

import pytest

import sip
from daemon import plugin_directory
from topology import PHONE

pytestmark = pytest.mark.needs_daemon

SETTINGS = {"plugindir": plugin_directory(), "load_plugin": "plugin_logcall.la"}
OUT = (r"^\d\d:\d\d:\d\d\.\d{{3}} INFO:\S+:\d+ {} Call: alice@sip\.example\.test -> "
       r"bob@sip\.example\.test \[Req: {}\] \[IP: 10\.0\.0\.10:5060\] \[CID: {}@\*NULL\*\]$")


@pytest.mark.siproxd(**SETTINGS)
def test_the_call_log_reads_as_it_always_did(lab):
    phone, provider, contact = lab.pair()
    call = lab.call_out(phone, provider)
    call.hang_up()
    number = call.caller.call_id
    target = r"bob@203\.0\.113\.50"
    lab.daemon.wait_log(r"Ending \(BYE\) Call:")      # lines are written in the background
    log = lab.daemon.log()
    for kind, request in ((r"Outgoing \(INVITE\)", r"bob@sip\.example\.test"),
                          (r"Acknowledging \(ACK\)", target), (r"Ending \(BYE\)", target)):
        pattern = OUT.format(kind, request, re.escape(number))
        assert len(re.findall(pattern, log, re.MULTILINE)) == 1, f"/{pattern}/ in\n{log}"
    call = lab.call_in(phone, provider, contact)
    call.hang_up()
    lab.daemon.wait_log(r"INFO:\S+ Incoming \(INVITE\) Call: bob@sip\.example\.test -> "
                        r"alice@sip\.example\.test \[Req: alice@203\.0\.113\.1\] "
                        rf"\[IP: 203\.0\.113\.50:5060\] \[CID: {call.caller.call_id}@\*NULL\*\]$")


@pytest.mark.siproxd(**SETTINGS)
def test_a_call_that_is_given_up(lab):
    phone, provider, _ = lab.pair()
    call = phone.invite("sip:bob@sip.example.test", sip.sdp(PHONE, 4000))
    invite = provider.expect("INVITE")
    provider.reply(invite, 180)
    phone.expect((180, "INVITE"))
    call.cancel()
    provider.reply(provider.expect("CANCEL"), 200)
    provider.reply(invite, 487)
    phone.expect((487, "INVITE"))
    lab.daemon.wait_log(OUT.format(r"Ending \(CANCEL\)", r"bob@sip\.example\.test", re.escape(call.call_id)))


@pytest.mark.siproxd(**SETTINGS)
def test_what_is_no_call_has_no_line(lab):
    phone, provider, _ = lab.pair()
    phone.request("MESSAGE", "sip:bob@sip.example.test")
    provider.reply(provider.expect("MESSAGE"), 200)
    phone.expect((200, "MESSAGE"))
    lab.daemon.stop()
    assert " Call: " not in lab.daemon.log()
