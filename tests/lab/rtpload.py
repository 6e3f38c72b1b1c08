# SPDX-License-Identifier: GPL-2.0-or-later
"""Many calls with audio at once: plans for `rtpload` (rtpload.cpp) and its results."""

import atexit
import functools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from deadline import LabTimeout, scaled

SOURCE = pathlib.Path(__file__).with_suffix(".cpp")


@functools.cache
def binary():
    """The program, compiled once per test run."""
    directory = tempfile.mkdtemp(prefix=f"siplab-{os.getpid()}-rtpload-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    program = f"{directory}/rtpload"
    subprocess.run([os.environ.get("CXX", "g++"), "-std=c++20", "-O2", "-o", program, SOURCE],
                   check=True)
    return program


class Side:
    """All calls of one side. `legs` are tuples (own address, own port, address and port to send
    to)."""

    def __init__(self, space, directory, name, legs, seconds):
        plan = f"{directory}/{name}.plan"
        with open(plan, "w", encoding="ascii") as file:
            for number, (address, port, target) in enumerate(legs):
                file.write(f"{address} {port} {target[0]} {target[1]} {number}\n")
        self.name, self.seconds = name, seconds
        self.process = space.start(binary(), seconds, plan, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        ready = self.process.popen.stdout.readline()
        assert ready == "ready\n", f"rtpload {name}: {ready!r}"

    def begin(self):
        self.process.popen.stdin.write("go\n")
        self.process.popen.stdin.flush()

    def result(self):
        """The counters, when it is over."""
        try:
            output, _ = self.process.popen.communicate(timeout=self.seconds + scaled(30))
        except subprocess.TimeoutExpired as error:
            self.process.stop()
            raise LabTimeout(f"rtpload {self.name} did not end") from error
        return json.loads(output)


def run(sides):
    """Starts all sides together; returns their results."""
    for side in sides:
        side.begin()
    return [side.result() for side in sides]
