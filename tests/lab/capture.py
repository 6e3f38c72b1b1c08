# SPDX-License-Identifier: GPL-2.0-or-later
"""Capturing in a namespace, reading the file, and what must never be in it."""

import os
import re
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass

from deadline import Deadline, LabTimeout, wait_for
from netns import Process

ETHERNET, RAW_IP = 1, 101
UDP, TCP, FRAGMENT = 17, 6, 44
MARKER_PORT = 9
HIDDEN = ("10.0.0.", "fd10:")     # how the addresses begin that nobody outside may see


@dataclass
class Packet:
    """One IPv4 packet (put together again if it came in fragments) or IPv6 packet; ports 0 for
    other protocols."""

    time: float
    protocol: int
    source: str
    source_port: int
    target: str
    target_port: int
    payload: bytes

    def is_sip(self):
        return self.protocol in (UDP, TCP) and re.match(
            rb"SIP/2\.0 \d{3} |[A-Z]+ \S+ SIP/2\.0\r\n", self.payload) is not None

    def is_rtp(self):
        """RTP by its looks: version 2, a payload type that is not of RTCP."""
        return (self.protocol == UDP and len(self.payload) >= 12 and self.payload[0] >> 6 == 2
                and not 72 <= self.payload[1] & 0x7F <= 79
                and 53 not in (self.source_port, self.target_port))

    def __str__(self):
        def end(address, port):
            return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return f"{end(self.source, self.source_port)} -> {end(self.target, self.target_port)}"


class Capture:
    """tcpdump on one interface of a namespace, from construction to `stop()`."""

    def __init__(self, space, interface, path, expression=""):
        self.space, self.path = space, path
        self._stopped = False
        if expression:
            expression = f"({expression}) or udp port {MARKER_PORT}"
        stderr_path = path + ".log"
        with open(stderr_path, "w", encoding="utf-8") as stderr:
            self.process = Process(
                space.command("tcpdump", "-i", interface, "-U", "--immediate-mode", "-B", "32768",
                              "-s", "0", "-Z", "root", "-w", path, expression),
                stdout=subprocess.DEVNULL, stderr=stderr)
        self._interface_address = self._first_address(interface)

        def listening():
            with open(stderr_path, encoding="utf-8") as log:
                return "listening on" in log.read()
        wait_for(listening, f"tcpdump in {space.name}, see {stderr_path}", 10)

    def _first_address(self, interface):
        match = re.search(r"inet ([\d.]+)", self.space.ip("address", "show", "dev", interface))
        return match[1]

    def stop(self):
        """Ends the capture once everything sent before this call is in the file."""
        if self._stopped:
            return self
        self._stopped = True
        marker = b"end of capture " + os.urandom(8).hex().encode()
        neighbour = self._interface_address.rsplit(".", 1)[0] + ".250"
        deadline = Deadline(5)
        with self.space.socket(self._interface_address, 0) as sock:
            # The neighbour need not exist: with a fixed link address the marker needs no ARP.
            self.space.run("ip", "neigh", "replace", neighbour, "lladdr", "02:00:00:00:00:01",
                           "dev", self._device())
            sock.sendto(marker, (neighbour, MARKER_PORT))
            while not self._in_file(marker):
                if deadline.passed() or not self.process.running():
                    self.process.stop(signal.SIGKILL)
                    raise LabTimeout(f"the capture {self.path} did not end")
        self.process.stop(signal.SIGINT)
        return self

    def _device(self):
        arguments = self.process.command
        return arguments[arguments.index("-i") + 1]

    def _in_file(self, marker):
        size = os.path.getsize(self.path)
        with open(self.path, "rb") as file:
            file.seek(max(0, size - 65536))
            return marker in file.read()

    def packets(self):
        """All packets, the end marker excepted."""
        return [packet for packet in read_pcap(self.path)
                if not packet.payload.startswith(b"end of capture ")]


