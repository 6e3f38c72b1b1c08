#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Call benchmark: what siproxd needs for a call, in CPU time and in memory.

Network namespaces phones - router - internet, joined by veth. siproxd works on the router as users
run it (masquerading, media relay, log to nowhere); one program plays a registered phone and a
provider. A call is INVITE, 100, 180, 200, ACK, BYE, 200, session descriptions both ways, media
ports set up and torn down. The floor, measured in the same run, is libosip2 parsing and printing these
seven messages.
"""

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

import plugins

PHONE, INSIDE = "198.18.1.2", "198.18.1.1"
PROVIDER, OUTSIDE = "198.18.2.2", "198.18.2.1"
# Transactions are forgotten 64 * T1 after their call (RFC 3261, RFC 6026).
FORGOTTEN = 33
# A busy house, all at once, and what it may take of private memory: idle, a binding, a call (kB).
HOUSE_PHONES, HOUSE_CALLS = 10000, 10000
IDLE_KB, BINDING_KB, CALL_KB = 8 * 1024, 2, 6
SOCKETS_OF_CALL = 4     # RTP and RTCP on two sides
PLUGINS_PERCENT = 25    # that all of them together may add to a call


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Site:
    """The three namespaces with siproxd on the router; gone when the block is left."""

    failures = 0    # of all sites

    def __init__(self, name, options, with_plugins=False):
        self.with_plugins = with_plugins
        self.prefix = f"sipbench-{os.getpid()}-{name}-"
        self.options = options
        self.directory = tempfile.TemporaryDirectory()
        self.process = None

    def __enter__(self):
        try:
            self.build()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for name in ("phones", "router", "internet"):
            subprocess.run(["ip", "netns", "del", self.prefix + name], capture_output=True)
        self.directory.cleanup()

    def build(self):
        for name in ("phones", "router", "internet"):
            ip("netns", "add", self.prefix + name)
            ip("-n", self.prefix + name, "link", "set", "lo", "up")
        for name, device, party, local in (("phones", "inside", PHONE, INSIDE),
                                           ("internet", "outside", PROVIDER, OUTSIDE)):
            inner, outer = self.prefix + name, self.prefix + "router"
            ip("link", "add", "eth0", "netns", inner, "type", "veth",
               "peer", "name", device, "netns", outer)
            for netns, end, address in ((inner, "eth0", party), (outer, device, local)):
                ip("-n", netns, "address", "add", f"{address}/24", "dev", end)
                ip("-n", netns, "link", "set", end, "up")

    def start(self):
        settings = {"if_inbound": "inside", "if_outbound": "outside", "daemonize": 0,
                    "registration_file": f"{self.directory.name}/registrations",
                    "rtp_proxy_enable": 1, "rtp_port_low": 20000, "rtp_port_high": 39999}
        configuration = f"{self.directory.name}/siproxd.conf"
        with open(configuration, "w", encoding="utf-8") as file:
            file.writelines(f"{key} = {value}\n" for key, value in settings.items())
            if self.with_plugins:
                lines, _ = plugins.directives(self.options.siproxd, self.directory.name, self.options.chosen,
                                              self.options.busy_plugins)
                file.writelines(f"{line}\n" for line in lines)
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.prefix + "router", *self.options.wrapper.split(),
             self.options.siproxd, "-c", configuration, *self.options.directives],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            time.sleep(0.05)
            if self.process.poll() is not None:
                sys.exit(f"siproxd has ended with {self.process.returncode}; what it says about:\n"
                         f"{' '.join(self.process.args)}")
            with open(f"/proc/{self.process.pid}/net/udp", encoding="ascii") as file:
                if ":13C4 " in file.read():
                    return
        sys.exit("siproxd does not listen on port 5060")

    def load(self, job, count, rate, hold=0, warm=0):
        """Runs the load program; what it has found, as numbers."""
        words = [f"{self.options.programs}/load", "--job", job, "--count", count, "--rate", rate,
                 "--hold", hold, "--warm", warm, "--pid", self.process.pid, "--cpu", 0,
                 "--netns-phone", self.prefix + "phones",
                 "--netns-provider", self.prefix + "internet",
                 "--phone", PHONE, "--router-of-phone", INSIDE,
                 "--provider", PROVIDER, "--router-of-provider", OUTSIDE]
        found = output([str(word) for word in words], 30)
        self.report_failures(job, count + warm, found)
        return found

    @staticmethod
    def report_failures(job, count, found):
        troubles = {name: int(found[name]) for name in ("failed", "repeated", "unexpected")}
        if any(troubles.values()):
            print(f"FAILURES in {count} x {job}:",
                  ", ".join(f"{value} {name}" for name, value in troubles.items()), flush=True)
            Site.failures += sum(troubles.values())

    def cpu_ms(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def private(self, kinds=("Private_Clean", "Private_Dirty")):
        """Private memory in kB."""
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as file:
            sizes = dict(re.findall(r"^(\w+): +(\d+) kB$", file.read(), re.MULTILINE))
        return sum(int(sizes[kind]) for kind in kinds)

    def heap(self):
        """What grows: pages of the program count as private in one moment and as shared in the
        next, when another siproxd starts."""
        return self.private(("Private_Dirty",))

    def table(self):
        """kB of the table that the relay in the kernel has for all ports of the range."""
        with open(f"/proc/{self.process.pid}/smaps", encoding="ascii") as file:
            return sum(int(size) for size in re.findall(
                r"anon_inode:bpf-map\nSize: +(\d+) kB$", file.read(), re.MULTILINE))


def output(command, seconds):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=seconds)
    if done.returncode != 0:
        sys.exit(f"{command[0]} has ended with {done.returncode}")
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", done.stdout)}


def floor(options, calls, rate=0):
    return output([f"{options.programs}/floor", "--cpu", "0", "--calls", str(calls),
                   "--rate", str(rate)], 30)["ms_per_call"]


def bindings_memory(options):
    """kB for one binding. A REGISTER leaves transactions behind, too: what as many of them cost
    that only refresh one binding is not the bindings'."""
    with Site("bindings", options) as site:
        site.load("refresh", 100, 2000)     # what is needed once
        time.sleep(0.2)
        sizes = [site.heap()]
        for job in ("refresh", "register"):
            site.load(job, options.phones, 2000)
            time.sleep(0.2)
            sizes.append(site.heap())
    return (sizes[2] - sizes[1] - (sizes[1] - sizes[0])) / options.phones


