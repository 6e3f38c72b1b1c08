# SPDX-License-Identifier: GPL-2.0-or-later
"""siproxd itself: writing its configuration, starting it, knowing when it is ready, ending it.

The binary is `build/siproxd` of this repository, or the one that SIPROXD names. With LAB_DIRECT=1
there is none: phones and providers talk to each other over a router without NAT, which shows
whether a test's own parties play their parts (`no_daemon`).
"""

import os
import pathlib
import re
import signal
import time

from deadline import wait_for
from system_log import SystemLog

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIRECT = os.environ.get("LAB_DIRECT") == "1"
REPORTS = re.compile(r"(ERROR: \w+Sanitizer|SUMMARY: \w+Sanitizer|runtime error:)")


def binary():
    """The program under test."""
    return pathlib.Path(os.environ.get("SIPROXD", ROOT / "build" / "siproxd"))


def plugin_directory():
    """`plugindir` of the build under test; ends with a slash."""
    return os.environ.get("SIPROXD_PLUGINDIR", str(binary().resolve().parent)) + "/"


def default_settings(topology):
    """The guide's 7.2, in the foreground, with the paths of a test."""
    return {
        "if_inbound": topology.if_inbound, "if_outbound": topology.if_outbound,
        "hosts_allow_reg": "10.0.0.0/24", "sip_listen_port": 5060, "daemonize": 0,
        "silence_log": 0, "rtp_proxy_enable": 1, "rtp_port_low": 7070, "rtp_port_high": 7089,
        "rtp_timeout": 300, "default_expires": 600,
        "rtp_engine": os.environ.get("LAB_RTP_ENGINE", "auto"),
        "debug_level": os.environ.get("LAB_DEBUG_LEVEL", "0"), "debug_port": 0,
    }


