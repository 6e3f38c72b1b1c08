# SPDX-License-Identifier: GPL-2.0-or-later
"""SIP over TCP and TLS for the scripted agents: connections are made and accepted, messages cut out
of the stream by Content-Length (RFC 3261 18.3), pings answered (RFC 5626 3.5.1).

All connections of an agent live in a thread of their own, so that a test that waits for one agent
does not keep another one's handshake waiting.
"""

import collections
import errno
import re
import selectors
import socket
import ssl
import threading

from deadline import LabTimeout, scaled, wait_for

LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d+)[ \t]*$",
                    re.IGNORECASE | re.MULTILINE)


def cut(buffer):
    """Takes the first message off `buffer` (a bytearray): the message, b"" for a ping, or None
    when there is nothing whole in it."""
    if buffer.startswith(b"\r\n\r\n"):
        del buffer[:4]
        return b""
    if buffer.startswith(b"\r\n") and len(buffer) > 2 and buffer[2:3] != b"\r":
        del buffer[:2]
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    found = LENGTH.search(bytes(buffer[:end]).replace(b"\r\n", b"\n"))
    size = end + 4 + (int(found[1]) if found else 0)
    if len(buffer) < size:
        return None
    message = bytes(buffer[:size])
    del buffer[:size]
    return message


class Connection:
    """One connection; touched by the port's thread only."""

    def __init__(self, sock, peer, state):
        self.sock, self.peer, self.state = sock, peer, state    # connecting, greeting, open
        self.incoming, self.outgoing = bytearray(), bytearray()
        self.wants_write = True


