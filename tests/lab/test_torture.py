# SPDX-License-Identifier: GPL-2.0-or-later
"""Every message of RFC 4475 and RFC 5118 from where they would really come from: by datagrams and
connections from a peer outside that we talk to, from a stranger, and by connections from a phone.
Each meets the fate that it deserves, and nobody else notices. (What becomes of those that are passed
on is in tests/unit/torture, which has a resolver that knows their names.)"""

import re
import socket

import pytest

import sip
import topology
from deadline import scaled
from test_bad_input import corpus
from topology import (GATEWAY, PHONE, PROVIDER, PROVIDER6, PUBLIC, PUBLIC6, REMOTE,
                      SECOND_PHONE)

pytestmark = [pytest.mark.needs_daemon,
              pytest.mark.siproxd(trunk_networks=f"{PROVIDER}/32,{PROVIDER6}/128")]

MESSAGES = {name.removesuffix(".dat"): message for name, message in
            {**corpus("rfc4475"), **corpus("rfc5118")}.items()}

# What siproxd answers by itself, wherever the message comes from.
ANSWERS = {
    200: "zeromf",      # who is on the way, RFC 3261 11
    400: "badaspec baddn badinv01 clerr escruri ipv6-bad ipv6-in-sdp ltgtruri lwsruri lwsstart "
         "mcl01 mismatch01 mismatch02 multi01 ncl quotbal regbadct scalar02 trws",
    416: "unkscm novelsc",
    420: "bext01",
    505: "badvers",
    # Responses that nobody waits for, and requests that lack what an answer is made of.
    None: "bcast bigcode insuf noreason scalarlg test unreason",
}
# The others are good enough to be passed on. From outside they are for nobody who is here, or would
# register from where nobody may; from inside they are for somebody whom the lab's DNS does not
# know.
REGISTRATIONS = "cparam01 cparam02 dblreq escnull ipv6-good port-ambiguous port-unambiguous " \
                "regaut01 regescrt unksm2".split()
FOR_NOBODY, UNRESOLVED = 408, 503

# On a connection: these do not say how long they are, so 400 is the last word on it.
NOT_FRAMED = {"inv2543": 400, "mcl01": 400, "ncl": 400, "wsinv": 400}
# These go on, if their length is to be believed, or have no end.
UNFINISHED = "baddn clerr ipv6-in-sdp".split()
# Behind these something is left that is no message. (What dblreq has behind it is another one.)
RAGGED = "dblreq ipv4-mapped-ipv6 mult-ip-in-sdp".split()


@pytest.fixture(scope="module")
def site():
    with topology.DualStack() as networks:
        yield networks


def deserved(name, side):
    for status, names in ANSWERS.items():
        if name in names.split():
            return status
    if side == "inside":
        # Media by IPv6 for a phone that has come by IPv4.
        return 488 if name == "mult-ip-in-sdp" else UNRESOLVED
    return None if name in REGISTRATIONS else FOR_NOBODY


def on_connection(name, side):
    """The statuses that it deserves there."""
    if name == "dblreq":
        return [UNRESOLVED, UNRESOLVED] if side == "inside" else [FOR_NOBODY]
    status = NOT_FRAMED[name] if name in NOT_FRAMED else \
        None if name in UNFINISHED else deserved(name, side)
    return [status] if status else []


def statuses_of(packets, source, target):
    """The final statuses that each message got: the packets between it and the next one, repetitions
    of earlier ones left out."""
    found, seen, current = {}, set(), None
    names = {message: name for name, message in MESSAGES.items()}
    for packet in packets:
        current = names.get(packet.payload, current)
        if (packet.source, packet.target) != (source, target) or packet.payload in seen \
                or b"\nCall-ID: barrier" in packet.payload:
            continue
        seen.add(packet.payload)
        status = sip.Message.parse(packet.payload).status
        found.setdefault(current, []).append(status)
    return found


