# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_capture: what tshark reads in its files."""

import pathlib
import subprocess

import pytest

from daemon import plugin_directory
from deadline import wait_for
from topology import PHONE, PROVIDER, PUBLIC

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "load_plugin": "plugin_capture.la"}


def tshark(path, *arguments):
    done = subprocess.run(["tshark", "-n", "-r", str(path), *arguments], capture_output=True, text=True,
                          check=False, timeout=60)
    return done.stdout


def methods(path):
    """First lines of SIP in the order of the file, with who has sent them."""
    text = tshark(path, "-Y", "sip", "-T", "fields", "-e", "ip.src", "-e", "sip.Method", "-e", "sip.Status-Code")
    return [line.split("\t") for line in text.splitlines()]


def started(lab, **options):
    """siproxd with a capture of one file, whose path is returned."""
    path = pathlib.Path(lab.daemon.directory) / f"capture.{options.get('format', 'pcapng')}"
    lab.daemon.settings.update(LOADED, plugin_capture=[{"file": path, "files": 1, **options}])
    lab.daemon.start()
    return path


@pytest.mark.parametrize("form", ["pcapng", "pcap"])
def test_a_call_is_seen_on_both_sides(idle_lab, form):
    path = started(idle_lab, format=form)
    phone, provider, _ = idle_lab.pair()
    idle_lab.call_out(phone, provider).hang_up()
    wait_for(lambda: sum(line[2] == "200" for line in methods(path)) >= 6, "the last answer in the file")
    seen = methods(path)
    for source in (PHONE, PUBLIC):
        assert [source, "INVITE", ""] in seen and [source, "BYE", ""] in seen
    assert [PROVIDER, "", "180"] in seen
    # A call of two sides to Wireshark, in one Call-ID.
    assert len(set(tshark(path, "-Y", 'sip.Method == "INVITE"', "-T", "fields", "-e", "sip.Call-ID").split())) == 1


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_connections_are_read_in_clear(idle_lab, tls_settings, identity, transport):
    idle_lab.daemon.settings.update(tls_settings)
    path = started(idle_lab)
    phone, provider = idle_lab.phone("alice", transport=transport, identity=identity), idle_lab.provider()
    idle_lab.registered(phone, provider)
    wait_for(lambda: "REGISTER" in path.read_bytes().decode("latin-1"), "the REGISTER in the file")
    wait_for(lambda: [PHONE, "REGISTER", ""] in methods(path), "tshark to see the phone's REGISTER")
    if transport == "tls":
        assert "decrypted" in path.read_bytes().decode("latin-1")


def test_media_of_a_call(idle_lab):
    path = started(idle_lab, media="any")
    phone, provider, _ = idle_lab.pair()
    call = idle_lab.call_out(phone, provider)
    wait_for(lambda: (call.check_media(10), "g711A" in rtp_streams(path))[1], "RTP in the file", timeout=15)
    call.hang_up()
    streams = rtp_streams(path)
    for address in (PHONE, PROVIDER):
        assert address in streams


def rtp_streams(path):
    return tshark(path, "-q", "-z", "rtp,streams") if path.exists() else ""


def test_on_and_off_while_it_runs(idle_lab):
    switch = pathlib.Path(idle_lab.daemon.directory) / "switch"
    path = started(idle_lab, switch=switch)
    phone, provider, _ = idle_lab.pair()
    idle_lab.call_out(phone, provider).hang_up()
    switch.write_text(f"address {PROVIDER}\n", encoding="ascii")
    idle_lab.daemon.wait_log("plugin_capture: SIP is captured to")
    idle_lab.call_out(phone, provider).hang_up()
    switch.unlink()
    idle_lab.daemon.wait_log(r"plugin_capture: \d+ packets of SIP have been captured")
    idle_lab.call_out(phone, provider).hang_up()
    seen = methods(path)
    # A call of which one side is wanted is there with both.
    assert sum(line[1] == "BYE" for line in seen) == 2
    assert not any(line[1] == "REGISTER" for line in seen)


@pytest.mark.siproxd(**LOADED, plugin_capture=[{"file": "/tmp/x.pcap", "filter": "udp prt 5060"}])
def test_what_is_wrong_is_told_with_its_place(lab):
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_capture_filter = udp prt 5060")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
