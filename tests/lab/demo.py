#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts one real call with audio through siproxd, between two softphones on either side of a NAT,
and tells hop by hop what happened. Needs root; changes nothing on the machine: everything happens
in network namespaces of its own, which are removed at the end."""

import pathlib
import shutil
import sys
import tempfile

import netns
import sip
import tone
import topology
from capture import rtp_flows
from daemon import binary
from deadline import wait_for
from lab import Lab

WHO = {topology.PHONE: "phone", topology.GATEWAY: "siproxd", topology.PUBLIC: "siproxd",
       topology.PROVIDER: "provider", topology.REMOTE: "bob's phone"}
FREQUENCIES = {"alice": 440, "bob": 700}
SECONDS = 3

PICTURE = """
   inside                      the firewall                        the internet

   alice's phone               siproxd                             provider (Kamailio)
   10.0.0.10  --- eth0 10.0.0.1 | 203.0.113.1 ppp0 ---------- 203.0.113.50
   baresip, {alice} Hz       NAT, closed firewall
                                                               bob's phone
                                                               203.0.113.51
                                                               baresip, {bob} Hz
"""


def missing():
    """What keeps the demonstration from running, or None."""
    reason = netns.why_not()
    if reason:
        return reason
    for tool in ("baresip", "kamailio"):
        if not shutil.which(tool):
            return f"the demonstration needs {tool}"
    return None if binary().exists() else f"there is no {binary()}: build siproxd first"


def make_call(lab):
    """alice calls bob, both listen for SECONDS, bob hangs up. Returns the softphones."""
    lab.kamailio(password="secret")
    print("starting siproxd, a provider and two softphones, which register ...")
    alice = lab.softphone("inside", "alice", topology.PHONE, frequency=FREQUENCIES["alice"])
    bob = lab.softphone("outside", "bob", topology.REMOTE, frequency=FREQUENCIES["bob"])
    print("alice calls sip:bob@sip.example.test ...")
    alice.command("dial", "sip:bob@sip.example.test")
    bob.expect("CALL_ESTABLISHED")
    alice.expect("CALL_ESTABLISHED")
    print("they talk ...")
    for softphone, frequency in ((alice, FREQUENCIES["bob"]), (bob, FREQUENCIES["alice"])):
        try:
            wait_for(lambda: heard(softphone, frequency).seconds >= SECONDS, "audio", 3 * SECONDS,
                     interval=0.1)
        except AssertionError:
            print(f"   {softphone.user} hears nothing")
    print("bob hangs up.\n")
    bob.command("hangup")
    bob.expect("CALL_CLOSED")
    alice.expect("CALL_CLOSED")
    lab.daemon.assert_ports_released()
    return alice, bob


def heard(softphone, frequency):
    """How much of a tone is in the softphone's recording."""
    try:
        return tone.find_tone(softphone.recording(), frequency)
    except IndexError:
        return tone.Finding(0, 0, 0)


def name(address):
    return f"{WHO.get(address, '?')} {address}"


def addresses_in(message):
    """The lines of a message that say where somebody is: what siproxd is about."""
    lines = [f"Via: {via.split(' ')[1].split(';')[0]}" for via in message.all("via")]
    for header in ("Contact", "Record-Route", "Route"):
        lines += [f"{header}: {value}" for value in message.all(header.lower())]
    for line in message.body.decode("utf-8", "replace").split("\r\n"):
        if line.startswith(("c=", "m=", "o=")):
            lines.append(line)
    return lines


def tell_signalling(packets):
    """Every SIP message in the order of time; with the addresses in it where a hop changes them."""
    start = packets[0].time
    for packet in packets:
        message = sip.Message.parse(packet.payload)
        print(f"{packet.time - start:8.3f}  {name(packet.source):24} -> {name(packet.target):24} "
              f"{message.start.replace(' SIP/2.0', '')}")
        if message.method in ("REGISTER", "INVITE") and message.status not in (100, 401, 407):
            for line in addresses_in(message):
                print(f"{'':12}{line}")


def tell_media(leg, packets):
    for (source, port, target, target_port), count in sorted(rtp_flows(packets).items()):
        print(f"   {leg:8} {name(source):>22}:{port:<6} -> {name(target)}:{target_port:<6} "
              f"{count:5} packets")


def tell(lab, alice, bob):
    """The whole story; true if both heard each other."""
    inside, outside = lab.inside.stop().packets(), lab.outside.stop().packets()
    print("SIP, both sides of siproxd, the addresses as they were on each hop:\n")
    tell_signalling(sorted((packet for packet in inside + outside if packet.is_sip()),
                           key=lambda packet: packet.time))
    print("\nRTP:\n")
    tell_media("inside", inside)
    tell_media("outside", outside)
    print("\nWhat was heard:\n")
    good = True
    for softphone, other in ((bob, alice), (alice, bob)):
        frequency = FREQUENCIES[other.user]
        found = heard(softphone, frequency)
        good = good and found.seconds >= SECONDS / 2
        print(f"   {softphone.user} listened for {other.user}'s {frequency} Hz: "
              f"{'found, ' + str(found) if found.seconds else 'NOT FOUND'}")
    return good


def main():
    """Runs the demonstration; exit status 0 when both heard the other, 77 when it cannot run."""
    reason = missing()
    if reason:
        print(reason, file=sys.stderr)
        return 77
    netns.sweep()
    directory = tempfile.mkdtemp(prefix="siplab-demo-")
    pathlib.Path(directory).chmod(0o777)
    print(PICTURE.format(**FREQUENCIES))
    try:
        with topology.Masquerading() as site:
            lab = Lab(site, directory, {}, {})
            try:
                lab.daemon.start()
                alice, bob = make_call(lab)
                good = tell(lab, alice, bob)
            finally:
                lab.end()
        print("   No inside address was seen outside.\n")
        print("The call worked." if good else "The call did NOT work.")
        return 0 if good else 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
