# SPDX-License-Identifier: GPL-2.0-or-later
"""Registrations: what the provider sees of them, what becomes of its answer, who is reached."""

import time

import pytest

import calls
import sip
from deadline import wait_for
from topology import PHONE, PROVIDER_2, PUBLIC, SECOND_PHONE


def refused(message):
    return message.status is not None and message.status >= 400


@pytest.mark.needs_daemon
def test_the_provider_sees_the_outbound_address_only(lab):
    phone, provider = lab.phone(), lab.provider()
    phone.register(headers=[("X-Mine", "kept")])
    request = provider.expect("REGISTER")
    assert request.source == (PUBLIC, 5060)
    assert request.uri == "sip:sip.example.test"
    assert [sip.sent_by(via) for via in request.all("via")] == [(PUBLIC, 5060)]
    assert len(request.all("contact")) == 1
    assert sip.host_port(request.contact) == (PUBLIC, 5060)
    assert sip.user_of(request.contact) == "alice"
    assert request["expires"] == "600" and request["x-mine"] == "kept"
    assert request["to"] == f"<{phone.aor}>"


@pytest.mark.needs_daemon
def test_the_phone_gets_its_own_contact_back_with_the_providers_expiry(lab):
    phone, provider = lab.phone(), lab.provider()
    phone.register(contacts=['<sip:alice-ext@10.0.0.10:5060;line=abc>;q=0.7;'
                             '+sip.instance="<urn:uuid:1>"'])
    request = provider.expect("REGISTER")
    assert sip.param(request["contact"].split(">", 1)[1], "q") == "0.7"
    assert '+sip.instance="<urn:uuid:1>"' in request["contact"]
    provider.reply(request, 200, headers=[("Contact", f"<{request.contact}>;expires=120")])
    answer = phone.expect((200, "REGISTER"))
    assert answer.contact == "sip:alice-ext@10.0.0.10:5060;line=abc"
    assert sip.param(answer["contact"].split(">", 1)[1], "expires") == "120"
    assert [sip.sent_by(via) for via in answer.all("via")] == [(PHONE, 5060)]


def test_a_challenge_passes_and_so_does_the_answer_to_it(lab):
    phone, provider = lab.phone(), lab.provider()
    phone.register()
    request = provider.expect("REGISTER")
    challenge = 'Digest realm="sip.example.test", nonce="a,b=c", qop="auth"'
    provider.reply(request, 401, headers=[("WWW-Authenticate", challenge)])
    assert phone.expect((401, "REGISTER"))["www-authenticate"] == challenge
    response = ('Digest username="alice", realm="sip.example.test", nonce="a,b=c", '
                'uri="sip:sip.example.test", response="0123456789abcdef0123456789abcdef"')
    phone.register(headers=[("Authorization", response)])
    again = provider.expect("REGISTER")
    assert again["authorization"] == response and again.cseq == request.cseq + 1
    assert again.contact == request.contact
    provider.reply(again, 200, headers=[("Contact", f"<{again.contact}>;expires=600")])
    phone.expect((200, "REGISTER"))