def read_pcap(path):
    """The IP packets of a capture (classic pcap, either byte order), of Ethernet or of bare IP."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 24:
        return []
    order = {0xA1B2C3D4: "<", 0xD4C3B2A1: ">"}[struct.unpack("<I", data[:4])[0]]
    link_type = struct.unpack(order + "I", data[20:24])[0]
    if link_type not in (ETHERNET, RAW_IP):
        raise ValueError(f"{path}: link type {link_type} is neither Ethernet nor IP")
    packets, fragments, at = [], {}, 24
    while at + 16 <= len(data):
        seconds, micros, captured, _ = struct.unpack(order + "IIII", data[at:at + 16])
        frame = data[at + 16:at + 16 + captured]
        at += 16 + captured
        if link_type == RAW_IP:
            read = {4: _ipv4, 6: _ipv6}.get(frame[0] >> 4 if frame else 0)
        else:
            read, frame = {b"\x08\x00": _ipv4, b"\x86\xdd": _ipv6}.get(frame[12:14]), frame[14:]
        packet = read and read(frame, seconds + micros / 1e6, fragments)
        if packet:
            packets.append(packet)
    return packets


def _ipv6(data, time, fragments):
    size, protocol = struct.unpack(">HB", data[4:7])
    source, target = (socket.inet_ntop(socket.AF_INET6, data[at:at + 16]) for at in (8, 24))
    body = data[40:40 + size]
    if protocol == FRAGMENT:
        protocol, _, offset, ident = struct.unpack(">BBHI", body[:8])
        key = (source, target, ident, protocol)
        parts = fragments.setdefault(key, {})
        parts[offset & 0xFFF8] = (body[8:], not offset & 1)
        body = _whole(parts)
        if body is None:
            return None
        del fragments[key]
    return _packet(time, protocol, source, target, body)


def _ipv4(data, time, fragments):
    header_size = (data[0] & 15) * 4
    total, ident, flags = struct.unpack(">HHH", data[2:8])
    protocol = data[9]
    source, target = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
    body = data[header_size:total]
    offset, more = (flags & 0x1FFF) * 8, flags & 0x2000
    if offset or more:
        parts = fragments.setdefault((source, target, ident, protocol), {})
        parts[offset] = (body, not more)
        body = _whole(parts)
        if body is None:
            return None
        del fragments[(source, target, ident, protocol)]
    return _packet(time, protocol, source, target, body)


def _packet(time, protocol, source, target, body):
    ports, payload = (0, 0), body
    if protocol == UDP and len(body) >= 8:
        ports, payload = struct.unpack(">HH", body[:4]), body[8:]
    elif protocol == TCP and len(body) >= 20:
        ports, payload = struct.unpack(">HH", body[:4]), body[(body[12] >> 4) * 4:]
    return Packet(time, protocol, source, ports[0], target, ports[1], payload)


def _whole(parts):
    joined = b""
    for offset in sorted(parts):
        if offset != len(joined):
            return None
        body, last = parts[offset]
        joined += body
        if last:
            return joined
    return None


def find_leaks(packets, inside=HIDDEN):
    """Places where an inside address shows on the outside: sources, and text in payloads."""
    texts = [text.encode() for text in inside]
    leaks = []
    for packet in packets:
        if packet.source.startswith(inside):
            leaks.append(f"inside source address: {packet}")
        # What comes from the internet side may say anything; what leaves may not.
        if (packet.source.startswith(("203.0.113.", "2001:db8:5:"))
                and packet.source not in ("203.0.113.1", "2001:db8:5::1")):
            continue
        for line in packet.payload.split(b"\r\n"):
            if any(text in line for text in texts):
                leaks.append(f"{packet}: {line[:200].decode('utf-8', 'replace')}")
    return leaks


def assert_no_leak(path, inside=HIDDEN):
    """No packet of the capture shows `inside`, neither as its source nor in any byte it carries."""
    leaks = find_leaks(read_pcap(path), inside)
    assert not leaks, "inside addresses seen outside:\n  " + "\n  ".join(leaks[:40])


def rtp_flows(packets):
    """Number of RTP packets by (source, source port, target, target port)."""
    flows = {}
    for packet in packets:
        if packet.is_rtp():
            key = (packet.source, packet.source_port, packet.target, packet.target_port)
            flows[key] = flows.get(key, 0) + 1
    return flows


def ladder(packets):
    """One line per SIP message: time, who to whom, what."""
    lines, start = [], None
    for packet in packets:
        if packet.is_sip():
            start = packet.time if start is None else start
            first = packet.payload.split(b"\r\n", 1)[0].decode("utf-8", "replace")
            lines.append(f"{packet.time - start:8.3f}  {str(packet):44} {first}")
    return "\n".join(lines)
