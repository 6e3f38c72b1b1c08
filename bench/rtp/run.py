#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Relay benchmark: CPU per packet, loss and latency, against a floor measured in the same run.

Three network namespaces, a - r - b, joined by veth. In r works, one after the other,
  floor    a relay that only calls recvfrom() and sendto(): no relay in user space can do with less
  engine   the daemon's media relay in user space
  kernel   the same with its relay in the kernel
  forward  nothing: the kernel routes the packets
while 172-byte RTP packets pass in both directions, 50 (--rate) a second for each stream and direction.
Whole path is what the sending and receiving program and the relay use together.
"""

import argparse
import os
import re
import signal
import subprocess
import sys

ADDRESS = {"party_a": "198.18.1.2", "local_a": "198.18.1.1",
           "party_b": "198.18.2.2", "local_b": "198.18.2.1"}
PREFIX = f"siprtpbench-{os.getpid()}-"


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Topology:
    """The namespaces; they are gone when the block is left."""

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def build(self):
        for name in "arb":
            ip("netns", "add", PREFIX + name)
        for side in "ab":
            party, local = ADDRESS[f"party_{side}"], ADDRESS[f"local_{side}"]
            inner, outer = PREFIX + side, PREFIX + "r"
            ip("link", "add", "eth0", "netns", inner, "type", "veth",
               "peer", "name", f"eth{side}", "netns", outer)
            for netns, device, address in ((inner, "eth0", party), (outer, f"eth{side}", local)):
                ip("-n", netns, "address", "add", f"{address}/24", "dev", device)
                ip("-n", netns, "link", "set", device, "up")
            ip("-n", inner, "route", "add", "default", "via", local)
        subprocess.run(["ip", "netns", "exec", PREFIX + "r", "sysctl", "-qw",
                        "net.ipv4.ip_forward=1"], check=True)

    def __exit__(self, *_):
        for name in "arb":
            subprocess.run(["ip", "netns", "del", PREFIX + name], capture_output=True)


class RelayProcess:
    """A relay in namespace r; tells its ports, and at the end what it has done."""

    def __init__(self, mode, options):
        program = os.path.join(options.programs, "floor" if mode == "floor" else "engine")
        command = ["ip", "netns", "exec", PREFIX + "r", program,
                   "--cpu", "1", "--streams", str(options.streams),
                   "--kernel", str(int(mode == "kernel")), "--device-a", "etha", "--device-b", "ethb"]
        for name, address in ADDRESS.items():
            command += ["--" + name.replace("_", "-"), address]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.ports = ""
        for line in self.process.stdout:
            if line == "ready\n":
                return
            self.ports += line
        sys.exit(f"{program} ended with {self.process.wait()}")

    def finish(self):
        # `ip netns exec` has become the program, so the signal reaches it.
        self.process.terminate()
        text, _ = self.process.communicate(timeout=10)
        return numbers(text)


def numbers(text):
    return {name: float(value) for name, value in re.findall(r"(\w+)=(-?[\d.]+)", text)}


def measure(mode, options):
    relay = None
    if mode == "forward":
        to = {"a": ADDRESS["party_b"], "b": ADDRESS["party_a"]}
        ports = "".join(f"{20000 + 2 * i} {20000 + 2 * i}\n" for i in range(options.streams))
    else:
        relay = RelayProcess(mode, options)
        to = {"a": ADDRESS["local_a"], "b": ADDRESS["local_b"]}
        ports = relay.ports
    command = [os.path.join(options.programs, "load"), "--cpu", "0",
               "--streams", str(options.streams), "--seconds", str(options.seconds),
               "--rate", str(options.rate)]
    for side in "ab":
        command += [f"--netns-{side}", PREFIX + side, f"--to-{side}", to[side],
                    f"--party-{side}", ADDRESS[f"party_{side}"]]
    try:
        done = subprocess.run(command, input=ports, stdout=subprocess.PIPE, text=True,
                              timeout=options.seconds + 30, check=True)
        load = numbers(done.stdout)
    finally:
        relayed = relay.finish() if relay else {"packets": 0, "cpu_us": 0}
    return {
        "sent": load["sent"],
        "received": load["received"],
        "p50": load["p50_us"],
        "p99": load["p99_us"],
        "relayed": relayed["packets"],
        "relay_cpu": relayed["cpu_us"],
        "path_cpu": load["cpu_us"] + relayed["cpu_us"],
    }


def summary(rounds):
    """One row out of the rounds of a mode; latencies are the best round's, for the machine's other
    work can only add to them."""
    total = {name: sum(one[name] for one in rounds) for name in rounds[0]}
    return {
        "cpu": total["relay_cpu"] / total["relayed"] if total["relayed"] else 0.0,
        "path": total["path_cpu"] / max(total["sent"], 1),
        "loss": 100 * (1 - total["received"] / max(total["sent"], 1)),
        "p50": min(one["p50"] for one in rounds),
        "p99": min(one["p99"] for one in rounds),
    }


def ratio(value, floor):
    return f"{value / floor:5.2f}" if floor else "    -"


def report(rows):
    print(f"{'':10}{'CPU/packet':>12}{'/floor':>8}{'whole path':>12}{'/floor':>8}"
          f"{'loss':>9}{'p50':>10}{'p99':>10}")
    floor = rows["floor"]
    for mode, row in rows.items():
        print(f"{mode:10}{row['cpu']:9.2f} us{ratio(row['cpu'], floor['cpu']):>8}"
              f"{row['path']:9.2f} us{ratio(row['path'], floor['path']):>8}"
              f"{row['loss']:7.3f} %{row['p50']:7.1f} us{row['p99']:7.1f} us")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, help="directory of floor, engine and load")
    parser.add_argument("--streams", type=int, default=400)
    parser.add_argument("--rate", type=int, default=50,
                        help="packets a second of one stream in one direction, up to 1000")
    parser.add_argument("--seconds", type=int, default=6, help="for each mode and round")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench-rtp makes network namespaces: run it as root")
    if not 0 < options.streams <= 5000:
        sys.exit("--streams takes 1 to 5000")
    if not 0 < options.rate <= 1000:
        sys.exit("--rate takes 1 to 1000")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    modes = ("floor", "engine", "kernel", "forward")
    rounds = {mode: [] for mode in modes}
    with Topology():
        print(f"{options.streams} streams, {options.streams * 2 * options.rate} packets/s, "
              f"{options.rounds} rounds of {options.seconds} s for each mode", flush=True)
        for _ in range(options.rounds):
            for mode in modes:
                rounds[mode].append(measure(mode, options))
    report({mode: summary(rounds[mode]) for mode in modes})


if __name__ == "__main__":
    main()
