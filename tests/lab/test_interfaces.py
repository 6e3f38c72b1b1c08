# SPDX-License-Identifier: GPL-2.0-or-later
"""Interfaces that come late, go, and change their addresses while siproxd runs, as those of a ppp
line do; several of them, and `auto`."""

import os
import signal

import pytest

import sip
from daemon import DIRECT
from deadline import wait_for
from kernel_relay import MOVES, Standing, disciplines, filters, in_kernel
from topology import PHONE, PUBLIC, SECOND_PUBLIC, Dialup

pytestmark = pytest.mark.needs_daemon


@pytest.fixture
def site():
    """Each test changes its networks, so none is left to another."""
    if DIRECT:
        pytest.skip("LAB_DIRECT: there is no daemon")
    with Dialup() as networks:
        yield networks


def contact_host(lab, phone, provider):
    """Registers; the address that the provider is told."""
    return sip.host_port(lab.registered(phone, provider))[0]


def test_the_outbound_interface_may_come_later(idle_lab):
    lab = idle_lab
    lab.site.unplug()
    lab.daemon.start()
    lab.daemon.wait_log("waiting for if_outbound = ppp0: ppp0 does not exist yet")
    phone, provider = lab.phone(), lab.provider()
    phone.register()
    phone.expect((503, "REGISTER"))
    lab.site.plug_in()
    lab.daemon.wait_log(r"interfaces have changed: .*ppp0 \(203\.0\.113\.1\)")
    assert contact_host(lab, phone, provider) == PUBLIC
    call = lab.call_out(phone, provider)
    call.check_media(5)
    call.hang_up()


def test_the_inbound_interface_may_come_later(idle_lab):
    lab = idle_lab
    lab.site.router.ip("address", "delete", "10.0.0.1/24", "dev", "eth0")
    lab.daemon.start()
    lab.daemon.wait_log("waiting for if_inbound = eth0: eth0 has no IP address yet")
    lab.site.router.ip("address", "add", "10.0.0.1/24", "dev", "eth0")
    lab.daemon.wait_log("interfaces have changed: inbound eth0 ")
    phone, provider = lab.phone(), lab.provider()
    assert contact_host(lab, phone, provider) == PUBLIC
    lab.call_out(phone, provider).hang_up()


@pytest.mark.parametrize("how", ["address", "interface"])
def test_a_new_address_is_used_at_once(lab, how):
    phone, provider = lab.phone(), lab.provider()
    assert contact_host(lab, phone, provider) == PUBLIC
    if how == "address":
        lab.site.hang_up()
        lab.daemon.wait_log("waiting for if_outbound = ppp0: ppp0 has no IP address yet")
        lab.site.dial_in(SECOND_PUBLIC)
    else:
        lab.site.unplug()
        lab.daemon.wait_log("waiting for if_outbound = ppp0: ppp0 does not exist yet")
        lab.site.plug_in(SECOND_PUBLIC)
    lab.daemon.wait_log(r"interfaces have changed: .*\(203\.0\.113\.2\)")
    provider.reply(provider.expect("REGISTER"), 403)    # what siproxd says for the phone
    assert contact_host(lab, phone, provider) == SECOND_PUBLIC
    call = lab.call_out(phone, provider)
    assert call.offer.audio.address == SECOND_PUBLIC
    call.check_media(5)
    call.hang_up()
    call = lab.call_in(phone, provider, lab.registered(phone, provider))
    call.check_media(5)
    call.hang_up()
    lab.daemon.assert_ports_released()


def test_a_registration_is_renewed_without_the_phone(lab):
    phone, provider, before = lab.pair()
    lab.site.hang_up()
    lab.site.dial_in(SECOND_PUBLIC)
    renewed = provider.expect("REGISTER", 10)
    assert renewed.source[0] == SECOND_PUBLIC
    contacts = renewed.all("contact")
    assert SECOND_PUBLIC in contacts[0] and "expires=0" not in contacts[0]
    assert before in contacts[1] and "expires=0" in contacts[1]
    provider.reply(renewed, 200, contact=False, headers=[("Contact", contacts[0])])
    call = lab.call_in(phone, provider, renewed.contact)
    call.check_media(5)
    call.hang_up()
    assert phone.count((200, "REGISTER")) == 1, "the phone has asked once"


