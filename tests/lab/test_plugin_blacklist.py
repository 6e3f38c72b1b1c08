# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_blacklist: who fails to register too often is shut out."""

import sqlite3

import pytest

from daemon import plugin_directory, wait_for

pytestmark = pytest.mark.needs_daemon

SETTINGS = {"plugindir": plugin_directory(), "load_plugin": "plugin_blacklist.la",
            "plugin_blacklist_hitcount": "1"}
CREDENTIALS = ("Authorization", 'Digest username="alice", realm="x", nonce="y", uri="sip:x", '
                                'response="00000000000000000000000000000000"')


def restart_with(lab, tmp_path, **more):
    tmp_path.chmod(0o777)
    path = tmp_path / "blacklist.sqlite"
    lab.daemon.stop()
    lab.daemon.settings.update(plugin_blacklist_dbpath=str(path), **more)
    lab.daemon.start()
    return path


def fail(phone, provider):
    phone.register(headers=[CREDENTIALS])
    provider.reply(provider.expect("REGISTER"), 403)
    phone.expect((403, "REGISTER"))


@pytest.mark.siproxd(**SETTINGS)
def test_who_fails_too_often_is_ignored(lab, tmp_path):
    path = restart_with(lab, tmp_path)
    provider, phone = lab.provider(), lab.phone()
    provider.auto_register = False
    for _ in range(2):
        fail(phone, provider)
    phone.register(headers=[CREDENTIALS])
    lab.daemon.wait_log(r"INFO:\S+ UAC with IP \S+ \[sip:\S+\] is blocked$")
    assert provider.count("REGISTER") == 2
    with sqlite3.connect(path) as database:
        wait_for(lambda: database.execute("SELECT failcount FROM blacklist").fetchall() == [(2,)],
                 "the failures in the file", 10)
