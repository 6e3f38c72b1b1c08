# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may talk: strangers outside, trunks, lists in files, limits."""

import socket

import pytest

import sip
from deadline import LabTimeout, scaled, wait_for
from topology import PROVIDER, PROVIDER_2, PUBLIC, PUBLIC6, REMOTE, let_streams_in

pytestmark = pytest.mark.needs_daemon


def learns_nothing(agent):
    try:
        answer = agent.expect(lambda message: True, timeout=1.0)
    except LabTimeout:
        return True
    raise AssertionError(f"was told {answer.start}")


def test_a_stranger_learns_nothing_and_the_provider_calls(lab):
    phone, provider, contact = lab.pair()
    stranger = lab.provider(REMOTE, user="eve")
    for method, uri in (("OPTIONS", f"sip:{PUBLIC}"), ("OPTIONS", f"sip:100@{PUBLIC}"),
                        ("INVITE", f"sip:alice@{PUBLIC}"), ("REGISTER", f"sip:{PUBLIC}"),
                        ("CANCEL", f"sip:alice@{PUBLIC}"), ("BYE", f"sip:alice@{PUBLIC}")):
        stranger.request(method, uri)
    assert learns_nothing(stranger)
    assert phone.count("INVITE") == 0
    lab.call_in(phone, provider, contact).hang_up()


def test_a_stranger_who_was_shown_the_contact_may_call(lab):
    phone, _, contact = lab.pair()
    stranger = lab.provider(REMOTE, user="friend")
    call = lab.call_in(phone, stranger, contact)
    call.check_media()
    call.hang_up()


@pytest.mark.siproxd(anonymous_calls=1)
def test_with_anonymous_calls_phones_are_called_by_name(lab):
    phone, *_ = lab.pair()
    stranger = lab.provider(REMOTE, user="friend")
    lab.call_in(phone, stranger, f"sip:alice@{PUBLIC}").hang_up()
    # Who has not shown yet that he is where he says is told once, however long the ACK takes.
    stranger = lab.provider(PROVIDER_2, user="new")
    stranger.acknowledges = False
    stranger.invite(f"sip:nobody@{PUBLIC}")
    stranger.expect((408, "INVITE"))
    phone.pump(1.5)
    assert stranger.count((408, "INVITE")) == 1


@pytest.mark.siproxd(trunk_networks=f"{PROVIDER_2}/32")
def test_a_trunk_reaches_phones_that_are_registered_elsewhere(lab):
    phone, *_ = lab.pair()
    trunk = lab.provider(PROVIDER_2, user="trunk")
    lab.call_in(phone, trunk, f"sip:alice@{PUBLIC}").hang_up()


def test_a_list_in_a_file(idle_lab):
    path = f"{idle_lab.directory}/friends"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"; friends\n{PROVIDER_2} - {PROVIDER_2}\n10.0.0.0/24 ; phones\n")
    idle_lab.daemon.settings["hosts_allow_sip"] = f"file:{path}"
    idle_lab.daemon.settings["hosts_allow_reg"] = None
    idle_lab.daemon.start()
    phone, friend = idle_lab.phone(), idle_lab.provider(PROVIDER_2)
    phone.request("OPTIONS", f"sip:{idle_lab.site.proxy_inside}")
    phone.expect((200, "OPTIONS"))
    friend.request("OPTIONS", f"sip:{PUBLIC}")
    friend.expect((200, "OPTIONS"))
    stranger = idle_lab.provider(REMOTE, user="eve")
    stranger.request("OPTIONS", f"sip:{PUBLIC}")
    assert learns_nothing(stranger)


@pytest.mark.siproxd(hosts_allow_sip="remote.example.test/32,10.0.0.0/24",
                     hosts_allow_reg="10.0.0.0/24")
