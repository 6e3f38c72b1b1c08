# SPDX-License-Identifier: GPL-2.0-or-later
"""Garbage, torture and contradiction from both sides: the daemon lives, nothing stays allocated,
what can be answered is answered."""

import pathlib
import random

import pytest

import sip
from deadline import wait_for
from topology import GATEWAY, PHONE, PROVIDER, PUBLIC

pytestmark = pytest.mark.needs_daemon
CORPORA = pathlib.Path(__file__).resolve().parents[1] / "corpora"


def corpus(name):
    """The messages of one RFC, by file name."""
    files = [path for path in sorted((CORPORA / name).iterdir())
             if path.name not in ("PROVENANCE.txt", "SHA256SUMS")]
    assert len(files) > 10
    return {path.name: foreign(path.read_bytes()) for path in files}


def foreign(message):
    """The same with other addresses: what a stranger says of 10.0.0.x and gets back is no leak,
    and neither is what hides in a header that nobody can know."""
    return message.replace(b"10.0.0.", b"10.9.9.")


def sides(lab):
    """(socket, address of siproxd) inside and outside, on a port of their own."""
    inside = lab.site.phones.socket(PHONE, 5099)
    outside = lab.site.internet.socket(PROVIDER, 5099)
    lab.at_end(inside.close)
    lab.at_end(outside.close)
    return (inside, (GATEWAY, 5060)), (outside, (PUBLIC, 5060))


# Whatever these messages started must be over after timer B or F at the latest (32 s).
GIVE_UP = 45


# Every broken INVITE that still is an INVITE rings for 32 s: a good one needs ports, too.
many_ports = pytest.mark.siproxd(rtp_port_low=7070, rtp_port_high=27069)


@pytest.mark.slow
@many_ports
def test_torture_messages_from_both_sides(lab):
    lab.site.firewall(7070, 27069)
    both = sides(lab)
    for name in ("rfc4475", "rfc5118"):
        for message in corpus(name).values():
            for sock, target in both:
                sock.sendto(message, target)
            lab.daemon.wait_read()
    lab.still_serves()
    lab.daemon.assert_ports_released(timeout=GIVE_UP)
    assert lab.daemon.running()


