# SPDX-License-Identifier: GPL-2.0-or-later
"""The relay in the kernel: media goes on while the process stands still, what changes comes back to the
process, and nothing is left on the interfaces."""

import socket
import subprocess

import pytest

import rtp
import sip
import topology
from daemon import binary
from deadline import wait_for
from kernel_relay import MOVES, Standing, devices, disciplines, filters, in_kernel, moved

pytestmark = pytest.mark.needs_daemon
kernel = pytest.mark.siproxd(rtp_engine="kernel", debug_level=MOVES)
IP_RECVTTL = 12     # Linux; the socket module does not know it


@pytest.fixture(scope="module", params=["ethernet", "bridge-tunnel"])
def site(request):
    kind = topology.Masquerading if request.param == "ethernet" else topology.BridgeAndTunnel
    with kind() as networks:
        yield networks


@kernel
@pytest.mark.parametrize("way", ["out", "in"])
def test_audio_goes_on_while_the_process_stands_still(lab, way):
    call = in_kernel(lab, way)
    with Standing(lab):
        call.check_tones(25)
    call.check_media(5)
    call.hang_up()
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(rtp_engine="userspace")
def test_without_it_audio_stands_still_with_the_process(lab):
    """That the test above tests something."""
    phone, provider, _ = lab.pair()
    call = lab.call_out(phone, provider)
    call.check_media(15)
    assert "media is relayed by the process: rtp_engine = userspace" in lab.daemon.log()
    assert filters(lab) == [[], []]
    with Standing(lab):
        streams = rtp.exchange(call.caller_rtp, call.caller_target, call.callee_rtp,
                               call.callee_target, 5, first_seq=100)
        assert [stream.received for stream in streams] == [[], []]
    wait_for(lambda: rtp.drain(call.callee_rtp), "the packets that have waited")


@pytest.mark.siproxd(rtp_engine="kernel", rtp_dscp=46, debug_level=MOVES)
def test_packets_look_as_if_the_process_had_sent_them(lab):
    """DSCP and TTL of what the kernel forwards, as a receiver sees them."""
    call = in_kernel(lab)
    for sock in (call.caller_rtp, call.callee_rtp):
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        sock.settimeout(5)
    with Standing(lab):
        for sender, target, listener, source in (
                (call.caller_rtp, call.caller_target, call.callee_rtp, call.callee_target),
                (call.callee_rtp, call.callee_target, call.caller_rtp, call.caller_target)):
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x20)
            data = rtp.packet(500, 0x10000, payload=bytes(range(160)))
            sender.sendto(data, target)
            heard, details, _, came_from = listener.recvmsg(2048, 256)
            assert heard == data
            assert came_from == source
            values = {kind: value[0] for _, kind, value in details}
            assert values[socket.IP_TOS] == 46 << 2
            assert values[socket.IP_TTL] == 64
    call.hang_up()


@kernel
def test_an_attacker_who_knows_the_port_is_not_relayed(lab):
    call = in_kernel(lab)
    stranger = lab.site.internet.socket("203.0.113.52", 40000)
    for _ in range(50):
        stranger.sendto(rtp.packet(77, 0x666), call.callee_target)
    call.check_media(10)
    assert rtp.drain(stranger) == 0
    with Standing(lab):
        call.check_media(5)
    call.hang_up()


@kernel
@pytest.mark.parametrize("kind", [13, 97, 0])
def test_payload_types_that_nobody_announced_follow_with_the_first_packet(lab, kind):
    """It takes the process to know what they are; from then on it may stand still."""
    call = in_kernel(lab)
    ssrc = 0x10000 + call.caller_rtp.getsockname()[1]
    call.callee_rtp.settimeout(5)

    def passes(number, payload_type):
        data = rtp.packet(number, ssrc, payload_type)
        call.caller_rtp.sendto(data, call.caller_target)
        assert call.callee_rtp.recv(2048) == data
    passes(call.spoken + 1, kind)
    with Standing(lab):
        passes(call.spoken + 2, kind)
        if kind != 0:   # PCMU would be measured now, which has PCMA's place
            passes(call.spoken + 3, 8)
    call.hang_up()


@kernel
def test_a_new_port_of_the_phone_is_followed(lab):
    """A NAT between phone and siproxd has given it another port: the process learns that, the kernel
    has both directions again a moment later."""
    call = in_kernel(lab)
    old, agent = call.caller_rtp, call.caller.agent
    call.caller_rtp = agent.space.socket(agent.address, 0)
    ssrc = 0x10000 + old.getsockname()[1]
    next_seq = 100
    # What it sent before was 15 packets; a moment of silence and the stream goes on.
    heard = []
    call.callee_rtp.settimeout(0.02)

    def goes_on():
        nonlocal next_seq
        call.caller_rtp.sendto(rtp.packet(next_seq, ssrc), call.caller_target)
        next_seq += 1
        try:
            heard.append(call.callee_rtp.recvfrom(2048))
        except socket.timeout:
            pass
        return len(heard) > 20
    next_seq = 16
    before = lab.daemon.log().count("is forwarded in the kernel")
    wait_for(goes_on, "audio from the new port", interval=0)
    call.callee_rtp.sendto(rtp.packet(900, 0x20000), call.callee_target)
    call.caller_rtp.settimeout(5)
    assert rtp.sequence_of(call.caller_rtp.recv(2048)) == 900
    assert rtp.drain(old) == 0
    wait_for(lambda: goes_on() and
             lab.daemon.log().count("is forwarded in the kernel") > before,
             "the kernel to have it again", interval=0)


