# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon as its operator sees it: signals, PID file, debug port, wrong configurations."""

import os
import pwd
import signal
import socket
import subprocess

import pytest

from daemon import binary
from deadline import wait_for
from topology import GATEWAY

pytestmark = pytest.mark.needs_daemon


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order(lab, number):
    pid_file = lab.daemon.pid_file
    with open(pid_file, encoding="ascii") as file:
        assert file.read() == f"{lab.daemon.pid}\n"
    process, lab.daemon.process = lab.daemon.process, None
    assert process.stop(number, timeout=10) == 0
    assert not os.path.exists(pid_file)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE])
def test_other_signals_do_no_harm(lab, number):
    phone, provider, contact = lab.pair()
    call = lab.call_in(phone, provider, contact)
    os.kill(lab.daemon.pid, number)
    call.check_media(5)
    call.hang_up()
    lab.call_out(phone, provider).hang_up()
    assert lab.daemon.running()


def test_it_ends_in_the_middle_of_calls(lab):
    phone, provider, contact = lab.pair()
    lab.call_out(phone, provider).check_media(5)
    lab.call_in(phone, provider, contact)
    lab.daemon.stop()


@pytest.mark.siproxd(debug_port=5050)
def test_two_listeners_read_along_at_the_debug_port(lab):
    listeners = [lab.site.phones.socket("10.0.0.10", 0, socket.SOCK_STREAM) for _ in range(2)]
    try:
        for listener in listeners:
            listener.settimeout(5)
            listener.connect((GATEWAY, 5050))
        os.kill(lab.daemon.pid, signal.SIGHUP)
        phone, provider, _ = lab.pair()
        lab.call_out(phone, provider).hang_up()
        for listener in listeners:
            assert listener.recv(4096), "the debug port says something"
        stranger = lab.site.internet.socket("203.0.113.51", 0, socket.SOCK_STREAM)
        stranger.settimeout(0.2)
        with pytest.raises(OSError):
            stranger.connect(("203.0.113.1", 5050))
        stranger.close()
    finally:
        for listener in listeners:
            listener.close()


def test_errors_of_the_configuration_are_told_all_at_once(idle_lab):
    daemon = idle_lab.daemon
    daemon.settings.update(rtp_proxy_enable=7, rtp_dscp=99, sip_listen_port="seventy")
    daemon.write_config()
    done = subprocess.run(daemon.space.command(binary(), "-c", daemon.config_file),
                          capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    with open(daemon.config_file, encoding="utf-8") as file:
        lines = [line.split(" ")[0] for line in file]
    for key in ("rtp_proxy_enable", "rtp_dscp", "sip_listen_port"):
        assert f"siproxd.conf:{lines.index(key) + 1}" in done.stderr, f"{key} in:\n{done.stderr}"


def check_config(daemon):
    daemon.write_config()
    return subprocess.run(daemon.space.command(binary(), "-c", daemon.config_file, "--check-config"),
                          capture_output=True, text=True, timeout=30)


def test_the_check_says_before_the_start_what_is_missing(idle_lab):
    daemon = idle_lab.daemon
    done = check_config(daemon)
    assert (done.returncode, done.stdout) == (0, "configuration is correct\n"), done.stderr
    daemon.settings.update(hosts_alow_reg="10.0.0.0/8", load_plugin="plugin_missing.la")
    done = check_config(daemon)
    assert done.returncode == 0
    assert done.stdout == "configuration is correct, with 2 warnings\n", done.stderr
    assert "did you mean hosts_allow_reg?" in done.stderr
    for key, value in (("user", "nosuchuser"), ("chrootjail", "/nonexistent"),
                       ("max_expires", 5), ("outbound_proxy_host", "proxy.example.org:5070")):
        before, daemon.settings[key] = daemon.settings.get(key), value
        done = check_config(daemon)
        assert done.returncode == 1, f"{key} = {value}"
        assert f": {key}" in done.stderr, done.stderr
        start = subprocess.run(daemon.space.command(binary(), "-c", daemon.config_file),
                               capture_output=True, text=True, timeout=30)
        assert start.returncode == 1 and f": {key}" in start.stderr, start.stderr
        daemon.settings[key] = before


def test_a_mistyped_option_starts_nothing(idle_lab):
    done = subprocess.run(idle_lab.daemon.space.command(binary(), "--check-confg"),
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "did you mean --check-config?" in done.stderr


def test_debug_lines_come_and_go_with_the_configuration(lab):
    daemon = lab.daemon
    phone, provider, _ = lab.pair()

    def lines_of_a_call():
        before = len(daemon.log())
        lab.call_out(phone, provider).hang_up()
        return daemon.log()[before:]
    assert "INVITE sip:" not in lines_of_a_call()
    daemon.settings["debug_level"] = "0x80"
    daemon.reload()
    assert "INVITE sip:" in lines_of_a_call()
    daemon.settings["debug_level"] = "0"
    daemon.reload()
    assert "INVITE sip:" not in lines_of_a_call()


def test_the_command_line_holds_over_a_reload(idle_lab):
    daemon = idle_lab.daemon
    pid_file = f"{daemon.directory}/option.pid"
    daemon.start("-p", pid_file, "-d", "0x80")
    assert os.path.exists(pid_file) and not os.path.exists(daemon.pid_file)
    daemon.settings["debug_level"] = "0"
    daemon.reload()
    assert "needs a restart" not in daemon.log()
    phone, provider, _ = idle_lab.pair()
    before = len(daemon.log())
    idle_lab.call_out(phone, provider).hang_up()
    assert "INVITE sip:" in daemon.log()[before:]


def test_an_unknown_directive_is_no_reason_to_stop(idle_lab):
    lab = idle_lab
    lab.daemon.settings["plugin_stun_server_host"] = "stun.example.test"
    lab.daemon.settings["no_such_thing"] = 1
    lab.daemon.start()
    lab.daemon.wait_log("no_such_thing")


@pytest.mark.siproxd(user="nobody", rtp_engine="userspace")
def test_it_gives_up_every_privilege(lab):
    with open(f"/proc/{lab.daemon.pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    assert set(status["Uid"].split()) == {str(pwd.getpwnam("nobody").pw_uid)}
    assert "0" not in status["Groups"].split()
    assert int(status["CapEff"], 16) == 0
    phone, provider, contact = lab.pair()
    call = lab.call_in(phone, provider, contact)
    call.check_media(5)
    call.hang_up()
    wait_for(lambda: lab.daemon.registration_records()[0], "the registration file", 2)
    assert "corrupt" not in lab.daemon.log(), "at the first start of all"
