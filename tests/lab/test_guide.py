# SPDX-License-Identifier: GPL-2.0-or-later
"""The sample configurations of the user guide, chapter 7: each as it is printed, with its firewall
rules, port ranges and paths aside. All of them run in the background and give up root."""

import pwd

import pytest

import calls
import sip
import topology
from capture import rtp_flows
from topology import (GATEWAY, GUIDE_REDIRECT, GUIDE_REDIRECT_PBX, PBX, PHONE, PROVIDER,
                      PROXY_HOST, PUBLIC, REMOTE, SECOND_PHONE)

pytestmark = pytest.mark.needs_daemon
DOMAIN = "proxy01.sipphone.com"

STANDARD = """
if_inbound = eth0
if_outbound = ppp0
hosts_allow_reg = 10.0.0.0/24
sip_listen_port = 5060
daemonize = 1
silence_log = 1
user = siproxd
registration_file = /var/lib/siproxd_registrations
pid_file = /var/run/siproxd/siproxd.pid
rtp_proxy_enable = 1
rtp_port_low = 7070
rtp_port_high = 7089
rtp_timeout = 300
default_expires = 600
debug_level = 0
debug_port = 0
"""
BEHIND_ROUTER = STANDARD.replace("if_outbound = ppp0",
                                 "if_outbound = eth0\nhost_outbound = foo.bar.org")
TRANSPARENT = STANDARD.replace("7070", "7010").replace("7089", "7019")


def settings(text):
    """The directives of a printed configuration, its user and paths replaced by the test's own."""
    found = dict(line.split(" = ") for line in text.split("\n") if line)
    for path in ("registration_file", "pid_file"):
        del found[path]
    try:
        pwd.getpwnam("siproxd")
    except KeyError:
        found["user"] = "nobody"
    return found


@pytest.fixture(scope="module")
def firewall():
    with topology.Masquerading() as networks:
        yield networks


@pytest.fixture(scope="module")
def nat_router():
    with topology.BehindRouter() as networks:
        yield networks


@pytest.fixture
def site(request):
    return request.getfixturevalue(request.param)


def on(networks, config):
    """Marks a test as one of `config` on these networks."""
    def mark(function):
        return pytest.mark.parametrize("site", [networks], indirect=True)(
            pytest.mark.siproxd(**settings(config))(function))
    return mark


def audio_both_ways(lab, phone, provider, contact):
    """A call out and a call in, each hung up by the other side than it was started from."""
    for call, by in ((lab.call_out(phone, provider), "callee"),
                     (lab.call_in(phone, provider, contact), "callee")):
        assert call.caller_target[0] == (lab.site.proxy_inside if call.caller.agent is phone
                                         else PUBLIC)
        call.check_media()
        call.hang_up(by)
    lab.daemon.assert_ports_released()


@pytest.mark.parametrize("registrar", ["foo.bar.org", "10.0.0.1", "10.0.0.1:5060"])
@on("firewall", STANDARD + "anonymous_calls = 1\n")
def test_7_1_phones_registered_at_the_firewall_itself(lab, registrar):
    """johndoe@foo.bar.org: the firewall's own name is the domain, siproxd the registrar. That anybody
    may call it, as with the C program, has to be wanted."""
    lab.site.firewall()
    john = lab.phone("johndoe", domain="foo.bar.org")
    jane = lab.phone("janedoe", SECOND_PHONE, domain="foo.bar.org")
    for phone in (john, jane):
        phone.register(registrar=registrar)
        answer = phone.expect((200, "REGISTER"))
        assert answer.contact == phone.contact
    stranger = lab.provider(REMOTE, user="friend", domain="remote.example.test")
    call = calls.establish(stranger, john, "sip:johndoe@foo.bar.org")
    call.check_media()
    call.hang_up("callee")
    call = calls.establish(john, stranger, "sip:friend@remote.example.test")
    call.check_media()
    call.hang_up("callee")
    call = calls.establish(jane, john, "sip:johndoe@foo.bar.org")
    call.hang_up()
    lab.daemon.assert_ports_released()


@on("firewall", STANDARD)
def test_7_2_on_the_nat_router(lab):
    lab.site.firewall()
    phone = lab.phone("1747669xxxx", domain=DOMAIN)
    provider = lab.provider(domain=DOMAIN)
    audio_both_ways(lab, phone, provider, lab.registered(phone, provider))


@on("nat_router", BEHIND_ROUTER)
def test_7_3_in_front_of_a_nat_router(lab):
    assert lab.outbound == (PROXY_HOST, 5060)
    phone = lab.phone("1747669xxxx", domain=DOMAIN)
    provider = lab.provider(domain=DOMAIN)
    contact = lab.registered(phone, provider)
    assert sip.host_of(contact) in ("foo.bar.org", PUBLIC)
    audio_both_ways(lab, phone, provider, contact)


