# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon's own part in TCP and TLS: listening, deadlines, limits, keepalives, certificates and their
reload. (What phones and providers say to each other over them is in test_transports.py.)"""

import os
import re
import socket
import ssl
import subprocess
import time

import pytest

import certificates
import sip
from daemon import binary
from deadline import Deadline, scaled, wait_for
from topology import GATEWAY, PBX, PHONE, PROVIDER, PUBLIC, REMOTE, let_streams_in

pytestmark = pytest.mark.needs_daemon


def options(serial, transport="TCP", length="0", host=GATEWAY):
    """OPTIONS to the proxy itself, which answers it."""
    return (f"OPTIONS sip:{host} SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} {PHONE};branch=z9hG4bKc{serial};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:alice@sip.example.test>;tag=c{serial}\r\nTo: <sip:{host}>\r\n"
            f"Call-ID: connection{serial}\r\nCSeq: 1 OPTIONS\r\n"
            f"Content-Length: {length}\r\n\r\n").encode()


class Connection:
    """A phone's connection to siproxd."""

    def __init__(self, lab, address=PHONE, port=5060, context=None, name=None):
        self.sock = lab.site.phones.socket(address, 0, socket.SOCK_STREAM)
        lab.at_end(self.close)
        self.sock.settimeout(scaled(5))
        self.sock.connect((GATEWAY, port))
        if context:
            self.sock = context.wrap_socket(self.sock, server_hostname=name)
            self.sock.settimeout(scaled(5))

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def message(self):
        """The next message; None when the connection has been closed."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.sock.recv(4096)
            if not part:
                return None
            data = (data + part).lstrip(b"\r\n")
        return sip.Message.parse(data)

    def is_alive(self, serial):
        self.send(options(serial))
        answer = self.message()
        return answer is not None and answer.status == 200

    def is_closed(self, timeout):
        """Whether it is closed within so many seconds; what comes before is read and forgotten."""
        deadline = Deadline(timeout)
        while not deadline.passed():
            self.sock.settimeout(max(deadline.remaining(), 0.01))
            try:
                if not self.sock.recv(4096):
                    return True
            except ConnectionResetError:
                return True
            except TimeoutError:
                return False
        return False


# --- TCP


def test_several_requests_go_over_one_connection(lab):
    connection = Connection(lab)
    for serial in range(3):
        assert connection.is_alive(serial)
    connection.send(options(10)[:40])
    connection.send(options(10)[40:] + options(11))
    statuses = []
    data = b""
    while len(statuses) < 2:
        data += connection.sock.recv(4096)
        statuses = re.findall(rb"SIP/2.0 (\d+)", data)
    assert statuses == [b"200", b"200"]


@pytest.mark.parametrize("length", ["-1", "1x", "", "99999999999", "3, 3"])
def test_what_cannot_be_framed_is_answered_and_closed(lab, length):
    connection = Connection(lab)
    connection.send(options(1, length=length))
    answer = connection.message()
    assert answer.status in (400, 513), answer.start
    assert answer["call-id"] == "connection1"
    assert connection.is_closed(5)
    assert Connection(lab).is_alive(2)


def test_a_ping_gets_its_pong(lab):
    connection = Connection(lab)
    assert connection.is_alive(1)
    connection.send(b"\r\n\r\n")
    assert connection.sock.recv(100) == b"\r\n"
    assert connection.is_alive(2)


@pytest.mark.siproxd(tcp_keepalive=1, hosts_allow_reg=None)
def test_a_registered_phone_is_pinged(lab):
    provider, connection = lab.provider(), Connection(lab)
    stranger = Connection(lab)
    connection.send((f"REGISTER sip:sip.example.test SIP/2.0\r\n"
                     f"Via: SIP/2.0/TCP {PHONE};branch=z9hG4bKping\r\nMax-Forwards: 70\r\n"
                     "From: <sip:alice@sip.example.test>;tag=p\r\n"
                     "To: <sip:alice@sip.example.test>\r\nCall-ID: ping\r\nCSeq: 1 REGISTER\r\n"
                     f"Contact: <sip:alice@{PHONE};transport=tcp>\r\nExpires: 60\r\n"
                     "Content-Length: 0\r\n\r\n").encode())
    request = provider.expect("REGISTER")
    provider.reply(request, 200, contact=False, headers=[("Contact", f"<{request.contact}>")])
    assert connection.message().status == 200
    for _ in range(2):
        assert connection.sock.recv(100) == b"\r\n\r\n"
        connection.send(b"\r\n")
    assert not stranger.is_closed(0.1)


@pytest.mark.siproxd(tcp_timeout=1)
def test_an_idle_connection_is_closed(lab):
    connection, other = Connection(lab), Connection(lab)
    assert connection.is_alive(1)
    begun = time.monotonic()
    while time.monotonic() - begun < 1.5:
        assert other.is_alive(int(time.monotonic() * 1000))
        time.sleep(0.2)
    assert connection.is_closed(4)
    assert other.is_alive(2)


@pytest.mark.siproxd(tcp_max_per_address=2)
def test_connections_of_one_address_are_limited(lab):
    first, second = Connection(lab), Connection(lab)
    assert first.is_alive(1) and second.is_alive(2)
    assert Connection(lab).is_closed(5)
    assert Connection(lab, PBX).is_alive(3)
    first.close()
    wait_for(lambda: not Connection(lab).is_closed(0.3), "the place to be free again")


def stranger(lab, port=5060):
    """A connection from outside, of somebody whom nobody knows."""
    let_streams_in(lab.site, lab.at_end)
    sock = lab.site.internet.socket(REMOTE, 0, socket.SOCK_STREAM)
    lab.at_end(sock.close)
    sock.settimeout(scaled(5))
    sock.connect((PUBLIC, port))
    return sock


def is_silent(sock, seconds=0.3):
    """Still there, and nothing has come."""
    sock.settimeout(seconds)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    except ConnectionError:
        pass
    return False


@pytest.mark.siproxd(tcp_max_connections=3)
def test_strangers_make_room_and_the_inside_does_not(lab):
    phone = Connection(lab)
    assert phone.is_alive(1)
    strangers = [stranger(lab), stranger(lab)]
    assert all(is_silent(sock) for sock in strangers)
    other = Connection(lab, PBX)
    assert other.is_alive(2)
    assert not is_silent(strangers[0])
    assert is_silent(strangers[1])
    third = stranger(lab)
    assert is_silent(third)
    assert not is_silent(strangers[1])
    assert phone.is_alive(3) and other.is_alive(4)


def test_strangers_get_no_pong(lab):
    sock = stranger(lab)
    sock.sendall(b"\r\n\r\n")
    assert is_silent(sock, 1.0)


@pytest.mark.siproxd(tcp_timeout=600)
def test_limits_can_be_reloaded(lab):
    assert Connection(lab).is_alive(1)
    lab.daemon.settings.update(tcp_timeout=1, tcp_max_per_address=1)
    lab.daemon.reload()
    connection = Connection(lab, PBX)
    assert connection.is_alive(2)
    assert Connection(lab, PBX).is_closed(0.9)
    assert connection.is_closed(4)


def test_programs_of_this_machine_are_served_on_loopback(lab):
    listening = lab.site.router.run("ss", "-Hutln")
    for address in ("127.0.0.1:5060", "[::1]:5060"):
        assert listening.count(address) == 2, listening
    with lab.site.router.socket("127.0.0.1", 0) as program:
        program.settimeout(scaled(5))
        program.sendto(options(1, "UDP", host="127.0.0.1"), ("127.0.0.1", 5060))
        assert program.recv(4096).startswith(b"SIP/2.0 200 ")


# --- errors by ICMP


def test_a_dead_provider_is_known_at_once(lab):
    """Its machine says that nobody listens; without that the call would try for 32 s."""
    phone = lab.phone()
    begun = time.monotonic()
    phone.invite(f"sip:bob@{REMOTE}:5999", sip.sdp(PHONE, 4000))
    phone.expect((503, "INVITE"))
    phone.request("MESSAGE", f"sip:bob@{REMOTE}:5999", body="hello", content_type="text/plain")
    phone.expect((503, "MESSAGE"))
    assert time.monotonic() - begun < scaled(2)
    lab.daemon.assert_ports_released()


# --- TLS


@pytest.fixture
def authority(directory):
    return certificates.Authority(directory)


@pytest.fixture
def tls_lab(idle_lab, authority):
    """With a certificate for the proxy."""
    idle_lab.identity = authority.issue("proxy", ["proxy.example.test"], [GATEWAY])
    idle_lab.daemon.settings.update(tls_certificate=idle_lab.identity.certificate,
                                    tls_private_key=idle_lab.identity.key)
    return idle_lab


def trusting(identity, **details):
    """What a phone checks the proxy with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(identity.authority)
    for name, value in details.items():
        setattr(context, name, value)
    return context


