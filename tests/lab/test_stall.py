# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever the proxy has to wait for stands still, and meanwhile it answers everybody else as fast
as ever: name servers, connections of a provider, the disk."""

import atexit
import fcntl
import functools
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

import rtp
import sip
import topology
from deadline import scaled, wait_for
from topology import GATEWAY, PBX, PHONE, PROVIDER, SILENT, UNANSWERED

pytestmark = [pytest.mark.needs_daemon, pytest.mark.alone,
              pytest.mark.capture(inside="udp port 1", outside="udp port 1")]

PINGS, INTERVAL, ECHO = 1000, 0.002, 9000
PORTS = {"rtp_port_low": 30000, "rtp_port_high": 30999}
MOST_OF_THEM = 0.005    # seconds; 99 % of the answers take less


@pytest.fixture(scope="module")
def site():
    with topology.DualStack() as networks:
        yield networks


@functools.cache
def stall_library():
    directory = tempfile.mkdtemp(prefix=f"siplab-{os.getpid()}-stall-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    library = f"{directory}/stall.so"
    subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-O1", "-o", library,
                    pathlib.Path(__file__).with_name("stall.c"), "-ldl"], check=True)
    return library


def go_first(*pids):
    """These processes do not wait for the machine's other work, which is not what is measured."""
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            try:
                os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(1))
            except (PermissionError, ProcessLookupError):
                pass