def registers(phone):
    """What every phone does until it is registered: it repeats its REGISTER while nothing comes, and
    begins again when it is refused. A function to be called again and again, that has done it when it
    returns the 200."""
    clients = [phone.register()]

    def registered():
        phone.pump()
        finals = [message for message in phone.inbox if (message.status or 0) >= 200]
        for answer in finals:
            phone.inbox.remove(answer)
            if answer.status == 200:
                return answer
            clients.append(phone.register())
        if not finals:
            clients[-1].resend()
        return None
    return registered


@pytest.mark.parametrize("known", [False, True], ids=["the first", "a refresh"])
def test_a_register_whose_answer_never_comes_ends_with_the_new_address(lab, known):
    phone, provider = lab.phone(), lab.provider()
    if known:
        assert contact_host(lab, phone, provider) == PUBLIC
    registered = registers(phone)
    lost = provider.expect("REGISTER")
    assert lost.source[0] == PUBLIC
    lab.site.hang_up()
    lab.site.dial_in(SECOND_PUBLIC)
    lab.daemon.wait_log(r"interfaces have changed: .*\(203\.0\.113\.2\)")
    provider.reply(lost, 200, contact=False, headers=[("Contact", f"<{lost.contact}>")])
    bindings = {lost.contact: True}

    def settled():
        """The provider does its part, then the phone."""
        provider.pump()
        for request in [message for message in provider.inbox if message.method == "REGISTER"]:
            provider.inbox.remove(request)
            for contact in request.all("contact"):
                bindings[sip.uri_of(contact)] = "expires=0" not in contact
            provider.reply(request, 200, contact=False, headers=[
                ("Contact", f"<{uri}>;expires=600") for uri, lives in bindings.items() if lives])
        return registered()
    answer = wait_for(settled, "the phone to be registered", 20, 0.2)
    assert phone.contact in [sip.uri_of(contact) for contact in answer.all("contact")]
    contact, = [uri for uri in bindings if sip.host_port(uri)[0] == SECOND_PUBLIC]
    assert bindings[contact]
    assert bindings[lost.contact] != known, "what siproxd knew of is taken back"
    call = lab.call_in(phone, provider, contact)
    call.check_media(5)
    call.hang_up()


def tag_of(party):
    return party.partition(";tag=")[2]


def test_a_call_ends_with_its_address(lab):
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media(5)
    lab.site.hang_up()
    lab.site.dial_in(SECOND_PUBLIC)
    lab.daemon.wait_log("call is over: our address 203.0.113.1 has gone")
    lab.daemon.assert_ports_released()
    # Both sides are told, each in the name of the other.
    for side in (call.caller, call.callee):
        bye = side.agent.expect("BYE")
        assert (bye.tag("from"), bye.tag("to")) == (tag_of(side.remote), tag_of(side.local))
        side.agent.reply(bye, 200)
    assert bye.source[0] == SECOND_PUBLIC
    again = lab.call_out(phone, provider)
    again.check_media(5)
    again.hang_up()


def test_a_call_outlives_a_moment_without_its_address(lab):
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media(5)
    lab.site.hang_up()
    lab.daemon.wait_log("ppp0 has no IP address yet")
    lab.site.dial_in(PUBLIC)
    lab.daemon.wait_log(r"interfaces have changed: .*\(203\.0\.113\.1\)$")
    call.check_media(5)
    call.hang_up()
    lab.daemon.assert_ports_released()


def test_several_inbound_interfaces(idle_lab):
    lab = idle_lab
    lab.site.router.ip("link", "add", "guests", "type", "bridge")
    lab.site.router.ip("address", "add", "10.0.7.1/24", "dev", "guests")
    lab.site.router.ip("link", "set", "guests", "up")
    lab.daemon.settings.update(if_inbound="guests, eth0", hosts_allow_reg=None)
    lab.daemon.start()
    lab.daemon.wait_log(r"inbound guests \(10\.0\.7\.1\), eth0 \(10\.0\.0\.1\), "
                        r"outbound ppp0 \(203\.0\.113\.1\)")
    phone, provider = lab.phone(), lab.provider()
    contact = lab.registered(phone, provider)
    for call in (lab.call_out(phone, provider), lab.call_in(phone, provider, contact)):
        call.check_media(5)
        call.hang_up()
    listening = lab.site.router.run("ss", "-Hutln")
    for address in ("10.0.7.1", "10.0.0.1", PUBLIC):
        assert listening.count(f"{address}:5060") == 2, listening    # UDP and TCP


