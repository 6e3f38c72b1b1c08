# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_enum: numbers that dnsmasq has, and numbers that it has not."""

import pytest

import sip
from daemon import plugin_directory
from topology import UNANSWERED

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "load_plugin": "plugin_enum.la", "debug_level": "0x1000"}
UK = {"country": "44"}


def dialled(lab, digits):
    """What becomes of a number: phone, provider, dialog and the INVITE that has arrived there."""
    phone, provider, _ = lab.pair()
    dialog = phone.invite(f"sip:{digits}@{phone.domain}", sip.sdp(phone.address, 4000))
    return phone, provider, dialog, provider.expect("INVITE")


def talk(phone, provider, dialog, invite):
    provider.accept(invite, sip.sdp(provider.address, 4002))
    dialog.ack(phone.expect((200, "INVITE")))
    provider.expect("ACK")
    dialog.hang_up(provider)


@pytest.mark.parametrize("digits", ["+441632960083", "00441632960083", "01632960083"])
@pytest.mark.siproxd(**LOADED, plugin_enum=[UK])
def test_a_number_in_the_dns_is_called_by_its_address(lab, digits):
    phone, provider, dialog, invite = dialled(lab, digits)
    assert invite.uri == "sip:bob@sip.example.test"
    lab.daemon.wait_log(r"plugin_enum: \+441632960083 is sip:bob@sip.example.test")
    talk(phone, provider, dialog, invite)


@pytest.mark.siproxd(**LOADED, plugin_enum=[UK])
def test_a_number_that_is_not_there_is_dialled(lab):
    phone, provider, dialog, invite = dialled(lab, "+441632960099")
    assert sip.user_of(invite.uri) == "+441632960099"
    talk(phone, provider, dialog, invite)


@pytest.mark.siproxd(**LOADED, plugin_enum=[UK])
def test_a_record_that_names_a_phone_inside_is_of_no_use(lab):
    """What has been found cannot be reached: the number is dialled as it would be without."""
    phone, provider, dialog, invite = dialled(lab, "+441632960084")
    assert sip.user_of(invite.uri) == "+441632960084"
    assert phone.count("INVITE") == 0
    lab.daemon.wait_log("is not sent to 10.0.0.10:5060")
    talk(phone, provider, dialog, invite)


@pytest.mark.siproxd(**LOADED, plugin_enum=[{"suffix": UNANSWERED, "timeout": 300}])
def test_a_name_server_that_says_nothing(lab):
    phone, provider, dialog, invite = dialled(lab, "+441632960083")
    assert sip.user_of(invite.uri) == "+441632960083"
    lab.daemon.wait_log("Plugin 'plugin_enum' did not decide in time")
    talk(phone, provider, dialog, invite)


@pytest.mark.siproxd(**LOADED, plugin_enum=[{"country": "+44"}])
def test_what_is_wrong_is_told_with_its_place(lab):
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_enum_country = \+44: digits are needed")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
