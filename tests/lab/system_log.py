# SPDX-License-Identifier: GPL-2.0-or-later
"""What a daemon tells syslog(3), without the machine's own hearing of it: the program gets a /dev
of its own, whose `log` is ours."""

import os
import shutil
import socket
import tempfile
import threading

# `ip netns exec` has given it mounts of its own already, which end with it.
PRIVATE_DEV = ("mount -t tmpfs -o mode=755 none /dev && mknod -m 666 /dev/null c 1 3 && "
               "mknod -m 666 /dev/urandom c 1 9 && ln -s \"$0\" /dev/log && exec \"$@\"")


class SystemLog:
    """Takes in lines from construction to `close()`."""

    def __init__(self):
        # Not in the directory of the test: a socket's path must be short.
        self._directory = tempfile.mkdtemp(prefix=f"siplab-{os.getpid()}-log-")
        os.chmod(self._directory, 0o755)
        self._path = f"{self._directory}/log"
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(self._path)
        os.chmod(self._path, 0o666)
        self._lines = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def command(self, *arguments):
        """The command line of a program in a namespace that is to be heard."""
        return ["sh", "-c", PRIVATE_DEV, self._path, *map(str, arguments)]

    def lines(self):
        """Pairs of priority (RFC 3164) and text."""
        return list(self._lines)

    def text(self):
        return "".join(f"{text}\n" for _, text in self.lines())

    def _read(self):
        while data := self._sock.recv(65536):
            priority, _, text = data.decode(errors="replace").rstrip("\0\n").partition(">")
            self._lines.append((int(priority.lstrip("<")), text))

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", self._path)
        self._thread.join()
        self._sock.close()
        shutil.rmtree(self._directory)
