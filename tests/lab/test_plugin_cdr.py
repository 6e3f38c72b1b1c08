# SPDX-License-Identifier: GPL-2.0-or-later
"""plugin_cdr: a record of each call, in files that are moved away meanwhile, and for a program that dies."""

import csv
import json
import os
import pwd
import signal
import stat

import pytest

import sip
from daemon import plugin_directory
from deadline import wait_for

pytestmark = pytest.mark.needs_daemon

LOADED = {"plugindir": plugin_directory(), "load_plugin": "plugin_cdr.la"}


@pytest.fixture
def recording(idle_lab):
    """A lab whose daemon, not started yet, writes JSON to `path`; and a function that gives the records there, once
    there are `count`."""
    path = f"{idle_lab.directory}/cdr.json"
    idle_lab.daemon.settings.update(plugin_cdr_file=path, plugin_cdr_format="json")

    def records(count, where=path):
        def lines():
            if not os.path.exists(where):
                return []
            with open(where, encoding="utf-8") as file:
                return file.read().splitlines()
        wait_for(lambda: len(lines()) >= count, lambda: f"{count} records in {lines()}")
        assert len(lines()) == count
        return [json.loads(line) for line in lines()]
    return idle_lab, path, records


def refused(lab, phone, provider, status):
    phone.invite(f"sip:{provider.user}@{phone.domain}", sip.sdp(phone.address, 4000))
    provider.reply(provider.expect("INVITE"), status)
    phone.expect((status, "INVITE"))
    provider.expect("ACK")
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(**LOADED)
def test_a_call_with_its_quality(recording):
    lab, _, records = recording
    lab.daemon.start()
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media(60)
    call.hang_up(by="callee")
    record = records(1)[0]
    assert record["disposition"] == "ANSWERED" and record["code"] == 200
    assert record["direction"] == "out" and record["ended_by"] == "callee"
    assert record["from"] == phone.aor and record["dialled"] == f"sip:{provider.user}@{phone.domain}"
    assert record["source"] == phone.address and record["gateway"] is None
    assert record["call_id"] == call.caller.call_id
    assert record["start"] <= record["answer"] <= record["end"]
    assert record["duration"] > 1
    assert record["codec"] == "PCMA"
    for party in ("caller", "callee"):
        assert record[f"{party}_packets"] == 60 and record[f"{party}_loss"] == 0
        assert record[f"{party}_jitter"] < 20
        assert 3 < record[f"{party}_mos"] < 4.6


@pytest.mark.siproxd(**LOADED)
def test_calls_that_nobody_answers(recording):
    lab, _, records = recording
    lab.daemon.start()
    phone, provider, _ = lab.pair()
    for status in (486, 480, 603, 404, 407):
        refused(lab, phone, provider, status)
    call = phone.invite(f"sip:{provider.user}@{phone.domain}", sip.sdp(phone.address, 4000))
    invite = provider.expect("INVITE")
    provider.reply(invite, 180)
    phone.expect((180, "INVITE"))
    call.cancel()
    provider.reply(provider.expect("CANCEL"), 200)
    provider.reply(invite, 487)
    phone.expect((487, "INVITE"))
    found = [(record["disposition"], record["code"], record["ended_by"]) for record in records(5)]
    assert found == [("BUSY", 486, "callee"), ("NO ANSWER", 480, "callee"), ("REFUSED", 603, "callee"),
                     ("FAILED", 404, "callee"), ("CANCELLED", 487, "caller")]
    assert all(record["answer"] is None and record["duration"] == 0 for record in records(5))


@pytest.mark.siproxd(**LOADED)
def test_kill_9_costs_the_call_in_progress_and_no_other(recording):
    lab, path, records = recording
    lab.daemon.start()
    phone, provider, _ = lab.pair()
    ids = []
    for _ in range(3):
        call = lab.call_out(phone, provider)
        ids.append(call.caller.call_id)
        call.hang_up()
    records(3)
    lab.call_out(phone, provider)
    lab.daemon.kill()
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"half')     # what a machine that is switched off may leave
    lab.daemon.start()
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    ids.append(call.caller.call_id)
    call.hang_up()
    wait_for(lambda: open(path, encoding="utf-8").read().count("\n") == 5, "the record after the half one")
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert lines.pop(3) == '{"half'
    assert [json.loads(line)["call_id"] for line in lines] == ids


@pytest.mark.siproxd(**LOADED)
def test_calls_in_progress_have_records_when_siproxd_ends(recording):
    lab, _, records = recording
    lab.daemon.start()
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    lab.daemon.stop()
    record = records(1)[0]
    assert record["call_id"] == call.caller.call_id and record["disposition"] == "ANSWERED"
    assert record["ended_by"] == "proxy" and record["reason"]


