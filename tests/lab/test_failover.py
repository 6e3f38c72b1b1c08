# SPDX-License-Identifier: GPL-2.0-or-later
"""RFC 3263: a provider has several servers and some are dead; a name server is silent; TLS is
chosen where it is offered and refused where the certificate is not the provider's."""

import time

import pytest

import sip
import topology
from calls import Call, media_of
from certificates import Authority
from deadline import scaled
from topology import PHONE, PROVIDER, PROVIDER_2, UNANSWERED

pytestmark = pytest.mark.needs_daemon

NO_DELAY, SHORT_DELAY = 0.3, 2.0


@pytest.fixture(scope="module")
def site():
    with topology.DualStack() as networks:
        yield networks


@pytest.fixture
def lab(secure_lab):
    return secure_lab


def call(phone, callee, uri, meanwhile=lambda: None):
    """A whole call with audio. Returns the seconds from the phone's INVITE to the callee's."""
    (caller_rtp, caller_port), (callee_rtp, callee_port) = media_of(phone), media_of(callee)
    began = time.monotonic()
    dialog = phone.invite(uri, sip.sdp(phone.address, caller_port))
    meanwhile()
    invite = callee.expect("INVITE")
    delay = time.monotonic() - began
    other = callee.accept(invite, sip.sdp(callee.address, callee_port))
    answer = phone.expect(lambda message: message.method == "INVITE" and message.status
                          and message.status >= 200)
    assert answer.status == 200, answer.start
    dialog.ack(answer)
    callee.expect("ACK")
    established = Call(dialog, other, caller_rtp, callee_rtp, invite.sdp, answer.sdp)
    established.check_media(5)
    established.hang_up("caller")
    return delay


@pytest.mark.parametrize("domain, transport", [
    ("dead.test", "udp"), ("closed.test", "udp"), ("deadtcp.test", "tcp"),
    ("closedtcp.test", "tcp"), ("twofold.test", "udp")])
def test_a_dead_server_delays_the_first_call_a_little_and_the_next_not_at_all(lab, domain,
                                                                              transport):
    phone, bob = lab.phone(), lab.provider(transport=transport)
    assert call(phone, bob, f"sip:bob@{domain}") < scaled(SHORT_DELAY)
    assert call(phone, bob, f"sip:bob@{domain}") < scaled(NO_DELAY)


def test_a_server_that_is_overloaded_is_passed_over(lab):
    phone, bob, overloaded = lab.phone(), lab.provider(), lab.provider(PROVIDER_2)

    def refuse():
        overloaded.reply(overloaded.expect("INVITE"), 503)
        overloaded.expect("ACK")
    assert call(phone, bob, "sip:bob@busy.test", refuse) < scaled(NO_DELAY)
    assert call(phone, bob, "sip:bob@busy.test") < scaled(NO_DELAY)
    assert overloaded.count("INVITE") == 1, "remembered"
    assert phone.count((503, "INVITE")) == 0


def test_a_phone_registers_with_the_server_that_lives(lab):
    """And is reached by it, although calls come from another server than the first."""
    phone, provider = lab.phone(domain="dead.test"), lab.provider(domain="dead.test")
    began = time.monotonic()
    contact = lab.registered(phone, provider)
    assert time.monotonic() - began < scaled(SHORT_DELAY)
    lab.call_in(phone, provider, contact).hang_up()
    began = time.monotonic()
    lab.registered(phone, provider)
    assert time.monotonic() - began < scaled(NO_DELAY)


def test_all_servers_dead_is_said_and_not_waited_for(lab):
    """Nobody listens on either port: the phone is told at once and not after 32 s."""
    phone = lab.phone()
    phone.invite("sip:bob@allclosed.test", sip.sdp(PHONE, 4000))
    answer = phone.expect(lambda message: message.status and message.status >= 300, SHORT_DELAY)
    assert answer.status in (408, 500, 503), answer.start
    lab.daemon.assert_ports_released()


def test_what_follows_in_a_dialog_goes_to_the_server_that_has_answered(lab):
    phone, bob = lab.phone(), lab.provider()
    (_, caller_port), (_, callee_port) = media_of(phone), media_of(bob)
    dialog = phone.invite("sip:bob@dead.test", sip.sdp(PHONE, caller_port))
    other = bob.accept(bob.expect("INVITE"), sip.sdp(PROVIDER, callee_port))
    dialog.ack(phone.expect((200, "INVITE")))
    bob.expect("ACK")
    other.request("OPTIONS")
    phone.reply(phone.expect("OPTIONS"), 200)
    bob.expect((200, "OPTIONS"))
    dialog.hang_up(bob)
    lab.daemon.assert_ports_released()