def held_calls(site, options):
    """kB for one more call that is up."""
    before = site.heap()
    site.load(options.job, options.held, 500, hold=0)
    return (site.heap() - before) / options.held


def measure_calls(site, options, rate):
    found = site.load(options.job, options.calls, rate, hold=100, warm=rate // 4)
    found["ms"] = (found["user_ms"] + found["system_ms"]) / options.calls
    return found


def measure_floor(options):
    return {"hot": floor(options, options.calls),
            "paced": floor(options, options.calls // 4, options.rate)}


def possible_calls():
    """Where the number of open files cannot be raised, calls are limited by that."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
    except (ValueError, PermissionError):
        pass
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return min(HOUSE_CALLS, (allowed - 100) // SOCKETS_OF_CALL)


def fill(house, options, figures):
    """kB when all calls are up, transactions included: they live longer than this takes."""
    figures["house calls"] = possible_calls()
    house.load(options.job, figures["house calls"], 250, hold=0)
    figures["house"] = house.heap() + house.table()
    figures["allowed"] = IDLE_KB + HOUSE_PHONES * BINDING_KB + figures["house calls"] * CALL_KB
    Site.failures += figures["house"] > figures["allowed"]


def run(options):
    """All figures. A site for each, that none of them meets what another has left behind."""
    if options.quick:
        return run_sites(options)
    with Site("house", options) as house:
        house.load("register", HOUSE_PHONES, 1000)
        registered = time.monotonic()
        figures = run_sites(options)
        time.sleep(max(0.0, registered + FORGOTTEN - time.monotonic()))
        figures["registered"] = house.heap() + house.table()
        fill(house, options, figures)
    return figures


def run_sites(options):
    figures = {}
    with Site("memory", options) as memory:
        time.sleep(1)
        figures["idle"], figures["table"] = memory.heap(), memory.table()
        figures["all"] = memory.private()
        memory.load(options.job, 20, 500, hold=1)
        figures["new call"] = held_calls(memory, options)
        # The floor before and after, for what else the machine does changes with time.
        floors = [measure_floor(options)]
        with Site("calls", options) as calls:
            found = figures["calls"] = measure_calls(calls, options, options.rate)
            measured_at = time.monotonic()
            floors.append(measure_floor(options))
            figures["binding"] = bindings_memory(options)
            if not options.quick:
                with Site("busy", options) as busy:
                    figures["busy"] = measure_calls(busy, options, options.busy_rate)
                time.sleep(max(0.0, measured_at + FORGOTTEN - time.monotonic()))
                found["late_ms"] = (calls.cpu_ms() - found["before_ms"]) / options.calls
                # The second lot of transactions finds room where the first has been.
                figures["call"] = held_calls(memory, options)
        figures["floor"] = {name: sum(one[name] for one in floors) / len(floors)
                            for name in floors[0]}
    return figures


def with_plugins(options):
    """CPU of a call with no plugin and with all of them, in turn: the pace of a machine changes with time."""
    took = {False: [], True: []}
    for number in range(2 * options.rounds):
        is_all = number % 2 == 1
        with Site(f"plugins{number}", options, is_all) as site:
            found = measure_calls(site, options, options.rate)
            took[is_all].append(found["ms"])
            print(f"{'all plugins' if is_all else 'no plugin':12}{found['ms']:8.3f} ms "
                  f"(user {found['user_ms'] / options.calls:.3f}, system {found['system_ms'] / options.calls:.3f})",
                  flush=True)
    none, every = (sorted(took[which])[options.rounds // 2] for which in (False, True))
    _, count = plugins.directives(options.siproxd, "", options.chosen)
    print(f"medians: no plugin {none:.3f} ms, {count} plugins {every:.3f} ms a call: {100 * (every / none - 1):+.0f} %"
          + ("" if options.busy_plugins else f" (allowed: +{PLUGINS_PERCENT})"))
    Site.failures += not options.busy_plugins and every > none * (1 + PLUGINS_PERCENT / 100)


def counted(path):
    """The instructions that a file of callgrind's has counted."""
    with open(path, encoding="ascii") as file:
        return int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.MULTILINE).group(1))


def instructions_of_call(options, is_all):
    """In user space, of a siproxd with all plugins or with none."""
    with tempfile.TemporaryDirectory() as directory:
        out = options.profile or f"{directory}/siproxd"
        options.wrapper = f"valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file={out}"
        with Site("counted", options, is_all) as site:
            # It is fifty times as slow as usual.
            site.load(options.job, 40, 10, hold=100)
            for words in (["-i", "on"], ["-z"]):
                subprocess.run(["callgrind_control", *words, str(site.process.pid)], check=True,
                               capture_output=True)
            site.load(options.job, 300, 20, hold=100)
            subprocess.run(["callgrind_control", "-d", str(site.process.pid)], check=True,
                           capture_output=True)
        return counted(f"{out}.1") / 300


def instructions(options):
    """Of a call, in user space, and of the floor: what no other program and no pause can change. The
    kernel's are not seen."""
    if options.plugins:
        none, every = (instructions_of_call(options, is_all) for is_all in (False, True))
        print(f"instructions in user space: {none / 1000:.0f} thousand a call without plugins, "
              f"{every / 1000:.0f} thousand with them: {100 * (every / none - 1):+.0f} %")
        return
    with tempfile.TemporaryDirectory() as directory:
        counts = []
        for calls in (100, 500):
            out = f"{directory}/floor.{calls}"
            subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                            f"{options.programs}/floor", "--cpu", "0", "--rate", "0",
                            "--calls", str(calls)],
                           check=True, capture_output=True)
            counts.append(counted(out))
        of_floor = (counts[1] - counts[0]) / 400
    of_call = instructions_of_call(options, False)
    print(f"instructions in user space: floor {of_floor / 1000:.0f} thousand, siproxd "
          f"{of_call / 1000:.0f} thousand a call, {of_call / of_floor:.2f} times the floor")