class Pinger:
    """Asks the proxy for its OPTIONS again and again and measures how long each answer takes. In
    turn with that it asks an echo on the same host: what that one takes is the machine's doing."""

    def __init__(self, lab):
        self.daemon = lab.daemon
        self.sock = lab.site.phones.socket(PBX, 5060)
        self.sock.settimeout(scaled(1))
        lab.at_end(self.sock.close)
        self.echo = lab.site.router.start("/usr/bin/python3", rtp.__file__, "echo", "--listen",
                                          f"{GATEWAY}:{ECHO}", "--idle", "60")
        lab.at_end(self.echo.stop)
        wait_for(lambda: f":{ECHO} " in lab.site.router.run("ss", "-Huln"), "the echo to listen",
                 10)

    def ping_echo(self):
        began = time.perf_counter()
        self.sock.sendto(b"ping", (GATEWAY, ECHO))
        assert self.sock.recv(100) == b"ping"
        return time.perf_counter() - began

    def ping(self, number):
        """Seconds until the answer."""
        request = (f"OPTIONS sip:{GATEWAY} SIP/2.0\r\n"
                   f"Via: SIP/2.0/UDP {PBX}:5060;branch=z9hG4bKping{number}\r\nMax-Forwards: 70\r\n"
                   f"From: <sip:ping@example.test>;tag=p{number}\r\nTo: <sip:{GATEWAY}>\r\n"
                   f"Call-ID: ping{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
        began = time.perf_counter()
        self.sock.sendto(request.encode(), (GATEWAY, 5060))
        answer = self.sock.recv(4096)
        took = time.perf_counter() - began
        assert answer.startswith(b"SIP/2.0 200 "), answer.decode()
        assert f"Call-ID: ping{number}\r\n".encode() in answer, "the answer to another one"
        return took

    def run(self, meanwhile):
        """All pings; before every tenth of them `meanwhile(number)` gives the proxy something to
        wait for."""
        go_first(self.daemon.pid, self.echo.pid, os.getpid())
        times, floor = [], []
        try:
            for number in range(PINGS):
                if number % 10 == 0:
                    meanwhile(number // 10)
                times.append(self.ping(number))
                time.sleep(INTERVAL)    # each finds the machine at other work
                floor.append(self.ping_echo())
                time.sleep(INTERVAL)
        finally:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        percentile, of_machine = _percentile("proxy", times), _percentile("echo", floor)
        assert percentile < scaled(MOST_OF_THEM) + of_machine, \
            f"p99 is {percentile * 1000:.1f} ms where an echo takes {of_machine * 1000:.1f}"


def _percentile(who, times):
    """99 % of the answers took up to so many seconds."""
    times = sorted(times)
    found = times[len(times) * 99 // 100]
    print(f"{who}: p50 {times[len(times) // 2] * 1000:.2f} ms, p99 {found * 1000:.2f} ms, "
          f"slowest {times[-1] * 1000:.2f} ms")
    return found


@pytest.mark.parametrize("server", [
    pytest.param(None, marks=pytest.mark.siproxd(**PORTS), id="that of the names"),
    pytest.param(SILENT, marks=pytest.mark.siproxd(dns_servers=SILENT, **PORTS), id="our own")])
def test_while_name_servers_are_silent(secure_lab, server):
    assert secure_lab.daemon.settings.get("dns_servers") == server
    phone = secure_lab.phone()

    def call(number):
        phone.pump()
        phone.invite(f"sip:bob@host{number}.{UNANSWERED}", sip.sdp(PHONE, 20000 + 2 * number))
    Pinger(secure_lab).run(call)
    assert phone.count(100) >= PINGS / 10, "all of them are being tried"


class Stuck:
    """A server that the kernel accepts connections for, and that never looks at them."""

    def __init__(self, lab, port):
        self.sock = lab.site.internet.socket(PROVIDER, port, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.listen(1)
        lab.at_end(self.sock.close)


@pytest.mark.memory
@pytest.mark.parametrize("target", [
    pytest.param("host4.example.test;transport=tcp", id="never reads"),
    pytest.param("host4.example.test;transport=tls", id="never shakes hands"),
    pytest.param("silent.example.test;transport=tcp", id="never answers")])
def test_while_connections_stand_still(secure_lab, target):
    for port in (5060, 5061):
        Stuck(secure_lab, port)
    phone = secure_lab.phone()

    def send(number):
        phone.request("MESSAGE", f"sip:bob{number}@{target}", body="x" * 20000,
                      content_type="text/plain")
    before = secure_lab.daemon.resident_kilobytes()
    Pinger(secure_lab).run(send)
    # 100 messages of 20 kB: whatever is kept of them is not kept several times.
    assert secure_lab.daemon.resident_kilobytes() - before < 16000


class StalledDisk:
    """What happens below `below` takes until `release()`."""

    def __init__(self, lab, below):
        self.flag, self.counter = f"{lab.directory}/stalled", f"{lab.directory}/stalled-calls"
        open(self.counter, "w", encoding="ascii").close()
        os.chmod(self.counter, 0o666)
        lab.daemon.extra_environment = {
            "LD_PRELOAD": stall_library(), "SIPLAB_STALL_BELOW": below,
            "SIPLAB_STALL_WHILE": self.flag, "SIPLAB_STALL_COUNT": self.counter}
        lab.at_end(self.release)

    def stall(self):
        open(self.flag, "w", encoding="ascii").close()

    def release(self):
        if os.path.exists(self.flag):
            os.unlink(self.flag)

    def calls_held(self):
        return os.path.getsize(self.counter)


def writable_directory(lab):
    path = f"{lab.directory}/state"
    os.mkdir(path)
    os.chmod(path, 0o777)
    return path


def test_while_the_disk_does_not_write(idle_lab):
    """Phones register, which is to be saved. It is, when the disk is back."""
    state = writable_directory(idle_lab)
    idle_lab.daemon.registration_file = f"{state}/registrations"
    idle_lab.daemon.settings["registration_file"] = idle_lab.daemon.registration_file
    disk = StalledDisk(idle_lab, state)
    idle_lab.daemon.start()
    phone = idle_lab.phone(domain="foo.bar.org")
    disk.stall()

    def register(number):
        phone.user = f"u{number}"
        phone.register()
    Pinger(idle_lab).run(register)
    phone.pump()
    assert phone.count((200, "REGISTER")) == PINGS / 10
    assert disk.calls_held() > 0, "nothing was held up"
    disk.release()
    wait_for(lambda: len(idle_lab.daemon.registration_records()[0]) == PINGS / 10,
             lambda: f"all to be saved: {len(idle_lab.daemon.registration_records()[0])}", 10)


def test_while_the_disk_does_not_read(idle_lab):
    """The password file is changed, and reading it takes forever."""
    state = writable_directory(idle_lab)
    users = pathlib.Path(state, "users")
    users.write_text("alice secret\n", "ascii")
    idle_lab.daemon.settings.update(proxy_auth_realm="lab", proxy_auth_pwfile=str(users))
    disk = StalledDisk(idle_lab, state)
    idle_lab.daemon.start()
    disk.stall()
    phone = idle_lab.phone(domain="foo.bar.org")

    def change(number):
        with open(users, "a", encoding="ascii") as file:
            file.write(f"u{number} secret{number}\n")
        phone.register()
    change("")
    wait_for(disk.calls_held, "somebody to look at the file", 20)
    Pinger(idle_lab).run(change)
    disk.release()
    phone.pump()
    assert phone.count(401) == PINGS / 10 + 1


def test_while_another_password_file_is_taken(idle_lab):
    """The disk of the former one stands still with somebody reading it."""
    state = writable_directory(idle_lab)
    former, users = pathlib.Path(state, "users"), pathlib.Path(idle_lab.directory, "users")
    former.write_text("alice secret\n", "ascii")
    users.write_text("alice secret\nbob builder\n", "ascii")
    idle_lab.daemon.settings.update(proxy_auth_realm="lab", proxy_auth_pwfile=str(former))
    disk = StalledDisk(idle_lab, state)
    idle_lab.daemon.start()
    disk.stall()
    wait_for(disk.calls_held, "somebody to look at the file", 20)
    idle_lab.daemon.settings["proxy_auth_pwfile"] = str(users)
    idle_lab.daemon.reload()
    phone = idle_lab.phone(domain="foo.bar.org")
    Pinger(idle_lab).run(lambda _: phone.register())
    phone.pump()
    assert phone.count(401) == PINGS / 10
    with open(users, "a", encoding="ascii") as file:
        file.write("carol singer\n")
    idle_lab.daemon.wait_log(f"{users} has changed: 3 users", 20)


class Reader:
    """Whoever reads the daemon's log off a pipe, and stops doing so for a while."""

    def __init__(self, lab):
        ours, lab.daemon.output = os.pipe()
        fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, 4096)
        self.go_on = threading.Event()
        self.go_on.set()
        self.thread = threading.Thread(target=self._read, args=(ours, lab.daemon.log_file))
        self.thread.start()
        lab.at_end(self.go_on.set)

    def _read(self, source, path):
        with open(source, "rb", buffering=0) as pipe, open(path, "ab", buffering=0) as file:
            while data := pipe.read(4096):
                self.go_on.wait()
                file.write(data)


@pytest.mark.siproxd(debug_level=-1)
def test_while_nobody_takes_the_log(idle_lab):
    reader = Reader(idle_lab)
    idle_lab.daemon.start()
    phone = idle_lab.phone(domain="foo.bar.org")
    reader.go_on.clear()
    Pinger(idle_lab).run(lambda _: phone.register())
    phone.pump()
    assert phone.count((200, "REGISTER")) == PINGS / 10
    reader.go_on.set()
    idle_lab.daemon.wait_log("lines were lost")