def test_a_silent_name_server_delays_nobody_else(lab):
    phone, bob = lab.phone(), lab.provider()
    waiting = [phone.invite(f"sip:bob@host{number}.{UNANSWERED}", sip.sdp(PHONE, 4000 + 2 * number))
               for number in range(5)]
    for _ in range(3):
        assert call(phone, bob, "sip:bob@sip.example.test") < scaled(NO_DELAY)
        assert call(phone, bob, "sip:bob@udp4.example.test") < scaled(NO_DELAY)
    for dialog in waiting:
        dialog.cancel()
        phone.expect((200, "CANCEL"))
        phone.expect((487, "INVITE"))
    lab.daemon.assert_ports_released()


def test_a_large_request_leaves_by_tcp(lab):
    """More than 1300 bytes (RFC 3261 18.1.1)."""
    phone, datagrams, stream = lab.phone(), lab.provider(), lab.provider(transport="tcp")
    phone.request("MESSAGE", "sip:bob@sip.example.test", body="x" * 2000,
                  content_type="text/plain")
    stream.reply(stream.expect("MESSAGE"), 200)
    phone.expect((200, "MESSAGE"))
    assert datagrams.count("MESSAGE") == 0


@pytest.mark.parametrize("tcp", ["refused", "silent"])
def test_a_large_request_leaves_by_udp_where_there_is_no_tcp(lab, tcp):
    phone, datagrams = lab.phone(), lab.provider()
    if tcp == "silent":
        lab.site.internet.iptables(f"-I INPUT -p tcp -d {PROVIDER} --dport 5060 -j DROP")
        lab.at_end(lambda: lab.site.internet.iptables(
            f"-D INPUT -p tcp -d {PROVIDER} --dport 5060 -j DROP"))
    phone.request("MESSAGE", "sip:bob@sip.example.test", body="x" * 2000,
                  content_type="text/plain")
    datagrams.reply(datagrams.expect("MESSAGE", SHORT_DELAY), 200)
    phone.expect((200, "MESSAGE"))


def test_tls_is_taken_where_it_is_preferred(lab, identity):
    phone, plain = lab.phone(), lab.provider()
    secure = lab.provider(transport="tls", identity=identity)
    call(phone, secure, "sip:bob@secure.test")
    assert plain.count("INVITE") == 0


@pytest.mark.parametrize("sips", ["sips:bob@onlysecure.test", "sip:bob@onlysecure.test"])
def test_a_certificate_of_the_domain_is_accepted(lab, authority, sips):
    own = authority.issue("domain", ["onlysecure.test"])
    call(lab.phone(), lab.provider(transport="tls", identity=own), sips)


def test_a_provider_whose_certificate_has_no_address_calls_in(lab, authority):
    """Its Contact names an address. What the phone sends there goes by a connection that has been
    verified for the domain the phone is registered with."""
    phone = lab.phone(domain="onlysecure.test")
    bob = lab.provider(domain="onlysecure.test", transport="tls",
                       identity=authority.issue("caller", ["onlysecure.test"]))
    contact = lab.registered(phone, bob)
    incoming = lab.call_in(phone, bob, contact)
    incoming.check_media(5)
    incoming.hang_up("callee")


@pytest.mark.parametrize("trusted, names", [
    pytest.param(True, ["elsewhere.test"], id="another name"),
    # The name in the SRV record is as trustworthy as the name server (RFC 5922 4).
    pytest.param(True, ["host4.example.test"], id="the name of the server"),
    pytest.param(True, ["*.test"], id="a wildcard"),
    pytest.param(False, ["onlysecure.test"], id="a stranger's")])
def test_a_certificate_is_refused(lab, authority, directory, trusted, names):
    signer = authority if trusted else Authority(directory, "stranger")
    phone = lab.phone()
    bob = lab.provider(transport="tls", identity=signer.issue("refused", names))
    phone.invite("sip:bob@onlysecure.test", sip.sdp(PHONE, 4000))
    answer = phone.expect(lambda message: message.status and message.status >= 300)
    assert answer.status in (403, 480, 500, 502, 503), answer.start
    assert not bob.log, "not a byte of SIP was said"
    lab.daemon.wait_log("onlysecure.test.*certificate verify failed")
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(tls_verify_server=0)
def test_a_certificate_is_accepted_where_nobody_looks(lab, authority):
    other = authority.issue("unchecked", ["elsewhere.test"])
    call(lab.phone(), lab.provider(transport="tls", identity=other), "sip:bob@onlysecure.test")