def mutations(message, rng):
    """Truncated, doubled, with bytes changed, with lines swapped, taken out or repeated."""
    yield message[:rng.randrange(len(message))]
    yield message + message[:rng.randrange(len(message))]
    for _ in range(3):
        broken = bytearray(message)
        for _ in range(rng.randrange(1, 8)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        yield bytes(broken)
    lines = message.split(b"\r\n")
    rng.shuffle(lines)
    yield b"\r\n".join(lines)
    lines = message.split(b"\r\n")
    del lines[rng.randrange(len(lines))]
    yield b"\r\n".join(lines)
    yield b"\r\n".join([lines[0]] + lines[1:2] * 300 + lines[1:])


@pytest.mark.slow
@many_ports
def test_broken_messages_of_all_kinds(lab):
    lab.site.firewall(7070, 27069)
    rng = random.Random(4475)
    phone, provider, contact = lab.pair()
    body = sip.sdp(PHONE, 4000)
    originals = [phone.build("INVITE", "sip:bob@sip.example.test", body=body).encode(),
                 phone.build("REGISTER", "sip:sip.example.test").encode(),
                 provider.build("INVITE", contact, body=sip.sdp(PROVIDER, 4000)).encode(),
                 provider.build("OPTIONS", contact).encode(),
                 b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKx\r\n"
                 b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\n"
                 b"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"]
    both = sides(lab)
    for _ in range(20):
        for original in originals:
            for broken in mutations(foreign(original), rng):
                for sock, target in both:
                    sock.sendto(broken[:60000], target)
            lab.daemon.wait_read()
    phone.pump()
    provider.pump()
    phone.close()
    provider.close()
    assert lab.daemon.running()
    lab.still_serves()
    lab.daemon.assert_ports_released(timeout=GIVE_UP)


@pytest.mark.parametrize("noise", [b"", b"\r\n", b"\r\n\r\n", b"\0" * 1000, b"\0\0\0\0",
                                   b"INVITE", b"INVITE sip:a SIP/2.0", b"SIP/2.0 200 OK\r\n\r\n",
                                   b"\x80\x08" + b"\0" * 170, b"A" * 65000,
                                   b"INVITE sip:a@b SIP/2.0\r\n" + b"Via: x\r\n" * 8000,
                                   b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_noise_is_survived(lab, noise):
    for sock, target in sides(lab):
        sock.sendto(noise, target)
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
    lab.daemon.assert_ports_released()


def test_the_largest_message_that_fits_passes(lab):
    phone, provider, _ = lab.pair()
    filling = [(f"X-Filling-{number}", "x" * 900) for number in range(30)]
    phone.request("MESSAGE", "sip:bob@sip.example.test", body="y" * 20000,
                  content_type="text/plain", headers=filling)
    message = provider.expect("MESSAGE")
    assert message.body == b"y" * 20000 and message["x-filling-29"] == "x" * 900
    provider.reply(message, 200)
    phone.expect((200, "MESSAGE"))


def changed(message, header, value):
    """`message` with one header replaced, or taken out (None)."""
    message.headers = [(name, value if name == header else old) for name, old in message.headers
                       if name != header or value is not None]
    return message


@pytest.mark.parametrize("status, change", [
    (483, lambda message: changed(message, "Max-Forwards", "0")),
    (400, lambda message: changed(message, "CSeq", "1 OPTIONS")),
    (400, lambda message: changed(message, "CSeq", "99999999999 INVITE")),
    (400, lambda message: changed(message, "CSeq", "x INVITE")),
    (400, lambda message: changed(message, "To", "<sip:bob@")),
])
def test_contradictory_requests_are_answered(lab, status, change):
    phone, provider, _ = lab.pair()
    phone.start(change(phone.build("INVITE", "sip:bob@sip.example.test",
                                   body=sip.sdp(PHONE, 4000))))
    # Read by hand: what comes back to a broken request need not be complete either.
    phone.wire.sock.settimeout(5)
    while True:
        start = phone.wire.sock.recv(65535).split(b"\r\n")[0]
        if not start.startswith(b"SIP/2.0 1"):
            break
    assert start.startswith(b"SIP/2.0 %d " % status), start
    assert provider.count("INVITE") == 0
    lab.daemon.assert_ports_released()


@pytest.mark.parametrize("header", ["Via", "Call-ID", "From", "CSeq", "To"])
def test_requests_that_cannot_be_answered_are_survived(lab, header):
    """RFC 3261 8.2.6.2 builds every response from these."""
    phone, provider, _ = lab.pair()
    message = changed(phone.build("INVITE", "sip:bob@sip.example.test", body=sip.sdp(PHONE, 4000)),
                      header, None)
    phone.send(message, (GATEWAY, 5060))
    phone.request("OPTIONS", "sip:bob@sip.example.test")
    provider.reply(provider.expect("OPTIONS"), 200)
    assert provider.count("INVITE") == 0
    lab.daemon.assert_ports_released()


@pytest.mark.parametrize("status, uri, headers", [
    (416, "http://sip.example.test/", []),
    (420, "sip:bob@sip.example.test", [("Proxy-Require", "time-travel")]),
    (400, "sip:", []),
])
def test_what_cannot_be_served_is_said(lab, status, uri, headers):
    phone, provider, _ = lab.pair()
    phone.request("INVITE", uri, to="<sip:bob@sip.example.test>", headers=headers,
                  body=sip.sdp(PHONE, 4000))
    refusal = phone.expect(lambda message: message.status and message.status >= 400)
    assert refusal.status == status
    if status == 420:
        assert refusal["unsupported"] == "time-travel"
    assert provider.count("INVITE") == 0
    lab.daemon.assert_ports_released()


def test_a_loop_is_noticed(lab):
    """The provider's routing is broken: it sends the phone's call straight back to us."""
    phone, provider, _ = lab.pair()
    phone.invite("sip:bob@sip.example.test", sip.sdp(PHONE, 4000))

    def next_invite():
        provider.pump(0.05)
        return next((message for message in provider.inbox if message.is_request), None)

    for _ in range(75):
        invite = next_invite()
        if invite is None:
            break
        provider.inbox.remove(invite)
        back = sip.Message(invite.start, [("Via", provider.new_via())] + [
            (name, str(int(value) - 1) if name.lower() == "max-forwards" else value)
            for name, value in invite.headers if name.lower() != "content-length"], invite.body)
        provider.start(back, (PUBLIC, 5060))
    provider.expect(lambda message: message.status in (404, 408, 480, 482, 483))
    assert lab.daemon.running()


@pytest.mark.parametrize("body", [
    "", "v=0\r\n", "v=0\r\nm=audio\r\n", "garbage", "v=0\r\no=- 1 1 IN IP4 10.0.0.10\r\n",
    "v=0\r\no=- 1 1 IN IP4 10.0.0.10\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
    "v=0\r\no=- 1 1 IN IP4 10.0.0.10\r\ns=-\r\nc=IN IP4 10.0.0.10\r\nt=0 0\r\n"
    "m=audio 70000 RTP/AVP 8\r\n",
    "v=0\r\no=- 1 1 IN IP4 10.0.0.10\r\ns=-\r\nc=IN IP4 10.0.0.10\r\nt=0 0\r\n"
    + "m=audio 4000 RTP/AVP 8\r\n" * 200,
    "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 fe80::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
])
def test_bad_descriptions_are_survived_and_do_not_leak(lab, body):
    phone, provider, _ = lab.pair()
    phone.request("INVITE", "sip:bob@sip.example.test", body=body or "\r\n")

    def decided(message):
        return message.status and message.status >= 400
    wait_for(lambda: provider.count("INVITE") or phone.count(decided),
             "the INVITE to pass or to be refused")
    if provider.count("INVITE"):
        provider.reply(provider.expect("INVITE"), 488)
    phone.expect(decided)
    lab.daemon.assert_ports_released()
    phone.register()
    provider.reply(provider.expect("REGISTER"), 200)
