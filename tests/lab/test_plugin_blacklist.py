# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_blacklist: who fails to register too often is shut out."""

import contextlib
import pathlib
import sqlite3

import pytest

from daemon import plugin_directory
from deadline import wait_for

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "load_plugin": "plugin_blacklist.la", "plugin_blacklist_hitcount": 1}
CREDENTIALS = ("Authorization", 'Digest username="alice", realm="x", nonce="y", uri="sip:x", '
                                'response="00000000000000000000000000000000"')
BLOCKED = r"INFO:\S+ UAC with IP 10.0.0.10 \[sip:alice@\S+\] is blocked$"


@pytest.fixture
def house(idle_lab):
    """A siproxd with a database of its own; `path` is where."""
    idle_lab.path = pathlib.Path(idle_lab.daemon.directory) / "blacklist.sqlite"
    idle_lab.daemon.settings.update(plugin_blacklist_dbpath=idle_lab.path)
    idle_lab.daemon.start()
    return idle_lab


def ask(path, sql):
    """What somebody with the program sqlite3 would do."""
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as database, database:
        return database.execute(sql).fetchall()


def fail(phone, provider, status=403):
    phone.register(headers=[CREDENTIALS])
    provider.reply(provider.expect("REGISTER"), status)
    phone.expect((status, "REGISTER"))


@pytest.mark.siproxd(**LOADED)
def test_who_fails_too_often_is_ignored(house):
    provider, phone = house.provider(), house.phone()
    for _ in range(2):
        fail(phone, provider)
    phone.register(headers=[CREDENTIALS])
    house.daemon.wait_log(BLOCKED)
    assert provider.count("REGISTER") == 2
    wait_for(lambda: ask(house.path, "SELECT ip, failcount FROM blacklist") == [("10.0.0.10", 2)],
             "the failures in the file", 10)
    house.daemon.stop()
    house.daemon.start()
    wait_for(lambda: (phone.register(headers=[CREDENTIALS]), house.daemon.log().count("is blocked") > 1)[1],
             "the block to have survived", 10, interval=0.2)


@pytest.mark.siproxd(**LOADED)
def test_a_row_entered_by_hand_counts_and_is_taken_back(house):
    phone, provider, _ = house.pair()
    wait_for(lambda: ask(house.path, "SELECT name FROM sqlite_master WHERE name='blacklist'"), "the tables", 10)
    ask(house.path, f"INSERT INTO blacklist (type, ip, sipuri) VALUES (1, '10.0.0.10', '{phone.aor}')")
    wait_for(lambda: (phone.start(phone.build("OPTIONS", "sip:bob@sip.example.test")),
                      "is blocked" in house.daemon.log())[1], "the block", 15, interval=0.2)
    ask(house.path, "DELETE FROM blacklist")
    wait_for(lambda: (phone.start(phone.build("OPTIONS", "sip:bob@sip.example.test")),
                      provider.pump(), provider.count("OPTIONS") > 0)[2], "the OPTIONS to arrive", 15, interval=0.2)


@pytest.mark.siproxd(**{**LOADED, "plugin_blacklist_simulate": 1})
def test_it_may_only_say_so(house):
    provider, phone = house.provider(), house.phone()
    for _ in range(3):
        fail(phone, provider)
    house.daemon.wait_log(r"would be blocked \(simulate=1\)$")


@pytest.mark.siproxd(**LOADED)
def test_challenges_that_are_met_are_no_failures(house):
    provider, phone = house.provider(), house.phone()
    for _ in range(3):
        phone.register()
        provider.reply(provider.expect("REGISTER"), 401,
                       headers=[("WWW-Authenticate", 'Digest realm="x", nonce="y"')])
        phone.expect((401, "REGISTER"))
        phone.register(headers=[CREDENTIALS])
        provider.reply(provider.expect("REGISTER"), 200)
        phone.expect((200, "REGISTER"))
    assert "is blocked" not in house.daemon.log()


@pytest.mark.siproxd(**{**LOADED, "plugin_blacklist_dbpath": "/nonexistent/b.sqlite"})
def test_a_file_that_cannot_be_opened(lab):
    lab.daemon.wait_log("plugin_blacklist: /nonexistent/b.sqlite: unable to open database file", timeout=10)
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
