# SPDX-License-Identifier: GPL-2.0-or-later
"""A softphone: baresip with a tone for a microphone, a recorder for a loudspeaker, and its control
connection for events and commands.

The tone is an 8 kHz mono wav through `aufile`; `sndfile` writes what is heard to
`dump-*-dec.wav` in the directory it runs in (a longer path than 128 bytes it would cut off). No
player is configured: decoding does not need one.
"""

import glob
import json
import os
import pathlib
import re
import select
import socket
import subprocess

import tone
from deadline import Deadline, LabTimeout, wait_for
from sip import in_uri

CONFIG = """sip_listen {listen}
{tls}
call_local_timeout 60
call_max_calls 4
audio_path /usr/share/baresip
audio_source aufile,{directory}/tone.wav
audio_srate 8000-8000
audio_channels 1-1
audio_txmode poll
audio_level no
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_tos 0
rtp_ports {rtp_low}-{rtp_high}
rtcp_mux no
jitter_buffer_delay 5-10
rtp_stats yes
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module sndfile.so
{modules}module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {control}
snd_path .
statmode_default off
menu_bell no
"""
ACCOUNT = ("<sip:{user}@{domain}>;auth_user={user};auth_pass={password};audio_codecs=PCMA/8000/1;"
           "answermode={answer};regint=600{extra}\n")
# A moving picture of its own making, in VP8, which is decoded and shown to nobody.
VIDEO = """module vp8.so
module fakevideo.so
video_source fakevideo,nil
video_display fakevideo,nil
video_size 176x144
video_bitrate 128000
video_fps 10
"""
# What `mediaenc` of an account needs.
SECURITY = {"srtp": "srtp.so", "srtp-mand": "srtp.so", "srtp-mandf": "srtp.so",
            "dtls_srtp": "dtls_srtp.so"}


class Baresip:
    """One softphone in a namespace. `outbound` is the host of its outbound proxy, if any, which it
    speaks to by `transport` (for tls it needs an `identity`, certificates.py). `security` is
    how its media is encrypted, `video` gives it a camera, `medianat` a way around NATs."""

    def __init__(self, space, directory, address, user, domain="sip.example.test", *, port=5060,
                 outbound=None, answer="auto", password="secret", frequency=440, rtp_low=10000,
                 transport="udp", identity=None, security=None, video=False,
                 medianat=None):
        self.user, self.address, self.events = user, address, []
        self.directory = f"{directory}/baresip-{user}"
        subprocess.run(["mkdir", "-p", self.directory], check=True)
        tone.write_tone(f"{self.directory}/tone.wav", frequency, seconds=60)
        control = port + 1000
        self._write("config", CONFIG.format(
            listen=f"{in_uri(address)}:{port}", tls=self._tls(identity),
            directory=self.directory, modules=self._modules(security, video, medianat), rtp_low=rtp_low,
            rtp_high=rtp_low + 99, control=f"{in_uri(address)}:{control}"))
        # Its TLS port is the next one; the other side's is known to be, too.
        where = f"{in_uri(outbound or '')}:{5061 if transport == 'tls' else 5060}"
        extra = f';outbound="sip:{where};transport={transport}"' if outbound else ""
        extra += f";mediaenc={security}" if security else ""
        extra += f";medianat={medianat}" if medianat else ""
        extra += ";video_codecs=VP8" if video else ""
        self._write("accounts", ACCOUNT.format(user=user, domain=domain, password=password,
                                               answer=answer, extra=extra))
        self._write("contacts", "")
        self.log_file = f"{self.directory}/log"
        with open(self.log_file, "w", encoding="utf-8") as log:
            self.process = space.start("baresip", "-6" if ":" in address else "-4", "-v", "-s", "-f", self.directory,
                                       stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                       cwd=self.directory)
        self._buffer = b""
        try:
            self.control = self._connect(space, address, control)
        except AssertionError:
            self.process.stop()
            raise

    @staticmethod
    def _modules(security, video, medianat):
        modules = [SECURITY[security]] if security else []
        modules += [f"{medianat}.so"] if medianat else []
        return (VIDEO if video else "") + "".join(f"module {name}\n" for name in modules)

    def _tls(self, identity):
        if not identity:
            return ""
        both = "".join(pathlib.Path(path).read_text("ascii")
                       for path in (identity.certificate, identity.key))
        self._write("both.pem", both)
        return f"sip_certificate {self.directory}/both.pem\nsip_cafile {identity.authority}"

    def _write(self, name, text):
        with open(f"{self.directory}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def _connect(self, space, address, control):
        def attempt():
            assert self.process.running(), f"baresip ended:\n{self.log()[-4000:]}"
            sock = space.socket(address, 0, socket.SOCK_STREAM)
            try:
                sock.connect((address, control))
                return sock
            except ConnectionRefusedError:
                sock.close()
                return None
        return wait_for(attempt, lambda: f"baresip to start:\n{self.log()[-4000:]}", 10)

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_registered(self, timeout=10.0):
        """Returns when the provider has accepted the registration. (From the log: baresip may be
        registered before anybody can listen to its events.)"""
        wait_for(lambda: re.search(r"200 OK .*\[\d+ binding", self.log()),
                 lambda: f"baresip {self.user} to register:\n{self.log()[-6000:]}", timeout)

    def command(self, name, params=""):
        """A command of baresip's menu, such as `dial` or `hangup`."""
        text = json.dumps({"command": name, "params": params}).encode()
        self.control.sendall(str(len(text)).encode() + b":" + text + b",")

    def expect(self, kind, timeout=10.0):
        """The next event of this type, such as CALL_ESTABLISHED or REGISTER_OK."""
        deadline = Deadline(timeout)
        while True:
            for event in self.events:
                if event.get("type") == kind:
                    self.events.remove(event)
                    return event
            if deadline.passed():
                raise LabTimeout(f"baresip {self.user} waited for {kind}; other events: "
                                 f"{[event.get('type') for event in self.events]}\n"
                                 f"{self.log()[-6000:]}")
            self._read(deadline.remaining())

    def _read(self, timeout):
        if not select.select([self.control], [], [], timeout)[0]:
            return
        data = self.control.recv(65536)
        assert data, f"baresip {self.user} closed its control connection:\n{self.log()[-4000:]}"
        self._buffer += data
        while b":" in self._buffer:
            length, _, rest = self._buffer.partition(b":")
            if len(rest) < int(length) + 1:
                return
            self.events.append(json.loads(rest[:int(length)]))
            self._buffer = rest[int(length) + 1:]

    def recording(self):
        """What was heard, as a wav file (the last call's)."""
        return sorted(glob.glob(f"{self.directory}/dump-*-dec.wav"))[-1]

    def forget_recordings(self):
        """What is heard from now on is found alone."""
        for path in glob.glob(f"{self.directory}/dump-*.wav"):
            os.unlink(path)

    def stop(self):
        self.control.close()
        self.process.stop(timeout=5)