class StreamPort:
    """What an agent sends and receives by: a listener on `address`:`port` and the connections that
    were accepted or made, known by the peer's (address, port)."""

    def __init__(self, space, address, port, identity=None):
        self.space, self.address, self.port, self.identity = space, address, port, identity
        self.failures, self.pings, self.pongs, self.ended = [], 0, 0, []
        self._listener = space.socket(address, port, socket.SOCK_STREAM)
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._contexts = identity and (identity.server_context(), identity.client_context())
        self._selector = selectors.DefaultSelector()
        self._connections, self._commands = {}, collections.deque()
        self._arrived = collections.deque()
        self._wake, self._woken = socket.socketpair()
        self._ring, self._bell = socket.socketpair()
        for sock in (self._wake, self._woken, self._ring, self._bell):
            sock.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, self._obey)
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # --- for the agent -------------------------------------------------------------------------

    def fileno(self):
        """Readable when `receive` has something."""
        return self._bell.fileno()

    def send(self, data, target):
        """Over the connection with `target` (address, port), which is made if there is none."""
        self._command(lambda: self._send(data, target))

    def receive(self):
        """All that has arrived: pairs of bytes and source."""
        try:
            self._bell.recv(4096)
        except BlockingIOError:
            pass
        arrived = []
        while self._arrived:
            arrived.append(self._arrived.popleft())
        return arrived

    def peers(self):
        """Who there is a connection with."""
        return [peer for peer, connection in list(self._connections.items())
                if connection.state == "open"]

    def disconnect(self):
        """Closes all connections, not the listener."""
        done = threading.Event()

        def close_all():
            for connection in list(self._connections.values()):
                self._end(connection, "closed by us")
            done.set()
        self._command(close_all)
        if not done.wait(scaled(5)):
            raise LabTimeout("connections do not close")

    def connect(self, target):
        """Opens a connection and returns when it is there."""
        self.send(b"", target)
        wait_for(lambda: target in self.peers(),
                 lambda: f"a connection with {target}; failures: {self.failures}")

    def stop_listening(self):
        """Nobody can connect from now on; connections stay."""
        done = threading.Event()

        def close_listener():
            self._selector.unregister(self._listener)
            self._listener.close()
            done.set()
        self._command(close_listener)
        if not done.wait(scaled(5)):
            raise LabTimeout("the listener does not close")

    def close(self):
        self._running = False
        self._command(lambda: None)
        self._thread.join(scaled(5))
        for connection in list(self._connections.values()):
            connection.sock.close()
        for sock in (self._listener, self._wake, self._woken, self._ring, self._bell):
            sock.close()
        self._selector.close()

    # --- in the thread -------------------------------------------------------------------------

    def _command(self, action):
        self._commands.append(action)
        self._wake.send(b"x")

    def _run(self):
        while self._running:
            for key, events in self._selector.select():
                key.data(events) if callable(key.data) else self._serve(key.data, events)

    def _obey(self, _):
        self._woken.recv(4096)
        while self._commands:
            self._commands.popleft()()

    def _accept(self, _):
        sock, peer = self._listener.accept()
        sock.setblocking(False)
        if self.identity:
            sock = self._contexts[0].wrap_socket(sock, server_side=True,
                                                 do_handshake_on_connect=False)
        self._add(Connection(sock, peer[:2], "greeting" if self.identity else "open"))

    def _send(self, data, target):
        connection = self._connections.get(target)
        if connection is None:
            try:
                sock = self.space.socket(self.address, 0, socket.SOCK_STREAM)
                sock.setblocking(False)
                failure = sock.connect_ex(target)
            except OSError as error:
                self.failures.append((target, str(error)))
                return
            if failure not in (0, errno.EINPROGRESS):
                self.failures.append((target, errno.errorcode[failure]))
                sock.close()
                return
            connection = Connection(sock, target, "connecting")
            self._add(connection)
        connection.outgoing += data
        self._watch(connection)

    def _add(self, connection):
        self._connections[connection.peer] = connection
        self._selector.register(connection.sock, selectors.EVENT_READ | selectors.EVENT_WRITE,
                                connection)

    def _watch(self, connection):
        wants = connection.state == "connecting" or connection.wants_write or \
            (connection.state == "open" and connection.outgoing)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wants else 0)
        self._selector.modify(connection.sock, events, connection)

    def _end(self, connection, why):
        self._selector.unregister(connection.sock)
        connection.sock.close()
        if self._connections.get(connection.peer) is connection:
            del self._connections[connection.peer]
        (self.ended if connection.state == "open" else self.failures).append(
            (connection.peer, why))

    def _serve(self, connection, events):
        connection.wants_write = False
        try:
            if connection.state == "connecting" and events & selectors.EVENT_WRITE:
                self._connected(connection)
            if connection.state == "greeting":
                connection.sock.do_handshake()
                connection.state = "open"
            if connection.state == "open":
                self._read(connection)
                self._write(connection)
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        except ssl.SSLWantWriteError:
            connection.wants_write = True
        except OSError as error:
            self._end(connection, str(error))
            return
        except EOFError:
            self._end(connection, "closed by the peer")
            return
        self._watch(connection)

    def _connected(self, connection):
        failure = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            raise OSError(failure, errno.errorcode[failure])
        connection.state = "open"
        if self.identity:
            self._selector.unregister(connection.sock)
            connection.sock = self._contexts[1].wrap_socket(connection.sock,
                                                            do_handshake_on_connect=False)
            self._selector.register(connection.sock, selectors.EVENT_READ, connection)
            connection.state = "greeting"

    def _read(self, connection):
        while True:
            try:
                data = connection.sock.recv(65536)
            except (ssl.SSLWantReadError, BlockingIOError):
                return
            if not data:
                raise EOFError
            if data == b"\r\n":
                self.pongs += 1
                continue
            connection.incoming += data
            while (message := cut(connection.incoming)) is not None:
                if message:
                    self._arrived.append((message, connection.peer))
                    self._announce()
                else:
                    self.pings += 1
                    connection.outgoing += b"\r\n"

    def _announce(self):
        try:
            self._ring.send(b"x")
        except BlockingIOError:
            pass            # full of announcements already

    @staticmethod
    def _write(connection):
        while connection.outgoing:
            del connection.outgoing[:connection.sock.send(connection.outgoing)]


class DatagramPort:
    """The same for UDP."""

    def __init__(self, space, address, port):
        self.sock = space.socket(address, port)

    def fileno(self):
        return self.sock.fileno()

    def send(self, data, target):
        self.sock.sendto(data, target)

    def receive(self):
        """What has arrived first: at most one pair of bytes and source."""
        try:
            data, source = self.sock.recvfrom(65535)
        except ConnectionRefusedError:
            return []
        return [(data, source[:2])]

    def close(self):
        self.sock.close()
