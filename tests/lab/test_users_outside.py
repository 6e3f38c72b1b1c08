# SPDX-License-Identifier: GPL-2.0-or-later
"""Users who are outside with nothing but their password (users_outside), and svcrack, which would
like to be one of them."""

import hashlib
import subprocess
import sys

import pytest

import calls
import digest
from deadline import wait_for
from topology import PROVIDER_2, PUBLIC, REMOTE, SERVICES, let_streams_in

pytestmark = pytest.mark.needs_daemon

HOME = {"domain": "home.test"}
PASSWORD = "tango17"

# sipvicious says what it is, and that alone is a ban. Who means it has changed that.
DISGUISED = """
import os, shutil, sys
sys.path.insert(0, os.path.dirname(os.path.realpath(shutil.which("svcrack"))))
from sipvicious.libs import svhelper
svhelper.makeRequest.__defaults__ = tuple(
    "desk phone" if value == "friendly-scanner" else value
    for value in svhelper.makeRequest.__defaults__)
from sipvicious import svcrack
sys.argv[0] = "svcrack"
svcrack.main()
"""
COMMANDS = {"as it is": ["svcrack"], "disguised": [sys.executable, "-u", "-c", DISGUISED]}


@pytest.fixture
def users_lab(idle_lab):
    """Without its `daemon.start()`."""
    idle_lab.passwords(alice="wonderland", far=PASSWORD)
    idle_lab.daemon.settings.update(users_outside=1, hosts_allow_reg=None)
    return idle_lab


def user_outside(lab, transport="udp", **details):
    return lab.provider(PROVIDER_2, "far", transport=transport, **HOME,
                        outbound=(PUBLIC, SERVICES[transport][2]), **details)


# --- svcrack


class Svcrack:
    """svcrack, going for the password of the user far."""

    def __init__(self, lab, how, guesses):
        self.log_file = f"{lab.directory}/svcrack.log"
        words = f"{lab.directory}/guesses"
        with open(words, "w", encoding="ascii") as file:
            file.writelines(f"{guess}\n" for guess in guesses)
        with open(self.log_file, "a", encoding="ascii") as log:
            self.process = lab.site.internet.start(
                "env", f"HOME={lab.directory}", *COMMANDS[how], "-vv", "-b", REMOTE, "-x", REMOTE,
                "-u", "far", "-d", words, "--domain", "home.test", PUBLIC,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        lab.at_end(self.process.stop)

    def output(self):
        with open(self.log_file, encoding="ascii", errors="replace") as file:
            return file.read()

    def has_found(self, password):
        return f"The password for far is {password}" in self.output()


@pytest.fixture
def crackable_lab(users_lab):
    """svcrack knows MD5 only, and ends at the first SHA-256 that it is offered."""
    with open(users_lab.daemon.settings["proxy_auth_pwfile"], "w", encoding="ascii") as file:
        secret = hashlib.md5(f"far:home:{PASSWORD}".encode()).hexdigest()
        file.write(f"far:home:{secret}\n")
    users_lab.daemon.start()
    return users_lab


def test_svcrack_finds_what_it_tries_first(crackable_lab):
    """Or it would say nothing that it finds nothing below."""
    svcrack = Svcrack(crackable_lab, "disguised", ["tango1", "tango2", PASSWORD])
    wait_for(lambda: svcrack.has_found(PASSWORD), svcrack.output, 15)


def test_who_guesses_passwords_is_banned_and_users_are_not(crackable_lab):
    lab = crackable_lab
    user = user_outside(lab)
    lab.enrolled(user, PASSWORD)
    svcrack = Svcrack(lab, "disguised", [f"tango{number}" for number in range(60)])
    lab.daemon.wait_log(f"{REMOTE} is banned for 3600 s: wrong passwords", 15)
    svcrack.process.stop()
    output = svcrack.output()
    assert "trying tango9" in output and not svcrack.has_found(PASSWORD), output
    answers = [packet.payload.split(b"\r\n")[0] for packet in lab.outside.stop().packets()
               if packet.target == REMOTE and packet.is_sip()]
    assert set(answers) == {b"SIP/2.0 401 Unauthorized", b"SIP/2.0 403 Forbidden"}, answers
    assert answers.count(b"SIP/2.0 403 Forbidden") <= 5, answers

    lab.enrolled(user, PASSWORD)
    lucky = lab.provider(REMOTE, "far", **HOME, outbound=(PUBLIC, 5060))
    lucky.register()
    lab.enrolled(user, PASSWORD)
    assert lucky.count(lambda message: True) == 0, "who is banned is told nothing, right or wrong"


def test_svcrack_as_it_is_learns_not_even_that_there_are_passwords(crackable_lab):
    lab = crackable_lab
    user = user_outside(lab)
    lab.enrolled(user, PASSWORD)
    for number in range(1, 5):
        svcrack = Svcrack(lab, "as it is", [PASSWORD])
        wait_for(lambda: lab.daemon.log().count("dropped: scanner") == number,
                 "its packet to be dropped", 15)
        svcrack.process.stop()
    lab.daemon.wait_log(f"{REMOTE} is banned for 300 s: scanner")
    lab.enrolled(user, PASSWORD)
    assert not [packet for packet in lab.outside.stop().packets()
                if packet.target == REMOTE and packet.source == PUBLIC]


# --- calls


@pytest.mark.parametrize("transport", SERVICES)
def test_a_user_outside_calls_out_and_in_with_audio(users_lab, tls_settings, identity, transport):
    lab = users_lab
    lab.daemon.settings = {**tls_settings, **lab.daemon.settings}
    let_streams_in(lab.site, lab.at_end)
    lab.daemon.start()
    far, alice = user_outside(lab, transport, identity=identity), lab.phone("alice", **HOME)
    bob = lab.provider()
    lab.enrolled(far, PASSWORD)
    lab.enrolled(alice, "wonderland")
    for callee, uri in ((bob, bob.aor), (alice, "sip:alice@home.test")):
        for by in ("caller", "callee"):
            call = calls.establish(far, callee, uri, password=PASSWORD)
            call.check_tones(10)
            call.hang_up(by)
    call = calls.establish(alice, far, "sip:far@home.test")
    call.check_tones(10)
    call.hang_up("callee")
    lab.daemon.assert_ports_released()


def test_without_the_password_nobody_calls(users_lab):
    lab = users_lab
    lab.daemon.start()
    alice, bob, far = lab.phone("alice", **HOME), lab.provider(), user_outside(lab)
    lab.enrolled(alice, "wonderland")
    for uri in (bob.aor, "sip:alice@home.test"):
        far.invite(uri)
        challenge = far.expect((407, "INVITE"))["proxy-authenticate"]
        far.invite(uri, headers=[("Proxy-Authorization", digest.answer(
            challenge, "INVITE", uri, "far", "tango16"))])
        far.expect((407, "INVITE"))
    # Whatever had been passed on would have come before this.
    call = calls.establish(far, bob, bob.aor, password=PASSWORD)
    call.hang_up()
    call = calls.establish(far, alice, "sip:alice@home.test", password=PASSWORD)
    call.hang_up()
    assert (bob.count("INVITE"), alice.count("INVITE")) == (1, 1)
    lab.daemon.assert_ports_released()
