# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab checks itself, without siproxd: where these fail, the others mean nothing."""

import socket

import pytest

import capture
import certificates
import netns
import rtp
import sip
import streams
import tone
import topology
from calls import establish
from capture import Capture
from deadline import wait_for
from provider import Kamailio
from ua import UserAgent


@pytest.fixture(scope="module")
def site():
    with topology.Plain() as networks:
        yield networks


def test_a_tone_is_found_and_another_is_not(directory):
    tone.write_tone(f"{directory}/440.wav", 440, seconds=1.5)
    found = tone.find_tone(f"{directory}/440.wav", 440)
    assert abs(found.seconds - 1.5) < 0.05 and found.share > 0.95
    assert tone.find_tone(f"{directory}/440.wav", 880).seconds == 0


@pytest.mark.parametrize("networks", [topology.Masquerading, topology.BehindRouter])
def test_nat_hides_the_phones_and_keeps_strangers_out(networks, directory):
    with networks() as site:
        outside = Capture(site.internet, "eth0", f"{directory}/outside.pcap")
        phone = site.phones.socket(topology.PHONE, 4000)
        server = site.internet.socket(topology.PROVIDER, 4000)
        stranger = site.internet.socket(topology.REMOTE, 4000)
        phone.sendto(b"hello", (topology.PROVIDER, 4000))
        server.settimeout(5)
        data, source = server.recvfrom(100)
        assert data == b"hello" and source[0] == topology.PUBLIC
        stranger.sendto(b"anybody there?", source)
        server.sendto(b"welcome", source)
        phone.settimeout(5)
        assert phone.recvfrom(100) == (b"welcome", (topology.PROVIDER, 4000))
        packets = [packet for packet in outside.stop().packets() if packet.protocol == capture.UDP]
        assert capture.find_leaks(packets) == []
        assert [packet.payload for packet in packets] == [b"hello", b"anybody there?", b"welcome"]
        for sock in (phone, server, stranger):
            sock.close()


def test_the_firewall_lets_in_only_what_the_guide_opens(directory):
    with topology.Masquerading() as site:
        for port, opened in ((5060, True), (7070, True), (7089, True), (7090, False), (22, False)):
            with site.router.socket(topology.PUBLIC, port) as server, \
                    site.internet.socket(topology.REMOTE, 0) as client:
                client.sendto(b"knock", (topology.PUBLIC, port))
                server.settimeout(5 if opened else 0.05)
                if opened:
                    assert server.recv(10) == b"knock"
                else:
                    with pytest.raises(socket.timeout):
                        server.recv(10)


def test_a_leak_is_noticed_in_a_payload_and_in_an_address(site, directory):
    outside = Capture(site.internet, "eth0", f"{directory}/outside.pcap")
    with site.router.socket(topology.PUBLIC, 5060) as proxy, \
            site.phones.socket(topology.PHONE, 5060) as phone, \
            site.internet.socket(topology.PROVIDER, 5060) as server:
        server.settimeout(5)
        text = b"OPTIONS sip:a@b SIP/2.0\r\nContact: <sip:a@10.0.0.10>\r\n" + b"x" * 3000
        proxy.sendto(text, (topology.PROVIDER, 5060))
        assert server.recv(5000) == text
        phone.sendto(b"in person", (topology.PROVIDER, 5060))
        assert server.recv(5000) == b"in person"
        server.sendto(b"10.0.0.10 is what strangers may say", (topology.PUBLIC, 5060))
    leaks = capture.find_leaks(outside.stop().packets())
    assert len(leaks) == 2
    assert "Contact: <sip:a@10.0.0.10>" in leaks[0] and "inside source address" in leaks[1]


def test_names_are_answered_everywhere_and_unknown_ones_are_refused(site):
    query = "import socket; print(socket.gethostbyname('{}'))"
    for space in (site.phones, site.router, site.internet):
        answer = space.run("/usr/bin/python3", "-c", query.format("sip.example.test"))
        assert answer.strip() == topology.PROVIDER
    answer = site.router.run("/usr/bin/python3", "-c", query.format("nowhere.test"), check=False)
    assert "gaierror" in answer


def test_services_are_answered_and_some_names_never(site):
    ask = """
import socket, struct, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(float(sys.argv[3]))
name = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[1].split("."))
sock.sendto(struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + name + struct.pack(">BHH", 0,
            int(sys.argv[2]), 1), ("203.0.113.53", 53))
try:
    answer = sock.recv(4096)
    print(struct.unpack(">H", answer[6:8])[0], "answers")
except socket.timeout:
    print("nothing")
"""
    for name, kind, answers in (("tls6.example.test", 35, 1), ("_sips._tcp.tls6.example.test", 33, 1),
                                ("host6.example.test", 28, 1), ("dead.test", 35, 1),
                                ("_sip._udp.dead.test", 33, 2), ("secure.test", 35, 2),
                                ("nowhere.test", 35, 0)):
        said = site.router.run("/usr/bin/python3", "-c", ask, name, kind, 5)
        assert said.strip() == f"{answers} answers", f"{name}: {said}"
    said = site.router.run("/usr/bin/python3", "-c", ask, f"host.{topology.UNANSWERED}", 1, 0.3)
    assert said.strip() == "nothing"


