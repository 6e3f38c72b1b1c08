# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_fix_fbox_anoncall: a box whose Contact has no name that it is registered with when somebody anonymous
calls it."""

import pytest

import sip
from daemon import plugin_directory
from topology import PHONE

pytestmark = pytest.mark.needs_daemon

PLAIN = {"plugindir": plugin_directory()}
FIXED = {**PLAIN, "load_plugin": "plugin_fix_fbox_anoncall.la",
         "plugin_fix_fbox_anoncall_networks": f"{PHONE}/32"}


def answered(lab):
    """The Contact by which the provider registered the box, and the one in the answer to an anonymous call."""
    phone, provider, contact = lab.pair()
    call = provider.invite(contact, sip.sdp(provider.address, 4000), to=f"<{phone.aor}>")
    invite = phone.expect("INVITE")
    phone.reply(invite, 200, sip.sdp(phone.address, 4002), contact=False,
                headers=[("Contact", f"<sip:anonymous@{PHONE}>")])
    answer = provider.expect((200, "INVITE"))
    call.ack(answer)
    phone.expect("ACK")
    return sip.user_of(contact), sip.user_of(answer.contact)


@pytest.mark.siproxd(**FIXED)
def test_the_provider_sees_the_contact_that_it_knows(lab):
    known, shown = answered(lab)
    assert shown == known == "alice"


@pytest.mark.siproxd(**PLAIN)
def test_without_it_the_contact_is_another_one(lab):
    known, shown = answered(lab)
    assert (known, shown) == ("alice", "anonymous")