def serial_of(connection):
    return connection.sock.getpeercert()["serialNumber"]


def secure(lab, name="proxy.example.test", **details):
    return Connection(lab, port=5061, context=trusting(lab.identity, **details), name=name)


def test_tls_is_listened_for_with_a_certificate_only(lab):
    with pytest.raises(ConnectionRefusedError):
        Connection(lab, port=5061)


def test_a_phone_can_check_the_proxy(tls_lab):
    tls_lab.daemon.start()
    for name in ("proxy.example.test", GATEWAY):
        assert secure(tls_lab, name).is_alive(1)
    with pytest.raises(ssl.SSLError):
        secure(tls_lab, "other.example.test")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secure(tls_lab, maximum_version=ssl.TLSVersion.TLSv1_1,
               minimum_version=ssl.TLSVersion.TLSv1)
    assert Connection(tls_lab).is_alive(2), "TCP is served as well"


def test_the_port_and_the_version_can_be_chosen(tls_lab):
    tls_lab.daemon.settings.update(tls_listen_port=5443, tls_min_version="1.3")
    tls_lab.daemon.start()
    context = trusting(tls_lab.identity)
    connection = Connection(tls_lab, port=5443, context=context, name=GATEWAY)
    assert connection.is_alive(1)
    assert connection.sock.version() == "TLSv1.3"
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Connection(tls_lab, port=5443, context=context, name=GATEWAY)


