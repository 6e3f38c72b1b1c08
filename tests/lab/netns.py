# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces: making, removing, running programs and opening sockets in them.

All names start with `siplab-<pid of the test run>-`, so that runs do not disturb each other and
what a killed run left behind is recognised and removed by the next one.
"""

import atexit
import ctypes
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading

from deadline import scaled

PREFIX = "siplab"
TUNSETIFF, IFF_TUN_NO_PI = 0x400454CA, 0x1001
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_counter = 0
_alive = {}


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(*command, check=True, **options):
    """Runs a command to its end; on failure the exception carries what it printed."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=scaled(30), **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stdout}")
    return done.stdout


def why_not():
    """None where the lab can run, else the reason, for pytest's skip message."""
    if os.geteuid() != 0:
        return "the lab needs root (network namespaces)"
    for tool in ("ip", "iptables", "tcpdump", "dnsmasq"):
        if not shutil.which(tool):
            return f"the lab needs {tool}"
    name = f"{PREFIX}-{os.getpid()}-probe"
    probe = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if probe.returncode != 0:
        return f"network namespaces are not permitted here: {probe.stderr.strip()}"
    try:
        rule = subprocess.run(["ip", "netns", "exec", name, "iptables", "-t", "nat", "-A",
                               "POSTROUTING", "-j", "MASQUERADE"], capture_output=True, text=True)
        if rule.returncode != 0:
            return f"iptables cannot do NAT here: {rule.stderr.strip()}"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return None


def sweep():
    """Removes the namespaces of test runs that are no longer there."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        match = re.match(rf"{PREFIX}-(\d+)-", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
            shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)


class Process:
    """A program in a namespace, in its own process group, that dies with the test run."""

    def __init__(self, command, **options):
        self.command = [str(part) for part in command]
        self.popen = subprocess.Popen(self.command, start_new_session=True,
                                      preexec_fn=_die_with_parent, **options)
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def send_signal(self, number):
        if self.running():
            os.killpg(self.pid, number)

    def wait(self, timeout):
        """Exit status, or None when it still runs after `timeout` (scaled) seconds."""
        try:
            return self.popen.wait(scaled(timeout))
        except subprocess.TimeoutExpired:
            return None

    def stop(self, number=signal.SIGTERM, timeout=5):
        """Ends it, by force when it does not go on its own; returns the exit status."""
        self.send_signal(number)
        status = self.wait(timeout)
        if status is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            status = self.popen.wait()
        return status


class Namespace:
    """One network namespace. `nameserver` is what programs in it find in /etc/resolv.conf."""

    def __init__(self, role, nameserver=None):
        global _counter
        _counter += 1
        self.role = role
        self.name = f"{PREFIX}-{os.getpid()}-{_counter}{role}"
        run("ip", "netns", "add", self.name)
        _alive[self.name] = self
        self.ip("link", "set", "lo", "up")
        if nameserver:
            os.makedirs(f"/etc/netns/{self.name}", exist_ok=True)
            with open(f"/etc/netns/{self.name}/resolv.conf", "w", encoding="ascii") as file:
                file.write(f"nameserver {nameserver}\noptions timeout:2 attempts:2\n")

    def remove(self):
        if _alive.pop(self.name, None):
            subprocess.run(["ip", "netns", "del", self.name], capture_output=True)
            shutil.rmtree(f"/etc/netns/{self.name}", ignore_errors=True)

    def ip(self, *arguments):
        """`ip` acting in this namespace."""
        return run("ip", "-n", self.name, *arguments)

    def command(self, *arguments):
        """The command line that runs `arguments` in here. (`ip netns exec` becomes the program,
        so the process id is that of the program.)"""
        return ["ip", "netns", "exec", self.name, *map(str, arguments)]

    def run(self, *arguments, **options):
        return run(*self.command(*arguments), **options)

    def start(self, *arguments, **options):
        return Process(self.command(*arguments), **options)

    def iptables(self, rule):
        """One rule in the words of the manual, with or without the leading `iptables`."""
        words = rule.split()
        return self.run("iptables", "-w", *(words[1:] if words[0] == "iptables" else words))

    def ip6tables(self, rule):
        """The same for IPv6."""
        return self.run("ip6tables", "-w", *rule.split())

    def inside(self, action):
        """What `action()` returns when it is done in this namespace."""
        result = []

        def enter():
            try:
                with open(f"/run/netns/{self.name}", "rb") as file:
                    if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.append(action())
            except OSError as error:
                result.append(error)

        # setns moves one thread only: what it opens stays behind in the namespace when it ends.
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if isinstance(result[0], OSError):
            raise result[0]
        return result[0]

    def socket(self, address, port, kind=socket.SOCK_DGRAM):
        """A bound socket that lives in this namespace and is usable from anywhere."""
        def opened():
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            return sock
        try:
            return self.inside(opened)
        except OSError as error:
            raise OSError(error.errno, f"{address} port {port} in {self.role}: {error}") from error

    def tun(self, name):
        """A tun device (bare IP packets, as ppp has them) that is up: its descriptor, to be closed by
        the caller."""
        def opened():
            device = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))
            return device
        device = self.inside(opened)
        self.ip("link", "set", name, "up")
        return device


@atexit.register
def _remove_all():
    for space in list(_alive.values()):
        space.remove()
    try:
        os.rmdir("/etc/netns")      # if nobody else uses it
    except OSError:
        pass