class Daemon:
    """One siproxd in the topology's `proxy_host`. `settings` come on top of the defaults; a value
    of None takes a directive out, a list writes it several times, and one of dictionaries writes records:
    `plugin_gateway=[{"title": "a"}]` is `plugin_gateway_title = a`."""

    def __init__(self, topology, directory, settings=()):
        self.topology, self.directory = topology, str(directory)
        self.space = topology.proxy_host
        self.registration_file = f"{self.directory}/registrations"
        self.pid_file = f"{self.directory}/siproxd.pid"
        self.config_file = f"{self.directory}/siproxd.conf"
        self.log_file = f"{self.directory}/siproxd.log"
        self.settings = {**default_settings(topology),
                         "registration_file": self.registration_file,
                         "pid_file": self.pid_file, **dict(settings)}
        self.extra_environment = {}
        self.keeps_freed_memory = True      # where ASan looks for uses of it
        self.prefix = []        # a command that becomes siproxd
        self.output = None      # a pipe's end instead of the log file, for tests that read it
        self.process = None
        self.started = 0

    def write_config(self):
        lines = []
        for key, value in self.settings.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    lines += [f"{key}_{name} = {text}\n" for name, text in one.items()]
                elif one is not None:
                    lines.append(f"{key} = {one}\n")
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.writelines(lines)

    def environment(self):
        """Sanitizers report into files, for a daemon may have closed its stderr."""
        common = f"log_path={self.directory}/sanitizer"
        asan = "detect_leaks=1:exitcode=99:" + os.environ.get("ASAN_OPTIONS", "")
        ubsan = "print_stacktrace=1:" + os.environ.get("UBSAN_OPTIONS", "")
        if not self.keeps_freed_memory:
            asan += ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
        if "LD_PRELOAD" in self.extra_environment:
            common += ":verify_asan_link_order=0"
        return {**os.environ, "ASAN_OPTIONS": f"{asan}:{common}",
                "UBSAN_OPTIONS": f"{ubsan}:{common}", **self.extra_environment}

    def start(self, *arguments):
        """Starts it and returns when its log says `started`."""
        if not binary().exists():
            raise FileNotFoundError(f"no siproxd at {binary()}: build it, or set SIPROXD")
        self.write_config()
        with open(self.output or self.log_file, "a", encoding="utf-8") as log:
            self.process = self.space.start(*self.prefix, binary(), "-c", self.config_file,
                                            *arguments, stdout=log, stderr=log,
                                            cwd=self.directory, env=self.environment())
        self.started += 1

        def ready():
            if not self.process.running():
                process, self.process = self.process, None
                raise AssertionError(f"siproxd ended with {process.wait(0)}:\n{self.log()}")
            return len(re.findall(r"started$", self.log(), re.MULTILINE)) >= self.started
        wait_for(ready, lambda: f"siproxd to be ready; its log:\n{self.log()}", 10)
        return self

    def reload(self):
        """Has it read its configuration again, and returns when it has."""
        times = self.log().count("configuration reloaded")
        self.write_config()
        os.kill(self.pid, signal.SIGHUP)
        wait_for(lambda: self.log().count("configuration reloaded") > times,
                 lambda: f"the reload; the log:\n{self.log()[-4000:]}")

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.running()

    def log(self):
        """All lines of what has happened so far: they are written in the background, those of 20 ms together."""
        if not os.path.exists(self.log_file):
            return ""
        end = time.monotonic() + 0.2
        while time.time() - os.stat(self.log_file).st_mtime < 0.04 and time.monotonic() < end:
            time.sleep(0.005)
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_log(self, pattern, timeout=5.0):
        """The first match of `pattern` in the log."""
        return wait_for(lambda: re.search(pattern, self.log(), re.MULTILINE),
                        lambda: f"/{pattern}/ in the log:\n{self.log()[-4000:]}", timeout)

    def kill(self):
        """kill -9."""
        self.process.stop(signal.SIGKILL)
        self.process = None

    def stop(self):
        """SIGTERM; must end it with 0 and without a sanitizer's report."""
        if self.process is None:
            return
        process, self.process = self.process, None
        died = not process.running()
        status = process.stop(signal.SIGTERM, timeout=15)
        self.assert_no_reports()
        log = self.log()[-6000:]
        assert not died, f"siproxd was gone before it was stopped, exit {status}:\n{log}"
        assert status == 0, f"siproxd ended with {status}:\n{log}"

    def close(self):
        """Gives back what it has besides the process."""

    def assert_no_reports(self):
        """No sanitizer has complained, neither in the log nor in files of its own."""
        texts = [self.log()]
        for path in pathlib.Path(self.directory).glob("sanitizer*"):
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
        found = [text for text in texts if REPORTS.search(text)]
        assert not found, "sanitizer report:\n" + found[-1][-8000:]

    def relay_ports(self):
        """Ports of the RTP range that are bound in siproxd's namespace."""
        low, high = int(self.settings["rtp_port_low"]), int(self.settings["rtp_port_high"])
        bound = {int(line.split()[3].rsplit(":", 1)[1])
                 for line in self.space.run("ss", "-Huan").splitlines()}
        return sorted(port for port in bound if low <= port <= high)

    def assert_ports_released(self, timeout=5.0):
        """Every relay port is given back within `timeout`."""
        wait_for(lambda: not self.relay_ports(),
                 lambda: f"relay ports to be released, still bound: {self.relay_ports()}", timeout)

    def _sip_sockets(self):
        """The rows of its UDP sockets for SIP in /proc/net/udp."""
        port = f"{int(self.settings['sip_listen_port']):04X}"
        with open(f"/proc/{self.pid}/net/udp", encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        return [row for row in rows if row[1].split(":")[1] == port]

    def unread(self):
        """How many datagrams for its SIP ports the kernel has thrown away, as they were not read in
        time."""
        return sum(int(row[-1]) for row in self._sip_sockets())

    def messages(self):
        """What it has had so far, by its own count: numbers by `requests`, `responses`,
        `malformed`, `denied` and so on."""
        times = self.log().count("messages so far: ")
        os.kill(self.pid, signal.SIGUSR1)
        wait_for(lambda: self.log().count("messages so far: ") > times, "the count of messages")
        line = self.log().rpartition("messages so far: ")[2].split("\n")[0]
        return {what: int(count) for count, what in re.findall(r"(\d+) ([a-z ]*[a-z])", line)}

    def wait_read(self):
        """Returns when siproxd has taken all datagrams for its SIP ports out of its sockets: who
        sends a lot and retransmits nothing waits for this, or the kernel drops the rest."""
        def waiting():
            return sum(int(row[4].split(":")[1], 16) for row in self._sip_sockets())
        wait_for(lambda: not waiting(),
                 lambda: f"SIP sockets to be read; bytes waiting: {waiting()}", 10, 0.001)

    def resident_kilobytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1])

    def private_kilobytes(self):
        """What it has written to."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as file:
            return int(re.search(r"^Private_Dirty: +(\d+) kB", file.read(), re.MULTILINE)[1])

    def sanitized(self):
        with open(f"/proc/{self.pid}/maps", encoding="utf-8") as file:
            return re.search(r"lib[at]san", file.read()) is not None

    def registration_records(self):
        """Active records of the registration file: lists of expiry, true, masqueraded and
        registered URI; and the number of all records. What follows after the 512 records that
        readers of the original's file know about must look like a comment."""
        if not os.path.exists(self.registration_file):
            return [], 0
        with open(self.registration_file, encoding="utf-8") as file:
            lines = file.read().splitlines()
        active, total, at = [], 0, 0
        while at < len(lines):
            if total >= 512 and lines[at].startswith("#"):
                at += 1
                continue
            mark, state, expires = lines[at].split(":")
            assert mark == "****", f"line {at + 1} of the registration file: {lines[at]!r}"
            total += 1
            at += 1
            if state == "1":
                active.append([int(expires), *lines[at:at + 3]])
                at += 3
        return active, total