def test_namespaces_do_not_outlive_their_topology():
    with topology.Masquerading() as site:
        names = [space.name for space in site.spaces]
        assert all(name in netns.run("ip", "netns", "list") for name in names)
    assert not any(name in netns.run("ip", "netns", "list") for name in names)


def test_scripted_agents_call_through_kamailio(site, directory):
    provider = Kamailio(site.internet, directory)
    alice = UserAgent(site.phones, topology.PHONE, user="alice")
    bob = UserAgent(site.internet, topology.REMOTE, user="bob")
    try:
        for agent in (alice, bob):
            agent.register()
            agent.expect((200, "REGISTER"))
        call = establish(alice, bob, "sip:bob@sip.example.test")
        for stream in rtp.exchange(call.caller_rtp, call.caller_target, call.callee_rtp,
                                   call.callee_target):
            assert stream.lost == 0
        call.hang_up("callee")
    finally:
        alice.close()
        bob.close()
        provider.stop()


def test_a_tone_survives_alaw_and_rtp(site):
    with site.phones.socket(topology.PHONE, 4000) as phone, \
            site.internet.socket(topology.REMOTE, 4000) as remote:
        streams = rtp.exchange(phone, (topology.REMOTE, 4000), remote, (topology.PHONE, 4000),
                               tones=(440, 700))
    for stream, frequency in zip(streams, (440, 700)):
        found = stream.find(frequency)
        assert abs(found.seconds - 0.3) < 0.001 and found.share > 0.95, found
        assert stream.find(1140 - frequency).seconds == 0


def test_agents_call_through_kamailio_by_every_transport_and_both_versions_of_ip(directory):
    identity = certificates.Authority(directory).issue("everybody")
    agents = []
    with topology.DualStack() as networks:
        provider = Kamailio(networks.internet, directory, identity=identity)
        try:
            for domain, (transport, version) in topology.DOMAINS.items():
                places = [(topology.REMOTE, topology.PROVIDER_2, topology.PROVIDER),
                          (topology.REMOTE6, topology.PROVIDER_26, topology.PROVIDER6)][version == 6]
                outbound = (places[2], topology.SERVICES[transport][2])
                pair = [UserAgent(networks.internet, address, user=f"{name}-{transport}{version}",
                                  domain=domain, transport=transport, identity=identity,
                                  outbound=outbound)
                        for name, address in zip(("alice", "bob"), places)]
                agents += pair
                for agent in pair:
                    agent.register()
                    agent.expect((200, "REGISTER"))
                call = establish(*pair, pair[1].aor)
                call.check_tones(5)
                call.hang_up("callee")
        finally:
            for agent in agents:
                agent.close()
            provider.stop()


def test_agents_refuse_certificates_of_strangers(site, directory):
    """Or tests about refused certificates would show nothing."""
    ours = certificates.Authority(directory).issue("ours")
    strange = certificates.Authority(directory, "strange").issue("theirs")
    server = UserAgent(site.internet, topology.REMOTE, transport="tls", identity=strange)
    phone = UserAgent(site.phones, topology.PHONE, transport="tls", identity=ours)
    try:
        phone.request("OPTIONS", "sip:bob@h", target=(topology.REMOTE, 5061))
        wait_for(lambda: phone.wire.failures, "the certificate to be refused")
        assert "CERTIFICATE_VERIFY_FAILED" in phone.wire.failures[0][1]
        assert not server.log
    finally:
        phone.close()
        server.close()


def test_messages_are_cut_out_of_a_stream():
    message = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 4\r\n\r\n1234"
    buffer = bytearray(b"\r\n" + message + b"\r\n\r\n" + message[:-1])
    assert [streams.cut(buffer) for _ in range(3)] == [message, b"", None]
    buffer += b"4"
    assert streams.cut(buffer) == message and not buffer


def test_rtp_echo_as_a_program_of_its_own(site):
    program = rtp.__file__
    echo = site.internet.start("/usr/bin/python3", program, "echo", "--listen",
                               f"{topology.REMOTE}:4000", "--idle", "60")
    try:
        def answered():
            return "received 5" in site.phones.run(
                "/usr/bin/python3", program, "send", "--listen", f"{topology.PHONE}:4000", "--to",
                f"{topology.REMOTE}:4000", "--count", "5", check=False)
        wait_for(answered, "the echo to answer", 20)
    finally:
        echo.stop()


def test_sip_text_is_read_as_it_is_meant():
    message = sip.Message.parse(
        b'INVITE sip:a@b:5070;x=y SIP/2.0\r\nv: SIP/2.0/UDP h:5062;branch=z9hG4bKx;rport\r\n'
        b'Via: SIP/2.0/UDP one , SIP/2.0/UDP two\r\nf: "A, B" <sip:a@c;tag=no>;tag=yes\r\n'
        b'm: <sip:a@10.0.0.10:5062;ob>;expires=5\r\n'
        b'Cseq: 7 INVITE\r\n\r\n'
        b'v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n')
    assert message.method == "INVITE" and message.cseq == 7 and message.branch == "z9hG4bKx"
    assert [sip.sent_by(via) for via in message.all("via")] == [("h", 5062), ("one", 5060),
                                                                ("two", 5060)]
    assert message.tag("from") == "yes" and message.contact == "sip:a@10.0.0.10:5062;ob"
    assert message.sdp.audio.target == ("1.2.3.4", 4000) and message.sdp.direction == "sendonly"
