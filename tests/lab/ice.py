# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of a full ICE agent that a test needs: its lines of SDP, and connectivity checks
(RFC 8445, RFC 8489)."""

import binascii
import hashlib
import hmac
import os
import socket
import struct

from deadline import Deadline, LabTimeout

COOKIE = 0x2112A442
REQUEST, SUCCESS, FAILURE = 0x0001, 0x0101, 0x0111
USERNAME, INTEGRITY, XOR_MAPPED = 0x0006, 0x0008, 0x0020
PRIORITY, USE_CANDIDATE, FINGERPRINT, CONTROLLING = 0x0024, 0x0025, 0x8028, 0x802A


def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(kind, transaction, attributes, password):
    """A STUN message with both sums."""
    body = b"".join(attributes)
    head = struct.pack(">HHI", kind, len(body) + 24, COOKIE) + transaction
    body += attribute(INTEGRITY, hmac.new(password.encode(), head + body, hashlib.sha1).digest())
    head = struct.pack(">HHI", kind, len(body) + 8, COOKIE) + transaction
    return head + body + attribute(
        FINGERPRINT, struct.pack(">I", binascii.crc32(head + body) ^ 0x5354554E))


def attributes_of(data):
    """What is in a STUN message, by type; the sums have to be looked at by `verified`."""
    found, at = {}, 20
    while at < len(data):
        kind, size = struct.unpack(">HH", data[at:at + 4])
        found[kind] = data[at + 4:at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
    return found


def verified(data, password):
    """Whether both sums of a message are those of the password."""
    body = data[20:-32]
    kind, _, _ = struct.unpack(">HHI", data[:8])
    return message(kind, data[8:20], [body], password) == data


class Agent:
    """One party: controlling, with credentials of its own."""

    def __init__(self):
        self.fragment, self.password = os.urandom(4).hex(), os.urandom(12).hex()

    def attributes(self, *candidates):
        """For sip.sdp()."""
        return [f"ice-ufrag:{self.fragment}", f"ice-pwd:{self.password}"] + [
            f"candidate:{number} 1 UDP {2130706431 - number} {address} {port} typ host"
            for number, (address, port) in enumerate(candidates, 1)]

    def check(self, sock, media, nominates=True, password=None):
        """Checks the only candidate of a media description; the address that it says we have."""
        told = dict(line.split(":", 1) for line in media.attributes if ":" in line)
        transaction = os.urandom(12)
        checks = [attribute(USERNAME, f"{told['ice-ufrag']}:{self.fragment}".encode()),
                  attribute(PRIORITY, struct.pack(">I", 1862270975)),
                  attribute(CONTROLLING, os.urandom(8))]
        if nominates:
            checks.append(attribute(USE_CANDIDATE, b""))
        sock.sendto(message(REQUEST, transaction, checks, password or told["ice-pwd"]), media.target)
        deadline = Deadline(5)
        while not deadline.passed():
            sock.settimeout(max(deadline.remaining(), 0.01))
            data, source = sock.recvfrom(2048)
            if data[0] < 4 and data[8:20] == transaction:
                assert source == media.target
                assert verified(data, told["ice-pwd"]), data.hex()
                assert struct.unpack(">H", data[:2])[0] == SUCCESS, data.hex()
                return unmapped(attributes_of(data)[XOR_MAPPED])
        raise LabTimeout(f"no answer to a check of {media.target}")


def unmapped(value):
    """Address and port of XOR-MAPPED-ADDRESS, IPv4."""
    port, address = struct.unpack(">HI", value[2:8])
    return socket.inet_ntoa(struct.pack(">I", address ^ COOKIE)), port ^ COOKIE >> 16