@pytest.mark.parametrize("version", [4, 6])
def test_datagrams_from_a_peer(lab, version):
    address, target = {4: (PROVIDER, PUBLIC), 6: (PROVIDER6, PUBLIC6)}[version]
    peer = lab.provider(address, port=5999)
    with lab.site.internet.socket(address, 5099) as sock:
        for number, message in enumerate(MESSAGES.values()):
            sock.sendto(message, (target, 5060))
            peer.request("OPTIONS", f"sip:{sip.in_uri(target)}", target=(target, 5060),
                         call_id=f"barrier{number}")
            peer.expect((200, "OPTIONS"))
    lab.still_serves()
    lab.daemon.assert_ports_released()
    found = statuses_of(lab.outside.stop().packets(), target, address)
    wanted = {name: [status] for name in MESSAGES if (status := deserved(name, "outside"))}
    assert {name: found.get(name) for name in MESSAGES} == \
        {name: wanted.get(name) for name in MESSAGES}


def test_datagrams_from_a_stranger(lab):
    with lab.site.internet.socket(REMOTE, 5099) as sock:
        for message in MESSAGES.values():
            sock.sendto(message, (PUBLIC, 5060))
            lab.daemon.wait_read()
    lab.still_serves()
    lab.daemon.assert_ports_released()
    told = [packet for packet in lab.outside.stop().packets() if packet.target == REMOTE]
    assert not told, "whatever a stranger says, he learns nothing"
    heard = [packet for packet in lab.inside.stop().packets() if packet.source == GATEWAY
             and packet.is_sip() and packet.target != SECOND_PHONE]
    assert not heard


class Connection:
    """One connection to siproxd."""

    def __init__(self, space, address, target):
        self.address, self.target = address, target
        self.sock = space.socket(address, 0, socket.SOCK_STREAM)
        self.sock.settimeout(scaled(5))
        self.sock.connect((target, 5060))
        self.told = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def statuses(self):
        return [int(status) for status in re.findall(rb"^SIP/2\.0 ([2-6]\d\d) ", self.told,
                                                     re.MULTILINE)]

    def read_until(self, condition):
        """Whether it came to that; False: the connection was closed before."""
        while not condition():
            try:
                part = self.sock.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                return False
            self.told += part
        return True

    def is_served(self):
        """OPTIONS are answered on it, after everything else."""
        self.send((f"OPTIONS sip:{self.target} SIP/2.0\r\n"
                   f"Via: SIP/2.0/TCP {self.address};branch=z9hG4bKbarrier;rport\r\n"
                   f"Max-Forwards: 70\r\nFrom: <sip:alice@sip.example.test>;tag=c\r\n"
                   f"To: <sip:{self.target}>\r\nCall-ID: barrier\r\nCSeq: 1 OPTIONS\r\n"
                   f"Content-Length: 0\r\n\r\n").encode())
        return self.read_until(lambda: b"\r\nCall-ID: barrier\r\n" in self.told)


def fate(connection, name, wanted):
    """What the message meets on its connection: statuses, as many as are wanted at least, and
    whether the connection goes on."""
    connection.send(MESSAGES[name])
    if name in NOT_FRAMED:
        goes_on = connection.read_until(lambda: False)
    elif name in UNFINISHED:
        return connection.statuses(), True
    else:
        goes_on = connection.read_until(lambda: len(connection.statuses()) >= len(wanted))
        if goes_on and name not in RAGGED:
            assert connection.is_served()
            assert connection.statuses().pop() == 200
            return connection.statuses()[:-1], True
    return connection.statuses(), goes_on


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_messages_on_connections(lab, side):
    space, address, target = (lab.site.phones, PHONE, GATEWAY) if side == "inside" else \
        (lab.site.internet, PROVIDER, PUBLIC)
    found, wanted = {}, {}
    for name in MESSAGES:
        wanted[name] = (on_connection(name, side), name not in NOT_FRAMED)
        with Connection(space, address, target) as connection:
            found[name] = fate(connection, name, wanted[name][0])
            with Connection(space, address, target) as other:
                assert other.is_served(), name
            if name in UNFINISHED:
                connection.sock.settimeout(0)
                with pytest.raises(BlockingIOError):
                    connection.sock.recv(1)
    assert found == wanted
    lab.still_serves()
    lab.daemon.assert_ports_released()
