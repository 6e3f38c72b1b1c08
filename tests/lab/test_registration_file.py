# SPDX-License-Identifier: GPL-2.0-or-later
"""Registrations outlive the daemon: killed, stopped, or of the original siproxd."""

import time

import pytest

from deadline import scaled, wait_for

pytestmark = pytest.mark.needs_daemon


def restarted(lab, how):
    how()
    lab.daemon.start()


def test_registrations_survive_kill_9_within_a_second(lab):
    phone, provider, contact = lab.pair()
    accepted = time.monotonic()
    wait_for(lambda: lab.daemon.registration_records()[0], "the registration file", 1)
    assert time.monotonic() - accepted < scaled(1.0)
    restarted(lab, lab.daemon.kill)
    call = lab.call_in(phone, provider, contact)
    call.check_media(5)
    call.hang_up()


def test_killed_at_any_moment_the_file_is_whole(lab):
    """Ten phones, killed while their registrations are being written: what is there can be read,
    and every record in it is complete."""
    provider = lab.provider()
    phones = [lab.phone(f"user{number}", port=5070 + 2 * number) for number in range(10)]
    lab.registered(phones[0], provider)
    wait_for(lambda: lab.daemon.registration_records()[0], "the registration file", 2)
    for phone in phones[1:]:
        lab.registered(phone, provider)
        lab.daemon.kill()
        records, total = lab.daemon.registration_records()
        assert records and total >= 512
        assert all(uri.startswith("sip:") for record in records for uri in record[1:])
        lab.daemon.start()
    assert not [line for line in lab.daemon.log().splitlines() if "corrupt" in line]


def test_registrations_survive_an_orderly_stop(lab):
    phone, provider, contact = lab.pair()
    restarted(lab, lab.daemon.stop)
    assert lab.registered(phone, provider) == contact, "the same name as before"
    lab.call_in(phone, provider, contact).hang_up()


def original_file(path, expires):
    """As the original writes it: 512 records, two of them in use, one of these expired."""
    record = "****:1:{}\n{}\n{}\n{}\n"
    with open(path, "w", encoding="ascii") as file:
        file.write(record.format(expires, "sip:alice-ext@10.0.0.10:5060;line=abc;ob",
                                 "sip:alice@203.0.113.1", "sip:alice@sip.example.test"))
        file.write("****:0:0\n" * 500)
        file.write(record.format(1000, "sip:carol@10.0.0.12:5060", "sip:carol@203.0.113.1",
                                 "sip:carol@sip.example.test"))
        file.write("****:0:1795310999\n" + "****:0:0\n" * 9)


def test_the_originals_file_loads(idle_lab):
    lab = idle_lab
    original_file(lab.daemon.registration_file, int(time.time()) + 500)
    lab.daemon.start()
    phone, provider = lab.phone(), lab.provider()
    provider.invite("sip:alice@203.0.113.1", to=f"<{phone.aor}>")
    invite = phone.expect("INVITE")
    assert invite.uri == "sip:alice-ext@10.0.0.10:5060;line=abc;ob"
    phone.reply(invite, 486)
    provider.expect((486, "INVITE"))
    # Whoever calls a phone of such a file may be its provider, which the file does not name; for
    # others he is a stranger.
    provider.invite("sip:carol@203.0.113.1")
    lab.daemon.stop()
    assert phone.count("INVITE") == 1
    records, total = lab.daemon.registration_records()
    assert total >= 512
    assert [record[1:] for record in records] == [[
        "sip:alice-ext@10.0.0.10:5060;line=abc;ob", "sip:alice@203.0.113.1",
        "sip:alice@sip.example.test"]]


def test_a_phone_from_the_originals_file_keeps_its_name_when_it_registers_again(idle_lab):
    lab = idle_lab
    original_file(lab.daemon.registration_file, int(time.time()) + 500)
    lab.daemon.start()
    phone, provider = lab.phone(), lab.provider()
    phone.register(contacts=["<sip:alice-ext@10.0.0.10:5060;line=abc;ob>"])
    request = provider.expect("REGISTER")
    assert request.contact.startswith("sip:alice@203.0.113.1")
    provider.reply(request, 200, headers=[("Contact", f"<{request.contact}>;expires=600")])
    phone.expect((200, "REGISTER"))
    for uri in (request.contact, "sip:alice@203.0.113.1"):
        provider.invite(uri, to=f"<{phone.aor}>")
        phone.reply(phone.expect("INVITE"), 486)
        provider.expect((486, "INVITE"))
    wait_for(lambda: len(lab.daemon.registration_records()[0]) == 1, "one record to be written", 3)


DAMAGED = {
    "empty": b"",
    "binary": b"\0\xff" * 500,
    "cut off after the first line": b"****:1:99999999999\n",
    "expiry is no number": b"****:1:x\nsip:a\nsip:b\nsip:c\n",
    "before 0.8.2": b"***:1\nold format\n",
    "no uri": b"****:1:4102444800\nnot a uri\nsip:b@c\nsip:d@e\n****:0:0\n",
    "endless line": b"****:1:4102444800\nsip:" + b"x" * 70000 + b"\nsip:b@c\nsip:d@e\n",
}


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_does_not_keep_the_daemon_down(idle_lab, content):
    lab = idle_lab
    with open(lab.daemon.registration_file, "wb") as file:
        file.write(DAMAGED[content])
    lab.daemon.start()
    phone, provider, contact = lab.pair()
    lab.call_in(phone, provider, contact).hang_up()