@pytest.mark.needs_daemon
def test_a_binding_counts_only_once_the_provider_has_accepted_it(lab):
    phone, provider = lab.phone(), lab.provider()
    phone.register()
    request = provider.expect("REGISTER")
    provider.reply(request, 401, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n"')])
    phone.expect((401, "REGISTER"))
    provider.invite(request.contact, to=f"<{phone.aor}>", body=sip.sdp(provider.address, 5000))
    provider.expect(refused)
    assert phone.count("INVITE") == 0


def wait_until_gone(lab, phone, provider, contact):
    """The binding is over: at the latest after the grace of 5 s nobody is reached by it."""
    def is_refused():
        provider.request("OPTIONS", contact, to=f"<{phone.aor}>")
        wait_for(lambda: phone.count("OPTIONS") or provider.count(refused), "OPTIONS to be decided")
        while phone.inbox:
            phone.reply(phone.inbox.pop(), 200)
        phone.log.clear()
        return provider.count(refused)
    wait_for(is_refused, "the binding to end", 12, interval=0.5)
    assert lab.daemon.registration_records()[0] == []


@pytest.mark.needs_daemon
def test_a_phone_that_left_is_not_called_any_more(lab):
    phone, provider, contact = lab.pair()
    phone.register(expires=0)
    request = provider.expect("REGISTER")
    assert request.contact == contact
    provider.reply(request, 200)
    phone.expect((200, "REGISTER"))
    wait_until_gone(lab, phone, provider, contact)


@pytest.mark.needs_daemon
def test_a_star_removes_the_binding(lab):
    phone, provider, contact = lab.pair()
    phone.register(expires=0, contacts=["*"])
    request = provider.expect("REGISTER")
    assert request["contact"] == "*"
    provider.reply(request, 200)
    phone.expect((200, "REGISTER"))
    wait_until_gone(lab, phone, provider, contact)


@pytest.mark.needs_daemon
def test_a_query_without_contact_is_answered_with_the_phones_own_contact(lab):
    phone, provider, contact = lab.pair()
    phone.register(expires=None, contacts=[])
    request = provider.expect("REGISTER")
    assert request.all("contact") == []
    provider.reply(request, 200, headers=[("Contact", f"<{contact}>;expires=55")])
    assert phone.expect((200, "REGISTER")).contact == phone.contact


@pytest.mark.needs_daemon
def test_a_register_without_expiry_gets_the_default(lab):
    phone, provider = lab.phone(), lab.provider()
    phone.register(expires=None)
    request = provider.expect("REGISTER")
    assert "600" in (request.get("expires"), sip.param(request["contact"], "expires"))


@pytest.mark.needs_daemon
def test_the_registration_file_follows_the_provider(lab):
    phone, provider = lab.phone(), lab.provider()
    phone.register(expires=3600)
    request = provider.expect("REGISTER")
    now = time.time()
    provider.reply(request, 200, headers=[("Contact", f"<{request.contact}>;expires=120")])
    phone.expect((200, "REGISTER"))
    wait_for(lambda: lab.daemon.registration_records()[0], "the record to be written", 2)
    records, total = lab.daemon.registration_records()
    assert len(records) == 1 and total >= 512
    expires, true_uri, masqueraded, registered = records[0]
    assert abs(expires - (now + 120)) <= 10
    assert true_uri == phone.contact and registered == phone.aor
    assert masqueraded.startswith(f"sip:alice@{PUBLIC}")


@pytest.mark.needs_daemon
@pytest.mark.siproxd(hosts_allow_reg=f"{SECOND_PHONE}/32")
def test_only_those_who_may_can_register(lab):
    stranger, provider = lab.phone("mallory"), lab.provider()
    phone = lab.phone(address=SECOND_PHONE)
    stranger.register()
    phone.register()
    request = provider.expect("REGISTER")
    assert sip.user_of(request.contact) == "alice"
    assert provider.count("REGISTER") == 1


@pytest.mark.needs_daemon
def test_nobody_registers_from_outside(lab):
    stranger, provider = lab.provider(port=5070, user="mallory"), lab.provider()
    phone = lab.phone()
    stranger.request("REGISTER", "sip:sip.example.test", to="<sip:alice@sip.example.test>",
                     target=(PUBLIC, 5060))
    phone.register()
    request = provider.expect("REGISTER")
    assert request["from"].startswith(f"<{phone.aor}>")
    assert provider.count("REGISTER") == 1


# --- several phones, several contacts, several providers -----------------------------------------

def two_phones(lab):
    """Both are alice at the same provider; returns the agents and the contacts they got."""
    first, second, provider = lab.phone(), lab.phone(address=SECOND_PHONE), lab.provider()
    return first, second, provider, lab.registered(first, provider), \
        lab.registered(second, provider)


def test_two_phones_of_one_address_are_reached_one_by_one(lab):
    first, second, provider, first_contact, second_contact = two_phones(lab)
    assert first_contact != second_contact
    for phone, contact in ((first, first_contact), (second, second_contact)):
        call = lab.call_in(phone, provider, contact)
        call.check_media(5)
        call.hang_up()
    assert (first.count("INVITE"), second.count("INVITE")) == (1, 1)


@pytest.mark.needs_daemon
def test_without_the_contacts_parameter_both_ring_and_one_answers(lab):
    first, second, provider, first_contact, _ = two_phones(lab)
    plain = f"sip:alice@{PUBLIC}"
    assert first_contact.startswith(plain)
    call = provider.invite(plain, sip.sdp(provider.address, 5000), to=f"<{first.aor}>")
    invites = [phone.expect("INVITE") for phone in (first, second)]
    for phone, invite in zip((first, second), invites):
        phone.reply(invite, 180)
    second_call = second.accept(invites[1], sip.sdp(SECOND_PHONE, 4000))
    answer = provider.expect((200, "INVITE"))
    call.ack(answer)
    second.expect("ACK")
    cancel = first.expect("CANCEL")
    first.reply(cancel, 200)
    first.reply(invites[0], 487)
    first.expect("ACK")
    call.hang_up(second)
    assert second_call.call_id == call.call_id
    assert provider.count((487, "INVITE")) == 0
    lab.daemon.assert_ports_released()


def test_two_contacts_in_one_register_both_work(lab):
    phone, provider = lab.phone(), lab.provider()
    desk = lab.phone(port=5062)
    phone.register(contacts=["<sip:alice@10.0.0.10>;q=1.0", "<sip:alice@10.0.0.10:5062>;q=0.5"])
    request = provider.expect("REGISTER")
    contacts = request.all("contact")
    assert len(contacts) == 2 and len({sip.uri_of(contact) for contact in contacts}) == 2
    provider.reply(request, 200, headers=[("Contact", f"{contact};expires=600")
                                          for contact in contacts])
    answer = phone.expect((200, "REGISTER"))
    assert sorted(sip.uri_of(contact) for contact in answer.all("contact")) == \
        [phone.contact, desk.contact]
    for contact in contacts:
        agent = phone if sip.param(contact, "q") == "1.0" else desk
        call = calls.establish(provider, agent, sip.uri_of(contact), to=f"<{phone.aor}>")
        call.hang_up()
    assert (phone.count("INVITE"), desk.count("INVITE")) == (1, 1)


def same_name_at_two_providers(lab):
    """Two phones named alice, one at each provider: two triples of phone, provider, contact."""
    found = []
    for address, domain, phone_address in (("203.0.113.50", "sip.example.test", PHONE),
                                           (PROVIDER_2, "second.example.test", SECOND_PHONE)):
        phone = lab.phone(address=phone_address, domain=domain)
        provider = lab.provider(address=address, domain=domain)
        found.append((phone, provider, lab.registered(phone, provider)))
    return found


def test_one_name_at_two_providers_rings_the_right_phone(lab):
    accounts = same_name_at_two_providers(lab)
    for phone, provider, contact in accounts:
        call = lab.call_in(phone, provider, contact)
        call.check_media(5)
        call.hang_up("callee")
    for phone, provider, _ in accounts:
        call = lab.call_out(phone, provider)
        call.check_media(5)
        call.hang_up()
    assert [phone.count("INVITE") for phone, _, _ in accounts] == [1, 1]


@pytest.mark.needs_daemon
def test_one_name_at_two_providers_that_lose_the_contacts_parameter(lab):
    accounts = same_name_at_two_providers(lab)
    for phone, provider, _ in accounts:
        call = calls.establish(provider, phone, f"sip:alice@{PUBLIC}", to=f"<{phone.aor}>")
        call.hang_up()
    assert [phone.count("INVITE") for phone, _, _ in accounts] == [1, 1]


def test_both_registrations_of_one_name_are_refreshed_and_answered_apart(lab):
    for phone, provider, contact in same_name_at_two_providers(lab):
        assert lab.registered(phone, provider) == contact
        phone.register()
        request = provider.expect("REGISTER")
        provider.reply(request, 200, headers=[("Contact", f"<{request.contact}>;expires=60")])
        assert phone.expect((200, "REGISTER")).contact == phone.contact


def test_two_accounts_of_one_phone_at_one_provider(lab):
    provider = lab.provider()
    alice, carol = lab.phone("alice"), lab.phone("carol", port=5064)
    contacts = [lab.registered(agent, provider) for agent in (alice, carol)]
    for agent, contact in zip((alice, carol), contacts):
        lab.call_in(agent, provider, contact).hang_up()
    assert (alice.count("INVITE"), carol.count("INVITE")) == (1, 1)