def test_an_interface_that_comes_is_added_to_those_that_are_there(idle_lab):
    lab = idle_lab
    lab.daemon.settings.update(if_inbound="eth0 guests")
    lab.daemon.start()
    lab.daemon.wait_log("waiting for if_inbound = guests: guests does not exist yet")
    phone, provider, contact = lab.pair()
    call = lab.call_in(phone, provider, contact)
    lab.site.router.ip("link", "add", "guests", "type", "bridge")
    lab.site.router.ip("address", "add", "10.0.7.1/24", "dev", "guests")
    lab.site.router.ip("link", "set", "guests", "up")
    lab.daemon.wait_log(r"interfaces have changed: .*guests \(10\.0\.7\.1\)")
    assert "10.0.7.1:5060" in lab.site.router.run("ss", "-Huln")
    call.check_media(5)
    lab.site.router.ip("link", "delete", "guests")
    lab.daemon.wait_log("guests does not exist yet(.|\n)*guests does not exist yet")
    assert "10.0.7.1:5060" not in lab.site.router.run("ss", "-Huln")
    call.check_media(5)
    call.hang_up()


@pytest.mark.siproxd(if_inbound="auto", if_outbound="auto")
def test_auto_finds_both_sides(lab):
    lab.daemon.wait_log(r"inbound eth0 \(10\.0\.0\.1\), outbound ppp0 \(203\.0\.113\.1\)")
    phone, provider = lab.phone(), lab.provider()
    assert contact_host(lab, phone, provider) == PUBLIC
    lab.call_out(phone, provider).hang_up()


@pytest.mark.siproxd(if_outbound="ppp7")
def test_interfaces_can_be_reloaded(lab):
    lab.daemon.wait_log("waiting for if_outbound = ppp7: ppp7 does not exist yet")
    lab.daemon.settings["if_outbound"] = "ppp0"
    lab.daemon.reload()
    phone, provider = lab.phone(), lab.provider()
    assert contact_host(lab, phone, provider) == PUBLIC
    lab.daemon.settings["if_outbound"] = "0.0.0.0"
    lab.daemon.write_config()
    os.kill(lab.daemon.pid, signal.SIGHUP)
    lab.daemon.wait_log(r"interfaces stay as they are: .*siproxd.conf:\d+: if_outbound")
    assert contact_host(lab, phone, provider) == PUBLIC


@pytest.mark.siproxd(host_outbound="foo.bar.org")
def test_a_name_of_ours_stays_in_the_contact_when_the_address_changes(lab):
    lab.daemon.wait_log(f"foo.bar.org is {PUBLIC}")
    phone, provider = lab.phone(), lab.provider()
    assert contact_host(lab, phone, provider) == "foo.bar.org"
    lab.site.hang_up()
    lab.site.dial_in(SECOND_PUBLIC)
    lab.daemon.wait_log(r"interfaces have changed: .*\(203\.0\.113\.2\)")
    assert contact_host(lab, phone, provider) == "foo.bar.org"
    phone.invite("sip:bob@sip.example.test", sip.sdp(PHONE, 4000))
    assert provider.expect("INVITE").source[0] == SECOND_PUBLIC


@pytest.mark.siproxd(rtp_engine="kernel", debug_level=MOVES)
def test_the_relay_in_the_kernel_follows_an_interface_that_comes_back(lab):
    in_kernel(lab).hang_up()
    lab.site.unplug()
    lab.daemon.wait_log("waiting for if_outbound = ppp0: ppp0 does not exist yet")
    lab.site.plug_in()
    lab.daemon.wait_log(r"interfaces have changed: .*ppp0 \(203\.0\.113\.1\)")
    wait_for(lambda: [len(found) for found in filters(lab)] == [1, 1], "a filter on both")
    phone, provider = lab.phone("carol"), lab.provider(user="dave")
    lab.registered(phone, provider)
    call = lab.call_out(phone, provider)
    call.check_media(15)
    wait_for(lambda: lab.daemon.log().count("is forwarded in the kernel") >= 4, "the second call")
    with Standing(lab):
        call.check_media(5)
    call.hang_up()
    lab.daemon.stop()
    assert not disciplines(lab)
