# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripted SIP user agents. A test plays all parties by itself, one line per message:

    call = phone.invite("sip:bob@sip.example.test", offer)
    invite = provider.expect("INVITE")
    provider.reply(invite, 486)
    phone.expect(486)

The agents do what RFC 3261 asks of every user agent and no more: responses follow the Via,
requests in a dialog follow its route set, failed INVITEs are acknowledged, repeated messages are
recorded but not handed to the test twice. They never retransmit unless told to.
"""

import itertools
import select

import sip
from deadline import Deadline, LabTimeout
from streams import DatagramPort, StreamPort
from topology import NAMES, NAMES6

_serial = itertools.count(1)


def resolve(host, over_ipv6=False):
    return (NAMES6 if over_ipv6 else NAMES).get(host, host)


class ClientRequest:
    """A request that was sent, so that it can be sent again, cancelled or acknowledged."""

    def __init__(self, agent, message, target):
        self.agent, self.message, self.target = agent, message, target

    def resend(self):
        self.agent.send(self.message, self.target)

    def follow_up(self, method):
        """The ACK to a failure, or the CANCEL: same branch and number (RFC 3261 9.1, 17.1.1.3)."""
        message = sip.Message(f"{method} {self.message.uri} SIP/2.0")
        for name, value in self.message.headers:
            if name in ("Via", "From", "To", "Call-ID", "Max-Forwards", "Route"):
                message.headers.append((name, value))
        message.headers.append(("CSeq", f"{self.message.cseq} {method}"))
        return message


class UserAgent:
    """One SIP address of record on one port of a namespace.

    `outbound` is where requests outside of dialogs go (the phone's outbound proxy); without one
    they go where the request URI points. An agent speaks one transport, "udp", "tcp" or "tls", and
    IPv4 or IPv6 as its address says; for TLS it needs an `identity` (certificates.py).
    """

    def __init__(self, space, address, port=None, user="alice", domain="sip.example.test",
                 outbound=None, transport="udp", identity=None):
        self.space, self.address, self.transport = space, address, transport
        self.port = port or (5061 if transport == "tls" else 5060)
        self.user, self.domain, self.outbound = user, domain, outbound
        self.wire = DatagramPort(space, address, self.port) if transport == "udp" else \
            StreamPort(space, address, self.port, identity if transport == "tls" else None)
        self.inbox, self.log, self._seen, self._clients, self._tags = [], [], set(), {}, {}
        self._rtp = []
        self.acknowledges = True    # failed INVITEs, by itself

    def close(self):
        for one in [self.wire, *self._rtp]:
            one.close()

    @property
    def aor(self):
        return f"sip:{self.user}@{self.domain}"

    @property
    def contact(self):
        default = 5061 if self.transport == "tls" else 5060
        port = "" if self.port == default else f":{self.port}"
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{self.user}@{sip.in_uri(self.address)}{port}{transport}"

    def open_rtp(self):
        """A socket for media on an even port of this agent's address."""
        while True:
            sock = self.space.socket(self.address, 0)
            if sock.getsockname()[1] % 2 == 0:
                self._rtp.append(sock)
                return sock
            sock.close()

    # --- sending -------------------------------------------------------------------------------

    def send(self, message, target):
        self.wire.send(message if isinstance(message, bytes) else message.encode(), target)

    def new_via(self):
        return (f"SIP/2.0/{self.transport.upper()} {sip.in_uri(self.address)}:{self.port}"
                f";branch=z9hG4bKlab{next(_serial)}x{id(self) % 9973};rport")

    def build(self, method, uri, *, to=None, call_id=None, cseq=1, from_tag=None, routes=(),
              headers=(), body="", content_type="application/sdp", contact=True):
        """A request outside of any dialog (or with everything a dialog prescribes)."""
        serial = next(_serial)
        message = sip.Message(f"{method} {uri} SIP/2.0", [
            ("Via", self.new_via()), ("Max-Forwards", "70"),
            ("From", f"<{self.aor}>;tag={from_tag or f'f{serial}'}"), ("To", to or f"<{uri}>"),
            ("Call-ID", call_id or f"call{serial}-{self.user}"), ("CSeq", f"{cseq} {method}")])
        message.headers += [("Route", route) for route in routes]
        if contact and method not in ("CANCEL", "BYE", "MESSAGE", "PUBLISH"):
            message.headers.append(("Contact", f"<{self.contact}>"))
        message.headers.append(("User-Agent", "siplab"))
        message.headers += headers
        if body:
            message.headers.append(("Content-Type", content_type))
            message.body = body.encode() if isinstance(body, str) else body
        return message

    def request(self, method, uri, *, target=None, **details):
        """Builds and sends a request; see `build` for the details."""
        return self.start(self.build(method, uri, **details), target)

    def start(self, message, target=None):
        """Sends a request and remembers it as a client transaction."""
        client = ClientRequest(self, message, target or self._next_hop(message))
        self._clients[message.branch] = client
        client.resend()
        return client

    def _next_hop(self, message):
        routes = message.all("route")
        if routes:
            return self.hop(sip.uri_of(routes[0]))
        return self.outbound or self.hop(message.uri)

    def hop(self, uri):
        """Where a URI leads an agent that speaks nothing but its own transport."""
        host, port = sip.host_port(uri)
        assert sip.transport_of(uri) == self.transport or host in NAMES, \
            f"{self.user}@{self.address} speaks {self.transport} and cannot reach {uri}"
        return resolve(host, ":" in self.address), port

    def reply(self, request, status, body="", headers=(), contact=None, content_type=None):
        """Answers `request`. All answers to one Call-ID carry the same To tag."""
        via, *others = [value for key, value in request.headers
                        if sip.COMPACT.get(key.lower(), key.lower()) == "via"]
        response = sip.Message(f"SIP/2.0 {status} {sip.REASONS.get(status, 'Whatever')}")
        response.headers += [("Via", text) for text in [self._stamped(via, request), *others]]
        response.headers += [("Record-Route", text) for text in request.all("record-route")]
        to = request["to"]
        if request.tag("to") is None and status > 100:
            to += f";tag={self.tag_for(request)}"
        response.headers += [("From", request["from"]), ("To", to),
                             ("Call-ID", request["call-id"]), ("CSeq", request["cseq"])]
        wants_contact = request.method in ("INVITE", "SUBSCRIBE", "UPDATE", "REFER")
        if contact or (contact is None and wants_contact and 100 < status < 300):
            response.headers.append(("Contact", f"<{contact or self.contact}>"))
        response.headers += headers
        if body:
            response.headers.append(("Content-Type", content_type or "application/sdp"))
            response.body = body.encode() if isinstance(body, str) else body
        self.send(response, self._response_target(request))
        return response

    def tag_for(self, request):
        return self._tags.setdefault(request["call-id"], f"t{next(_serial)}")

    def forget_tag(self, request, tag):
        """From now on the answers to this Call-ID carry `tag`: those of another fork."""
        self._tags[request["call-id"]] = tag

    def _stamped(self, via, request):
        """The top Via with what RFC 3261 18.2.1 and RFC 3581 have the server add to it."""
        first, comma, rest = via.partition(",")
        host, _ = sip.sent_by(first)
        if sip.param(first, "rport") == "":
            first = first.replace(";rport", f";rport={request.source[1]}", 1)
            first += f";received={request.source[0]}"
        elif host != request.source[0]:
            first += f";received={request.source[0]}"
        return first + comma + rest

    def _response_target(self, request):
        via = request.all("via")[0]
        if self.transport != "udp":
            return request.source       # by the connection it came by (RFC 3261 18.2.2)
        port = request.source[1] if sip.param(via, "rport") is not None else sip.sent_by(via)[1]
        return request.source[0], port

    # --- receiving -----------------------------------------------------------------------------

    def expect(self, what, timeout=5.0):
        """The next message that fits and was not asked for yet.

        `what`: a method, a status, a pair (status, method), or a function of the message.
        """
        deadline = Deadline(timeout)
        while True:
            for message in self.inbox:
                if _fits(message, what):
                    self.inbox.remove(message)
                    return message
            if deadline.passed():
                raise LabTimeout(f"{self.user}@{self.address}:{self.port} waited "
                                 f"{deadline.seconds:.1f} s for {what}; not asked for: "
                                 f"{[message.start for message in self.inbox]}")
            self.pump(deadline.remaining())

    def pump(self, timeout=0.0):
        """Takes in what has arrived, waiting for the first of it up to `timeout` seconds."""
        while select.select([self.wire], [], [], timeout)[0]:
            for data, source in self.wire.receive():
                timeout = 0.0
                if data.strip(b"\r\n\0"):
                    self._take(sip.Message.parse(data, source))

    def _take(self, message):
        self.log.append(message)
        key = (message.start.split(" ")[0 if message.is_request else 1], message.branch,
               message["cseq"], message.tag("to"))
        if message.status and message.status >= 300 and message.method == "INVITE" \
                and self.acknowledges:
            self.acknowledge(message)
        if key not in self._seen:
            self._seen.add(key)
            self.inbox.append(message)

    def acknowledge(self, response):
        """The ACK to a final response other than 2xx."""
        client = self._clients.get(response.branch)
        if client:
            ack = client.follow_up("ACK")
            ack.headers = [(name, response["to"] if name == "To" else value)
                           for name, value in ack.headers]
            self.send(ack, client.target)

    def count(self, what):
        """How many messages that fit have arrived so far, repeated ones included."""
        self.pump()
        return sum(_fits(message, what) for message in self.log)

    # --- registration and calls ----------------------------------------------------------------

    def register(self, expires=600, contacts=None, headers=(), registrar=None, call_id=None,
                 cseq=None):
        """Sends a REGISTER for this agent's address of record to the registrar of its domain, or
        to the host that `registrar` names."""
        contacts = [f"<{self.contact}>"] if contacts is None else contacts
        self._register_cseq = cseq or getattr(self, "_register_cseq", 0) + 1
        lines = [("Contact", contact) for contact in contacts]
        if expires is not None:
            lines.append(("Expires", str(expires)))
        return self.request("REGISTER", f"sip:{registrar or self.domain}", to=f"<{self.aor}>",
                            contact=False,
                            call_id=call_id or f"reg-{self.user}-{self.domain}-{id(self) % 9973}",
                            cseq=self._register_cseq, headers=[*lines, *headers])

    def invite(self, uri, body="", headers=(), **details):
        """Calls; returns the (early) dialog."""
        return Dialog.calling(self, self.request("INVITE", uri, body=body, headers=headers,
                                                 **details))

    def accept(self, invite, body="", headers=()):
        """Answers an INVITE with 200; returns the dialog."""
        self.reply(invite, 200, body, headers)
        return Dialog.called(self, invite)


class Dialog:
    """One side's view of a dialog (RFC 3261 12)."""

    def __init__(self, agent, call_id, cseq):
        self.agent, self.call_id, self.cseq = agent, call_id, cseq
        self.local = self.remote = self.remote_target = self.client = None
        self.routes = []

    @classmethod
    def calling(cls, agent, client):
        message = client.message
        dialog = cls(agent, message["call-id"], message.cseq)
        dialog.client, dialog.remote_target = client, message.uri
        dialog.local, dialog.remote = message["from"], message["to"]
        return dialog

    @classmethod
    def called(cls, agent, request):
        dialog = cls(agent, request["call-id"], 100)
        dialog.local = request["to"] if request.tag("to") else \
            f"{request['to']};tag={agent.tag_for(request)}"
        dialog.remote = request["from"]
        dialog.remote_target = request.contact
        dialog.routes = request.all("record-route")
        return dialog

    def confirm(self, response):
        """Takes over what a response with a To tag says about the other side."""
        self.remote = response["to"]
        if response.all("contact"):
            self.remote_target = response.contact
        if response.all("record-route"):
            self.routes = response.all("record-route")[::-1]
        return self

    def request(self, method, body="", headers=(), cseq=None, **details):
        """Sends a request within the dialog."""
        if cseq is None:
            self.cseq += 1
        message = self.agent.build(method, self.remote_target, to=self.remote,
                                   call_id=self.call_id, cseq=cseq or self.cseq,
                                   routes=self.routes, headers=headers, body=body, **details)
        message.headers = [(name, self.local if name == "From" else value)
                           for name, value in message.headers]
        # In a dialog the route set decides, and without one the remote target (RFC 3261 12.2.1.1):
        # a phone's outbound proxy must have recorded itself to stay in the path.
        hop = sip.uri_of(self.routes[0]) if self.routes else self.remote_target
        return self.agent.start(message, self.agent.hop(hop))

    def ack(self, response, body=""):
        """Confirms the dialog by the 2xx and acknowledges it."""
        self.confirm(response)
        return self.request("ACK", body=body, cseq=response.cseq, contact=False)

    def cancel(self):
        """Cancels the INVITE that started this dialog."""
        self.agent.start(self.client.follow_up("CANCEL"), self.client.target)

    def hang_up(self, other, timeout=5.0):
        """BYE to the other agent, and its 200 back."""
        self.request("BYE")
        bye = other.expect("BYE", timeout)
        other.reply(bye, 200)
        self.agent.expect((200, "BYE"), timeout)
        return bye


def _fits(message, what):
    if callable(what):
        return bool(what(message))
    if isinstance(what, str):
        return message.is_request and message.method == what
    if isinstance(what, tuple):
        return message.status == what[0] and message.method == what[1]
    return message.status == what
