# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_stats: how many calls there are, in the log and in a file."""

import os
import signal

import pytest

from daemon import plugin_directory
from deadline import wait_for
from topology import GATEWAY, PHONE, PROVIDER, PUBLIC

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "load_plugin": "plugin_stats.la", "plugin_stats_to_syslog": -1}


@pytest.mark.siproxd(**LOADED)
def test_a_call_is_counted_as_long_as_it_lasts(lab):
    def asked(streams, calls, clients, registered):
        line = (f"STATS: {streams} active Streams, {calls} active Calls, {clients} active Clients, "
                f"{registered} registered Clients")
        before = lab.daemon.log().count(line)
        os.kill(lab.daemon.pid, signal.SIGUSR1)
        wait_for(lambda: lab.daemon.log().count(line) == before + 1,
                 lambda: f"{line}; the log:\n{lab.daemon.log()[-2000:]}")
    asked(0, 0, 0, 0)
    phone, provider, contact = lab.pair()
    asked(0, 0, 0, 1)
    call = lab.call_in(phone, provider, contact)
    call.check_media(5)
    asked(2, 1, 1, 1)
    call.hang_up()
    asked(0, 0, 0, 1)


@pytest.fixture
def filed(idle_lab):
    """With a file; the daemon is not started yet."""
    path = f"{idle_lab.directory}/stats"
    idle_lab.daemon.settings.update(plugin_stats_to_file=1, plugin_stats_filename=path)
    return idle_lab, path


@pytest.mark.siproxd(**LOADED)
def test_the_file_shows_the_streams_of_a_call(filed):
    lab, path = filed
    lab.daemon.start()
    phone, provider, contact = lab.pair()
    call = lab.call_in(phone, provider, contact)
    call.check_media(5)

    def data():
        try:
            with open(path, encoding="utf-8") as file:
                return [line.strip() for line in file if line.startswith("Data;")]
        except FileNotFoundError:
            return []
    wait_for(data, "the call in the file")
    out, back = (line.split(";") for line in data())
    client = f"{phone.user}@{phone.domain}"
    assert out[1] == back[1] == client
    assert out[3:] == ["Incoming", "Outgoing", GATEWAY, PROVIDER]
    assert back[3:] == ["Incoming", "Incoming", PUBLIC, PHONE]
    call.hang_up()
    wait_for(lambda: not data(), "the file without the call")