@pytest.mark.siproxd(**LOADED)
def test_files_are_moved_away_during_calls(recording):
    lab, path, _ = recording
    path = path.replace(".json", ".csv")
    lab.daemon.settings.update(plugin_cdr_file=path, plugin_cdr_format="csv")
    lab.daemon.start()
    phone, provider, _ = lab.pair()
    ids, moved = [], []
    for number in range(4):
        call = lab.call_out(phone, provider)
        ids.append(call.caller.call_id)
        if os.path.exists(path):
            moved.append(f"{path}.{number}")
            os.rename(path, moved[-1])
        call.hang_up()
        wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 300, "the record in the new file")
    found = []
    for name in [*moved, path]:
        with open(name, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 1 and rows[0]["disposition"] == "ANSWERED"
        found.append(rows[0]["call_id"])
    assert found == ids
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o007 == 0


HOOK = """#!/bin/sh
echo $$ >> {0}.pids
while read -r line; do
    case "$line" in
    *'"code":486'*) exit 3 ;;
    *) printf '%s\\n' "$line" >> {0} ;;
    esac
done
"""


@pytest.mark.siproxd(**LOADED)
def test_a_hook_gets_the_records_and_is_started_again_when_it_dies(recording):
    lab, path, records = recording
    program, got = f"{lab.directory}/hook", f"{lab.directory}/got"
    with open(program, "w", encoding="utf-8") as file:
        file.write(HOOK.format(got))
    os.chmod(program, 0o755)
    lab.daemon.settings.update(plugin_cdr_hook=program)
    lab.daemon.start()

    def hooks():
        with open(f"{got}.pids", encoding="ascii") as file:
            return [int(line) for line in file]
    phone, provider, _ = lab.pair()
    refused(lab, phone, provider, 480)
    assert records(1, got)[0]["code"] == 480
    refused(lab, phone, provider, 486)      # it dies of that one
    lab.daemon.wait_log(r"plugin_cdr: hook \S+/hook ended with 3, next start in 1 s", timeout=15)
    refused(lab, phone, provider, 404)
    assert [record["code"] for record in records(2, got)] == [480, 404]
    os.kill(hooks()[-1], signal.SIGKILL)
    refused(lab, phone, provider, 603)
    wait_for(lambda: len(hooks()) == 3, "the third hook", 10)
    assert [record["code"] for record in records(4, path)] == [480, 486, 404, 603]
    last = hooks()[-1]
    lab.daemon.stop()
    assert not os.path.exists(f"/proc/{last}")


@pytest.mark.siproxd(**LOADED, user="nobody", rtp_engine="userspace")
def test_files_and_hook_belong_to_the_user_of_siproxd(recording):
    lab, path, records = recording
    program, got = f"{lab.directory}/hook", f"{lab.directory}/got"
    with open(program, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\ngrep -E '^(Uid|CapEff|CapPrm|Groups):' /proc/self/status > {got}\ncat >> {got}\n")
    os.chmod(program, 0o755)
    lab.daemon.settings.update(plugin_cdr_hook=program)
    lab.daemon.start()
    phone, provider, _ = lab.pair()
    refused(lab, phone, provider, 486)
    records(1)
    nobody = pwd.getpwnam("nobody").pw_uid
    assert os.stat(path).st_uid == nobody
    wait_for(lambda: '"code":486' in open(got, encoding="utf-8").read(), "the record at the hook", 10)
    with open(got, encoding="utf-8") as file:
        status = dict(line.split(":", 1) for line in file.readlines()[:4])
    assert set(status["Uid"].split()) == {str(nobody)}
    assert "0" not in status["Groups"].split()
    assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
    for task in os.listdir(f"/proc/{lab.daemon.pid}/task"):
        with open(f"/proc/{lab.daemon.pid}/task/{task}/status", encoding="ascii") as file:
            assert all(int(line.split()[1], 16) == 0 for line in file if line.startswith("CapPrm"))


@pytest.mark.siproxd(**LOADED, plugin_cdr_queue=2)
def test_a_hook_that_does_not_read_keeps_no_call_waiting(recording):
    lab, _, records = recording
    lab.daemon.settings.update(plugin_cdr_hook="/bin/sleep 1000")
    lab.daemon.start()
    phone, provider, _ = lab.pair()
    for _ in range(3):
        refused(lab, phone, provider, 486)
    assert len(records(3)) == 3
    zombies = lab.site.proxy_host.run("ps", "-o", "stat=", "--ppid", str(lab.daemon.pid))
    assert zombies.split() and "Z" not in zombies


@pytest.mark.siproxd(**LOADED, plugin_cdr_file="cdr.csv")
def test_what_is_wrong_is_told_with_its_place(lab):
    lab.daemon.wait_log(r"siproxd.conf:\d+: plugin_cdr_file = cdr.csv: the path of a file is needed")
    phone, provider, _ = lab.pair()
    lab.call_out(phone, provider).hang_up()
