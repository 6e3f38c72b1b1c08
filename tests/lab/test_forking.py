# SPDX-License-Identifier: GPL-2.0-or-later
"""One address of record, three phones (RFC 3261 16.7): registered at siproxd, which forks then, or
at a provider, which sends three INVITEs of one Call-ID."""

import pytest

import sip
from calls import Call, media_of
from deadline import Deadline, wait_for
from rtp import drain, packet
from topology import PBX, PHONE, PROVIDER, PUBLIC, REMOTE, SECOND_PHONE

# bob's calls to alice at siproxd come without a provider.
pytestmark = [pytest.mark.needs_daemon, pytest.mark.siproxd(anonymous_calls=1)]

ADDRESSES = (PHONE, PBX, SECOND_PHONE)
at_both = pytest.mark.parametrize("registrar", ["siproxd", "siproxd, streams", "provider"])


@pytest.fixture
def lab(secure_lab, identity):
    secure_lab.identity = identity
    return secure_lab


class Group:
    """Three phones of alice, and bob on the internet who calls her."""

    def __init__(self, lab, registrar):
        domain = "sip.example.test" if registrar == "provider" else "foo.bar.org"
        transports = ("tcp", "udp", "tls") if registrar == "siproxd, streams" else ("udp",) * 3
        self.phones = [
            lab.phone("alice", address, domain=domain, transport=transport, identity=lab.identity)
            for address, transport in zip(ADDRESSES, transports)]
        self.bob = lab.provider(REMOTE, outbound=(PROVIDER if registrar == "provider" else PUBLIC,
                                                  5060))
        if registrar == "provider":
            lab.kamailio()
            self.bob.register()
            self.bob.expect((200, "REGISTER"))
        for phone in self.phones:
            phone.register()
            phone.expect((200, "REGISTER"))
            if phone.transport != "udp":
                phone.wire.stop_listening()     # no way but by its own connection
        self.rtp, port = media_of(self.bob)
        self.dialog = self.bob.invite(f"sip:alice@{domain}", sip.sdp(REMOTE, port))
        self.invites = [phone.expect("INVITE") for phone in self.phones]

    def ring(self):
        for phone, invite in zip(self.phones, self.invites):
            phone.reply(invite, 180)
        self.bob.expect((180, "INVITE"))

    def answer(self, number):
        """Phone `number` answers; returns its dialog and its media socket."""
        phone = self.phones[number]
        sock, port = media_of(phone)
        return phone.accept(self.invites[number], sip.sdp(phone.address, port)), sock

    def take(self, number, answered, dialog=None):
        """Bob gets the answer of phone `number`, which was `answered`; returns the call."""
        tag = sip.param(answered[0].local, "tag")
        ok = self.bob.expect(lambda message: message.status == 200 and message.tag("to") == tag)
        dialog = dialog or self.dialog
        dialog.ack(ok)
        self.phones[number].expect("ACK")
        return Call(dialog, answered[0], self.rtp, answered[1], self.invites[number].sdp, ok.sdp)

    def cancelled(self, *numbers):
        """These phones are told to stop ringing, and do."""
        for number in numbers:
            phone = self.phones[number]
            phone.reply(phone.expect("CANCEL"), 200)
            phone.reply(self.invites[number], 487)
            phone.expect("ACK")

    def final(self):
        """The final response that bob gets, the only one."""
        answer = self.bob.expect(lambda message: message.status and message.status >= 200)
        assert self.bob.count(lambda message: message.method == "INVITE"
                              and (message.status or 0) >= 200) == 1
        return answer.status


@at_both
def test_one_answers_and_the_others_stop_ringing(lab, registrar):
    group = Group(lab, registrar)
    group.ring()
    call = group.take(1, group.answer(1))
    group.cancelled(0, 2)
    call.check_tones()
    call.hang_up("callee")
    finals = group.bob.count(lambda message: message.method == "INVITE"
                             and (message.status or 0) >= 200)
    assert finals == 1
    lab.daemon.assert_ports_released()


@at_both
def test_all_are_busy(lab, registrar):
    group = Group(lab, registrar)
    group.ring()
    for phone, invite in zip(group.phones, group.invites):
        assert group.bob.count(486) == 0
        phone.reply(invite, 486)
        phone.expect("ACK")
    assert group.final() == 486
    lab.daemon.assert_ports_released()


@at_both
def test_one_declines_for_all(lab, registrar):
    """6xx ends the search (RFC 3261 16.7 step 5)."""
    group = Group(lab, registrar)
    group.ring()
    group.phones[1].reply(group.invites[1], 603)
    group.phones[1].expect("ACK")
    group.cancelled(0, 2)
    assert group.final() == 603
    lab.daemon.assert_ports_released()


@at_both
def test_the_best_of_several_refusals_is_passed_on(lab, registrar):
    group = Group(lab, registrar)
    for phone, invite, status in zip(group.phones, group.invites, (404, 486, 503)):
        phone.reply(invite, status)
        phone.expect("ACK")
    # 4xx before 5xx, and any of the lowest class (16.7 step 6).
    assert group.final() in (404, 486)


@at_both
def test_the_caller_gives_up(lab, registrar):
    group = Group(lab, registrar)
    group.ring()
    group.dialog.cancel()
    group.bob.expect((200, "CANCEL"))
    group.cancelled(0, 1, 2)
    group.bob.expect((487, "INVITE"))
    lab.daemon.assert_ports_released()


@at_both
def test_a_late_second_answer_is_passed_on_and_disturbs_nothing(lab, registrar):
    group = Group(lab, registrar)
    group.ring()
    # By different connections: which of the two is first is not to be left to chance.
    first = group.answer(0)
    wait_for(lambda: group.bob.count((200, "INVITE")), "the first answer")
    second = group.answer(2)
    call = group.take(0, first)
    late = group.take(2, second, type(group.dialog).calling(group.bob, group.dialog.client))
    assert late.caller.remote != call.caller.remote
    phone, target = late.callee_rtp, late.callee_target
    call.check_tones(10)

    # The second phone talks, too. Where that arrives is bob's business, as long as it can be told
    # from the first: it must not come out of the first call's port.
    for number in range(10):
        phone.sendto(packet(number, 0x5EC0), target)
    seen, deadline = [], Deadline(0.3)
    group.rtp.settimeout(0.05)
    while not deadline.passed():
        try:
            data, source = group.rtp.recvfrom(2048)
            seen.append((data[8:12] == b"\0\0\x5e\xc0", source))
        except TimeoutError:
            continue
    assert not [source for theirs, source in seen if theirs and source == call.caller_target]
    drain(group.rtp)
    drain(phone)
    call.check_tones(10)
    assert drain(phone) == 0, "what bob says to the first is not heard by the second"
    late.hang_up("caller")
    call.check_tones(10)
    call.hang_up("callee")
    group.phones[1].expect("CANCEL")
    lab.daemon.assert_ports_released()