@kernel
def test_hold_and_resume(lab):
    call = in_kernel(lab)
    for direction in ("sendonly", "sendrecv"):
        port, other = (sock.getsockname()[1] for sock in (call.caller_rtp, call.callee_rtp))
        first, second = call.caller, call.callee
        first.request("INVITE", sip.sdp(first.agent.address, port, version=2, mode=direction))
        invite = second.agent.expect("INVITE")
        second.agent.reply(invite, 200, sip.sdp(second.agent.address, other, version=2))
        first.ack(first.agent.expect((200, "INVITE")))
        second.agent.expect("ACK")
        call.check_media(10)
    moved(lab, 4)
    with Standing(lab):
        call.check_media(10)
    call.hang_up()
    lab.daemon.assert_ports_released()


@pytest.mark.siproxd(rtp_engine="kernel", rtp_timeout=3, debug_level=MOVES)
def test_silence_in_the_kernel_ends_the_call_and_audio_there_does_not(lab):
    call = in_kernel(lab)
    for _ in range(5):      # 5 s
        call.check_media(50)
    assert not call.caller.agent.count("BYE")
    for agent in (call.caller.agent, call.callee.agent):
        agent.reply(agent.expect("BYE", timeout=25), 200)
    lab.daemon.assert_ports_released()


@kernel
def test_nothing_is_left_on_the_interfaces(lab):
    assert [len(found) for found in filters(lab)] == [1, 1]
    assert disciplines(lab) == devices(lab)
    lab.daemon.kill()
    # Killed, it could not clean up; the next one does, and has its own.
    assert [len(found) for found in filters(lab)] == [1, 1]
    lab.daemon.start()
    assert "of a siproxd that has died is taken away" in lab.daemon.log()
    assert [len(found) for found in filters(lab)] == [1, 1]
    assert all(str(lab.daemon.pid) in found[0] for found in filters(lab))
    in_kernel(lab).hang_up()
    lab.daemon.stop()
    assert filters(lab) == [[], []]
    assert not disciplines(lab)


def rights(lab):
    """The capabilities that it has, as a mask."""
    with open(f"/proc/{lab.daemon.pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    assert status["CapEff"] == status["CapPrm"]
    return int(status["CapEff"], 16)


NET_ADMIN = 1 << 12


@pytest.mark.siproxd(rtp_engine="kernel", user="nobody", debug_level=MOVES)
def test_of_roots_rights_it_keeps_one(lab):
    """CAP_NET_ADMIN, by which it takes the filters away."""
    assert rights(lab) == NET_ADMIN
    call = in_kernel(lab)
    with Standing(lab):
        call.check_media(5)
    call.hang_up()
    lab.daemon.stop()
    assert not disciplines(lab)


def test_it_needs_no_root_for_the_kernel(idle_lab):
    """As systemd starts it: somebody with two capabilities, of which it keeps one."""
    lab = idle_lab
    lab.daemon.settings.update(rtp_engine="kernel", registration_file=None, pid_file=None,
                               debug_level=MOVES)
    lab.daemon.prefix = ["setpriv", "--bounding-set=-all,+bpf,+net_admin",
                         "--inh-caps=-all,+bpf,+net_admin", "--ambient-caps=-all,+bpf,+net_admin",
                         "--reuid=65534", "--regid=65534", "--clear-groups"]
    lab.daemon.start()
    assert rights(lab) == NET_ADMIN
    call = in_kernel(lab)
    with Standing(lab):
        call.check_media(5)
    call.hang_up()
    lab.daemon.stop()
    assert not disciplines(lab)


def test_who_asks_for_the_kernel_and_has_no_right_is_told(idle_lab):
    daemon = idle_lab.daemon
    daemon.settings.update(rtp_engine="kernel", registration_file=None, pid_file=None)
    daemon.write_config()
    done = subprocess.run(
        ["ip", "netns", "exec", daemon.space.name, "setpriv", "--bounding-set=-all",
         "--inh-caps=-all", "--reuid=65534", "--regid=65534", "--clear-groups",
         str(binary()), "-c", daemon.config_file],
        capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "rtp_engine = kernel: " in done.stderr