@on("nat_router", BEHIND_ROUTER)
def test_7_3_several_calls_in_single_interface_mode(lab):
    """One interface has to carry both legs: twenty ports are five calls."""
    phone = lab.phone("1747669xxxx", domain=DOMAIN)
    provider = lab.provider(domain=DOMAIN)
    lab.registered(phone, provider)
    established = [lab.call_out(phone, provider) for _ in range(5)]
    for call in established:
        call.check_media(5)
    phone.invite(f"sip:bob@{DOMAIN}", sip.sdp(PHONE, 4000))
    phone.expect((503, "INVITE"))
    for call in established:
        call.hang_up()
    lab.daemon.assert_ports_released()


@on("firewall", TRANSPARENT)
def test_7_4_transparent(lab):
    lab.site.firewall(7010, 7019, extra=[GUIDE_REDIRECT])
    phone = lab.phone("1747669xxxx", domain=DOMAIN, outbound=None)
    provider = lab.provider(domain=DOMAIN)
    contact = lab.registered(phone, provider)
    assert sip.host_port(contact) == (PUBLIC, 5060)
    # Seen from the phone it is the provider itself that answers.
    assert phone.log[-1].source == (PROVIDER, 5060)
    audio_both_ways(lab, phone, provider, contact)


@on("firewall", TRANSPARENT)
def test_7_4_transparent_cancel_and_busy(lab):
    lab.site.firewall(7010, 7019, extra=[GUIDE_REDIRECT])
    phone = lab.phone("1747669xxxx", domain=DOMAIN, outbound=None)
    provider = lab.provider(domain=DOMAIN)
    lab.registered(phone, provider)
    call = phone.invite(f"sip:bob@{DOMAIN}", sip.sdp(PHONE, 4000))
    invite = provider.expect("INVITE")
    provider.reply(invite, 180)
    phone.expect((180, "INVITE"))
    call.cancel()
    provider.reply(provider.expect("CANCEL"), 200)
    provider.reply(invite, 487)
    phone.expect((487, "INVITE"))
    phone.invite(f"sip:bob@{DOMAIN}", sip.sdp(PHONE, 4000))
    provider.reply(provider.expect("INVITE"), 486)
    phone.expect((486, "INVITE"))
    lab.daemon.assert_ports_released()


@on("firewall", STANDARD)
def test_7_5_asterisk(lab):
    """Messages in the shape of Asterisk's (no rport, fromuser and fromdomain set) by SIPp; only
    the PBX is redirected, another phone is not."""
    lab.site.firewall(extra=[GUIDE_REDIRECT_PBX])
    lab.kamailio()
    trunk = {"user": "17476691234", "domain": DOMAIN, "target": f"{PROVIDER}:5060"}
    echo = ["-rtp_echo", "-mp", "6000"]
    lab.sipp("inside", "asterisk_register", PBX, **trunk).finish()
    lab.sipp("outside", "register", REMOTE, user="bob", domain=DOMAIN, expires=600,
             target=f"{PROVIDER}:5060").finish()
    answer = lab.sipp("outside", "answer", REMOTE, user="bob", options=echo)
    lab.sipp("inside", "asterisk_call", PBX, peer="bob", **trunk).finish()
    answer.finish()
    lab.daemon.assert_ports_released()
    answer = lab.sipp("inside", "asterisk_answer", PBX, **{**trunk, "target": None}, options=echo)
    lab.sipp("outside", "call", REMOTE, user="bob", domain=DOMAIN, peer="17476691234",
             target=f"{PROVIDER}:5060").finish()
    answer.finish()
    lab.daemon.assert_ports_released()
    for packets, here, there in ((lab.inside.stop().packets(), PBX, GATEWAY),
                                 (lab.outside.stop().packets(), REMOTE, PUBLIC)):
        flows = rtp_flows(packets)
        for source, target in ((here, there), (there, here)):
            count = sum(number for (one, _, other, _), number in flows.items()
                        if (one, other) == (source, target))
            assert count >= 90, f"{source} to {target}: {flows}"


@on("firewall", STANDARD)
def test_7_5_other_phones_are_not_redirected(lab):
    lab.site.firewall(extra=[GUIDE_REDIRECT_PBX])
    provider = lab.provider(domain=DOMAIN)
    # First, for the NAT gives port 5060 of the public address to whoever comes first.
    pbx = lab.phone("17476691234", PBX, domain=DOMAIN, outbound=None)
    assert sip.host_of(lab.registered(pbx, provider)) == PUBLIC
    other = lab.phone("carol", SECOND_PHONE, domain=DOMAIN, outbound=None)
    message = other.build("OPTIONS", f"sip:{DOMAIN}", contact=False)
    message.headers[0] = ("Via", message["via"].replace(SECOND_PHONE, "phone.example.test"))
    other.start(message)
    request = provider.expect("OPTIONS")
    assert sip.sent_by(request["via"])[0] == "phone.example.test", "untouched by siproxd"