def test_a_reload_shuts_nobody_out_whose_name_is_known(lab):
    friend = lab.provider(REMOTE, user="friend")

    def is_served():
        friend.request("OPTIONS", f"sip:{PUBLIC}")
        try:
            friend.expect((200, "OPTIONS"), timeout=1.0)
        except LabTimeout:
            return False
        return True

    wait_for(is_served, "the name to be resolved")
    lab.site.internet.iptables("-I INPUT -p udp --dport 53 -j DROP")
    try:
        lab.daemon.settings["dns_tries"] = 2  # new settings make the resolver forget all answers
        lab.daemon.reload()
        assert is_served()
    finally:
        lab.site.internet.iptables("-D INPUT -p udp --dport 53 -j DROP")


@pytest.mark.siproxd(max_calls=1)
def test_one_call_more_than_allowed_is_told_to_wait(lab):
    phone, provider, contact = lab.pair()
    call = lab.call_in(phone, provider, contact)
    provider.invite(contact, to=f"<{phone.aor}>", body=sip.sdp(provider.address, 5000))
    assert provider.expect((503, "INVITE"))["retry-after"]
    call.hang_up()
    lab.call_in(phone, provider, contact).hang_up()


HELLO = bytes.fromhex("160301002f0100002b0303" + "00" * 32 + "000004c02bc02f0100")


def connection(lab, port, says=b"", remote=REMOTE):
    """All that a connection from `remote` is told until it is closed; None: it is not closed."""
    let_streams_in(lab.site, lab.at_end)
    with lab.site.internet.socket(remote, 0, socket.SOCK_STREAM) as sock:
        sock.settimeout(scaled(5))
        sock.connect((PUBLIC6 if ":" in remote else PUBLIC, port))
        told = b""
        try:
            sock.sendall(says)
            while part := sock.recv(4096):
                told += part
        except ConnectionError:
            pass
        except TimeoutError:
            return None
        return told


@pytest.mark.siproxd(hosts_deny_sip=f"{REMOTE}/32")
def test_who_is_denied_gets_no_connection(secure_lab):
    assert connection(secure_lab, 5060) == b""
    assert connection(secure_lab, 5061) == b""
    assert connection(secure_lab, 5061, HELLO) == b""
    phone, provider, contact = secure_lab.pair()
    secure_lab.call_in(phone, provider, contact).hang_up()


@pytest.mark.parametrize("lists", [
    {"hosts_deny_sip": f"{REMOTE}/32"},
    {"hosts_allow_sip": "10.0.0.0/24,203.0.113.50/32", "hosts_allow_reg": "10.0.0.0/24"}],
    ids=["denied", "left out"])
def test_who_is_not_admitted_any_more_loses_the_connection(lab, lists):
    phone, provider, contact = lab.pair()
    let_streams_in(lab.site, lab.at_end)
    with lab.site.internet.socket(REMOTE, 0, socket.SOCK_STREAM) as sock, \
            lab.site.internet.socket(PROVIDER, 0, socket.SOCK_STREAM) as other:
        for each in (sock, other):
            each.settimeout(scaled(5))
            each.connect((PUBLIC, 5060))
        lab.daemon.settings.update(lists)
        lab.daemon.reload()
        assert sock.recv(1) == b""
        other.settimeout(0.3)
        with pytest.raises(TimeoutError):
            other.recv(1)
    lab.call_in(phone, provider, contact).hang_up()


def scan(transport, remote=REMOTE, number=1):
    """A packet of a scanner."""
    remote = sip.in_uri(remote)
    return (f"OPTIONS sip:100@{PUBLIC} SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} {remote};branch=z9hG4bKscan{number}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:100@{remote}>;tag=s\r\nTo: <sip:100@{PUBLIC}>\r\n"
            f"Call-ID: scan{number}\r\nCSeq: 1 OPTIONS\r\nUser-Agent: friendly-scanner\r\n"
            "Content-Length: 0\r\n\r\n").encode()


def test_who_is_banned_gets_no_connection(secure_lab):
    assert connection(secure_lab, 5061, HELLO), "an alert at least, while nothing is known of him"
    assert connection(secure_lab, 5060, scan("TCP")) == b"", "the connection of the scan itself"
    secure_lab.daemon.wait_log(f"{REMOTE} is banned")
    assert connection(secure_lab, 5060, b"\r\n\r\n") == b""
    assert connection(secure_lab, 5061, HELLO) == b""
