# SPDX-License-Identifier: GPL-2.0-or-later
"""Running SIPp with the scenarios of this directory."""

import os
import pathlib
import socket
import subprocess

import tone
from deadline import scaled, wait_for

SCENARIOS = pathlib.Path(__file__).parent / "scenarios"


class Sipp:
    """One SIPp process, from construction to `finish()`.

    The scenarios take what differs from `keys` ([user], [domain], [peer] and the like). The
    Call-ID never holds an address, unlike SIPp's own.
    """

    def __init__(self, space, directory, scenario, address, *, target=None, port=5060, calls=1,
                 deadline=20, options=(), **keys):
        self.scenario, self.deadline = scenario, deadline
        base = f"{directory}/{scenario}-{address}-{port}-{os.urandom(3).hex()}"
        self.error_file, self.message_file = base + ".errors", base + ".messages"
        self.output_file = base + ".out"
        keys = {"user": "alice", "domain": "sip.example.test", "peer": "bob", **keys}
        command = ["sipp", *([target] if target else []), "-sf", SCENARIOS / f"{scenario}.xml",
                   "-i", address, "-p", port, "-mi", address, "-m", calls, "-nostdin",
                   "-cid_str", f"%u-%p-{scenario}", "-timeout", int(scaled(deadline)),
                   "-timeout_error", "-trace_err", "-error_file", self.error_file,
                   "-default_behaviors", "all,-bye"]
        if calls <= 20:
            command += ["-trace_msg", "-message_file", self.message_file]
        for name, value in keys.items():
            command += ["-key", name, value]
        tone.write_alaw(f"{directory}/tone.alaw")
        with open(self.output_file, "w", encoding="utf-8") as output:
            self.process = space.start(*command, *options, stdout=output, stderr=output,
                                       stdin=subprocess.DEVNULL, cwd=directory,
                                       env={**os.environ, "TERM": "dumb"})
        wait_for(lambda: self._listens(address, port), f"SIPp {scenario} to open its port", 10)

    def _listens(self, address, port):
        if not self.process.running():      # over already, or failed: finish() will say
            return True
        entry = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
        try:
            with open(f"/proc/{self.process.pid}/net/udp", encoding="ascii") as file:
                return entry in file.read()
        except FileNotFoundError:
            return True

    def finish(self):
        """Waits for the end of the scenario, which must have gone as written."""
        status = self.process.wait(self.deadline + 10)
        if status != 0:
            self.process.stop()
            raise AssertionError(f"SIPp {self.scenario}: exit {status}\n{self.story()}")
        return self

    def story(self):
        """Errors and messages of the run, for a failure report."""
        parts = []
        for path in (self.error_file, self.message_file):
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    parts.append(f"--- {os.path.basename(path)}\n{file.read()[-6000:]}")
        if not parts:
            with open(self.output_file, encoding="utf-8", errors="replace") as file:
                parts.append(file.read()[-3000:])
        return "\n".join(parts)

    def stop(self):
        self.process.stop()