def test_phones_can_be_asked_for_certificates(tls_lab, authority):
    tls_lab.daemon.settings.update(tls_client_certificate=2, tls_ca=authority.certificate)
    tls_lab.daemon.start()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        assert secure(tls_lab).is_alive(1)
    phone = authority.issue("phone")
    context = trusting(tls_lab.identity)
    context.load_cert_chain(phone.certificate, phone.key)
    assert Connection(tls_lab, port=5061, context=context, name=GATEWAY).is_alive(2)


@pytest.mark.parametrize("user", [None, "nobody"])
def test_a_new_certificate_is_read_on_sighup(tls_lab, authority, user):
    daemon = tls_lab.daemon
    if user:
        daemon.settings["user"] = user
    daemon.start()
    old = secure(tls_lab)
    before = serial_of(old)
    authority.issue("proxy", ["proxy.example.test"], [GATEWAY])     # into the same files
    daemon.reload()
    assert serial_of(secure(tls_lab)) != before
    assert old.is_alive(1), "connections that are there go on"

    present = serial_of(secure(tls_lab))
    with open(tls_lab.identity.certificate, "w", encoding="ascii") as file:
        file.write("nonsense\n")
    daemon.reload()
    daemon.wait_log(r"certificates stay as they are: .*siproxd.conf:\d+: tls_certificate: ")
    connection = secure(tls_lab)
    assert serial_of(connection) == present
    assert connection.is_alive(2)


def test_a_key_that_cannot_be_read_any_more_is_told(tls_lab):
    daemon = tls_lab.daemon
    daemon.settings["user"] = "nobody"
    os.chmod(tls_lab.identity.key, 0o600)       # root's only, and read before root is left
    daemon.start()
    assert secure(tls_lab).is_alive(1)
    daemon.reload()
    daemon.wait_log(r"certificates stay as they are: .*tls_private_key: cannot read .*"
                    r"\(user nobody must be able to\)")
    assert secure(tls_lab).is_alive(2)


def test_tls_comes_and_goes_with_its_certificate(tls_lab):
    settings = tls_lab.daemon.settings
    tls = {key: settings.pop(key) for key in ("tls_certificate", "tls_private_key")}
    tls_lab.daemon.start()
    with pytest.raises(ConnectionRefusedError):
        secure(tls_lab)
    settings.update(tls)
    tls_lab.daemon.reload()
    assert secure(tls_lab).is_alive(1)
    for key in tls:
        del settings[key]
    tls_lab.daemon.reload()
    with pytest.raises(ConnectionRefusedError):
        secure(tls_lab)


@pytest.mark.parametrize("key,value", [
    ("tls_certificate", "/nonexistent.pem"), ("tls_private_key", "/etc/hostname"),
    ("tls_ca", "/nonexistent.pem"), ("tls_ciphers", "nonsense"), ("dns_servers", "ns.example"),
    ("dns_dummy_addresses", "1.2.3.4/40"), ("if_inbound", "0.0.0.0"),
    ("tls_min_version", "1.0")])
def test_errors_have_their_line(tls_lab, key, value):
    daemon = tls_lab.daemon
    daemon.settings[key] = value
    daemon.write_config()
    with open(daemon.config_file, encoding="utf-8") as file:
        line = [text.split(" ")[0] for text in file].index(key) + 1
    for arguments in ([], ["--check-config"]):
        done = subprocess.run(daemon.space.command(binary(), "-c", daemon.config_file, *arguments),
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        assert f"siproxd.conf:{line}: {key}" in done.stderr + done.stdout, done.stderr


# --- name servers


@pytest.mark.siproxd(dns_servers=f"{PROVIDER}:5333", dns_timeout=50, dns_tries=2)
def test_name_servers_of_the_configuration_are_asked(lab):
    phone = lab.phone()
    with lab.site.internet.socket(PROVIDER, 5333) as server:
        server.settimeout(scaled(5))
        phone.register()
        assert b"\x03sip\x07example\x04test" in server.recv(512)
    lab.daemon.settings["dns_servers"] = None
    lab.daemon.reload()
    lab.registered(phone, lab.provider())


@pytest.mark.siproxd(dns_dummy_addresses=f"{PROVIDER}/32")
def test_a_dummy_address_is_no_address(lab):
    phone = lab.phone()
    phone.invite("sip:bob@sip.example.test", sip.sdp(PHONE, 4000))
    assert phone.expect(lambda message: message.status and message.status >= 400).status in (
        404, 503)