class BackgroundDaemon(Daemon):
    """With `daemonize = 1`: known by its PID file, ready when its SIP port is open. Its log is what
    it tells syslog."""

    def __init__(self, topology, directory, settings=()):
        super().__init__(topology, directory, settings)
        self._pid = None
        self.syslog = SystemLog()

    def start(self, *arguments):
        if not binary().exists():
            raise FileNotFoundError(f"no siproxd at {binary()}: build it, or set SIPROXD")
        self.write_config()
        with open(self.log_file, "a", encoding="utf-8") as log:
            command = self.syslog.command(binary().resolve(), "-c", self.config_file, *arguments)
            launcher = self.space.start(*command, stdout=log, stderr=log, cwd=self.directory,
                                        env=self.environment())
        assert launcher.wait(10) == 0, f"siproxd did not go to the background:\n{self.log()}"

        def ready():
            if not os.path.exists(self.pid_file):
                return False
            with open(self.pid_file, encoding="ascii") as file:
                self._pid = int(file.read() or 0) or None
            port = int(self.settings["sip_listen_port"])
            return self._pid and f":{port:04X} " in self._udp_table()
        wait_for(ready, lambda: f"siproxd in the background; its log:\n{self.log()}", 10)
        return self

    def _udp_table(self):
        try:
            with open(f"/proc/{self._pid}/net/udp", encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def log(self):
        return super().log() + self.syslog.text()

    def close(self):
        self.syslog.close()

    @property
    def pid(self):
        return self._pid

    def running(self):
        """A process that nobody has waited for yet is over all the same."""
        try:
            with open(f"/proc/{self._pid}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except FileNotFoundError:
            return False

    def stop(self):
        """SIGTERM; must end it. (Its exit status is not ours to see.)"""
        if self._pid is None:
            return
        assert self.running(), f"siproxd was gone before it was stopped:\n{self.log()[-6000:]}"
        os.kill(self._pid, signal.SIGTERM)
        try:
            wait_for(lambda: not self.running(), "siproxd to end", 15)
        except AssertionError:
            os.kill(self._pid, signal.SIGKILL)
            raise
        finally:
            self._pid = None
        self.assert_no_reports()


class NoDaemon:
    """What stands in for siproxd where there is none (LAB_DIRECT)."""

    def __init__(self, *_):
        self.settings = {}

    def start(self, *_):
        return self

    def stop(self):
        """Nothing to stop."""

    def close(self):
        """Nothing to close."""

    def running(self):
        return True

    def log(self):
        return ""

    def relay_ports(self):
        return []

    def assert_ports_released(self, timeout=5.0):
        """Nothing was bound."""

    def wait_read(self):
        """There is nobody who would have to read."""
