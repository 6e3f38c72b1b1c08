# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for events with a deadline. Nothing in the lab sleeps for a fixed time.

LAB_TIME_SCALE stretches every deadline (sanitizer builds and slow machines).
"""

import os
import time

SCALE = float(os.environ.get("LAB_TIME_SCALE", "1"))


class LabTimeout(AssertionError):
    """Something that had to happen did not happen in time."""


def scaled(seconds):
    """`seconds` on a machine of ordinary speed, stretched by LAB_TIME_SCALE."""
    return seconds * SCALE


class Deadline:
    """A point in time; `remaining()` never goes below 0."""

    def __init__(self, seconds):
        self.seconds = scaled(seconds)
        self._end = time.monotonic() + self.seconds

    def remaining(self):
        return max(0.0, self._end - time.monotonic())

    def passed(self):
        return time.monotonic() >= self._end


def wait_for(condition, what, timeout=5.0, interval=0.01):
    """Polls `condition` until it returns something true, and returns that.

    `what` completes the sentence "waited for ..."; it may be a function that describes the state
    at the moment of failure.
    """
    deadline = Deadline(timeout)
    while True:
        value = condition()
        if value:
            return value
        if deadline.passed():
            text = what() if callable(what) else what
            raise LabTimeout(f"waited {deadline.seconds:.1f} s for {text}")
        time.sleep(interval)