def report(figures, options):
    base = figures["floor"]["hot"]

    def row(name, ms):
        if ms <= 0:
            # A wrapper that stays in front of siproxd instead of becoming it.
            sys.exit(f"{name}: no CPU time was seen; does the wrapper exec what it is given?")
        print(f"{name:44}{ms:10.3f} ms{ms / base:9.2f}{1000 / ms:12.0f}")

    def rows(name, found):
        row(name, found["ms"])
        print(f"    of it user {found['user_ms'] / options.calls:.3f} ms, "
              f"system {found['system_ms'] / options.calls:.3f} ms")
        if "late_ms" in found:
            row("    with what is cleaned up later", found["late_ms"])
    print(f"{'':44}{'CPU/call':>13}{'/floor':>9}{'calls/s':>12}")
    row("floor: libosip2, 7 messages", base)
    row(f"  the same, paced at {options.rate} calls/s", figures["floor"]["paced"])
    rows(f"siproxd, {options.job}, {options.rate} calls/s", figures["calls"])
    if "busy" in figures:
        rows(f"siproxd, {options.job}, {options.busy_rate} calls/s", figures["busy"])
    print(f"private memory: idle {figures['idle'] / 1024:.1f} MB and "
          f"{figures['table'] / 1024:.1f} MB for 20000 ports in the kernel "
          f"({figures['all'] / 1024:.1f} MB with program and libraries), "
          f"{figures['binding']:.2f} kB a binding")
    if "call" in figures:
        print(f"  {figures['call']:.2f} kB a call held, "
              f"{figures['new call']:.2f} kB in its first {FORGOTTEN - 1} s (transactions)")
    else:
        print(f"  {figures['new call']:.2f} kB a call held, in its first {FORGOTTEN - 1} s "
              f"(transactions)")
    if "house" in figures:
        print(f"  with {HOUSE_PHONES} bindings {figures['registered'] / 1024:.1f} MB, with "
              f"{figures['house calls']} calls on top {figures['house'] / 1024:.1f} MB "
              f"(allowed: {figures['allowed'] / 1024:.1f} MB)")
    print(f"failures: {Site.failures}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--siproxd", required=True)
    parser.add_argument("--programs", required=True, help="directory of floor and load")
    parser.add_argument("--quick", action="store_true",
                        help="under 10 s; CPU times are good to 10 %% only")
    parser.add_argument("--incoming", dest="job", action="store_const", const="incoming",
                        default="outgoing", help="the provider calls the phone")
    parser.add_argument("--calls", type=int)
    parser.add_argument("--rate", type=int, help="calls a second: 200, with --plugins 1000")
    parser.add_argument("--busy-rate", type=int, default=2000, help="the same once more, not quick")
    parser.add_argument("--phones", type=int, default=2000, help="for the size of a binding")
    parser.add_argument("--held", type=int, help="for the size of a call")
    parser.add_argument("--instructions", action="store_true",
                        help="count those instead, with valgrind")
    parser.add_argument("--profile", default="", help="file that callgrind writes to, for --instructions")
    parser.add_argument("--plugins", action="store_true",
                        help="compare a siproxd with all plugins with one that has none")
    parser.add_argument("--busy-plugins", action="store_true",
                        help="with --plugins: each has something to look at in each call")
    parser.add_argument("--plugin", action="append", dest="chosen", default=[],
                        help="with --plugins: this one (and others so named) instead of all")
    parser.add_argument("--rounds", type=int, default=5, help="of that comparison")
    parser.add_argument("--wrapper", default="", help="goes before siproxd, as `taskset 2`")
    parser.add_argument("directives", nargs="*", help="name=value, on top of siproxd's others")
    options = parser.parse_args()
    options.rate = options.rate or (1000 if options.plugins else 200)
    options.calls = options.calls or (400 if options.quick else 5000 if options.plugins else 2000)
    options.held = options.held or (500 if options.quick else 1000)
    if not 0 < options.calls <= 20 * options.rate:
        parser.error("a run takes up to 20 s: --calls may be up to 20 times --rate")
    if not 0 < options.held <= 4500 or not 0 < options.phones <= 20000:
        parser.error("--held takes up to 4500, --phones up to 20000")
    return options


def main():
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("bench-calls makes network namespaces: run it as root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if options.instructions:
        instructions(options)
        sys.exit(1 if Site.failures else 0)
    if options.plugins:
        with_plugins(options)
        sys.exit(1 if Site.failures else 0)
    print(f"{options.calls} {options.job} calls, {options.rate} a second; {options.held} calls "
          f"held, {options.phones} phones registered", flush=True)
    report(run(options), options)
    sys.exit(1 if Site.failures else 0)


if __name__ == "__main__":
    main()
