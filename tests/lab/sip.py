# SPDX-License-Identifier: GPL-2.0-or-later
"""SIP messages and SDP bodies as the scripted user agents see them: text, taken apart no further
than the tests ask for. Independent of the daemon's own parser on purpose."""

import re
from dataclasses import dataclass, field

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact",
           "l": "content-length", "c": "content-type", "k": "supported", "s": "subject"}
REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted",
           401: "Unauthorized", 404: "Not Found", 408: "Request Timeout", 481: "No Such Call",
           486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
           503: "Service Unavailable", 603: "Decline"}
LISTS = {"via", "contact", "route", "record-route"}


def _long_name(name):
    name = name.strip().lower()
    return COMPACT.get(name, name)


def split_list(value):
    """Splits at commas outside of quotes and angle brackets."""
    return [part.strip() for part in re.findall(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,"<])+', value)]


class Message:
    """One request or response. Header order and spelling are as they came."""

    def __init__(self, start, headers=(), body=b""):
        self.start = start
        self.headers = [(name, value) for name, value in headers]
        self.body = body.encode() if isinstance(body, str) else body
        self.source = None      # (address, port) it came from
        self.raw = b""

    @classmethod
    def parse(cls, data, source=None):
        head, _, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape")).split("\r\n")
        message = cls(lines[0], [], body)
        for line in lines[1:]:
            name, _, value = line.partition(":")
            message.headers.append((name.strip(), value.strip()))
        message.source, message.raw = source, data
        return message

    def encode(self):
        text = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        head = f"{self.start}\r\n{text}Content-Length: {len(self.body)}\r\n\r\n"
        return head.encode("utf-8", "surrogateescape") + self.body

    def get(self, name, default=None):
        """The first header of this name (long form, any case)."""
        return next((value for key, value in self.headers if _long_name(key) == name.lower()),
                    default)

    def __getitem__(self, name):
        value = self.get(name)
        assert value is not None, f"no {name} in:\n{self}"
        return value

    def all(self, name):
        """All values of this name; comma lists of Via, Contact, Route, Record-Route taken apart."""
        values = [value for key, value in self.headers if _long_name(key) == name.lower()]
        if name.lower() in LISTS:
            values = [part for value in values for part in split_list(value)]
        return values

    @property
    def is_request(self):
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self):
        """Of the request, or of the request this is a response to."""
        return self.start.split(" ")[0] if self.is_request else self["cseq"].split()[1]

    @property
    def uri(self):
        return self.start.split(" ")[1]

    @property
    def status(self):
        return None if self.is_request else int(self.start.split(" ")[1])

    @property
    def cseq(self):
        return int(self["cseq"].split()[0])

    @property
    def branch(self):
        return param(self.all("via")[0], "branch")

    @property
    def contact(self):
        """The URI of the first Contact."""
        return uri_of(self.all("contact")[0])

    @property
    def sdp(self):
        return Sdp(self.body)

    def tag(self, name):
        """The tag of From or To; None when there is none."""
        return param(re.sub(r"<[^>]*>", "", self[name]), "tag")

    def __str__(self):
        return (self.raw or self.encode()).decode("utf-8", "replace").replace("\r\n", "\n").rstrip()


def param(value, name):
    """The value of `;name=...` ('' for a bare `;name`), or None."""
    match = re.search(rf";\s*{re.escape(name)}(?:\s*=\s*([^;,\s>]*))?(?=[;,\s>]|$)", value,
                      re.IGNORECASE)
    return None if match is None else match[1] or ""


def uri_of(name_addr):
    """`sip:...` out of `"Name" <sip:...>;param` or `sip:...;param`."""
    match = re.search(r"<([^>]*)>", name_addr)
    return match[1] if match else name_addr.split(";")[0].strip()


def user_of(uri):
    match = re.match(r"sips?:([^@;>]*)@", uri)
    return match[1] if match else None


def host_of(uri):
    return host_port(uri)[0]


def host_port(uri):
    """Host (an IPv6 address without its brackets) and port (the default of the URI's transport if
    none is given) of a URI or of a Via's sent-by."""
    match = re.match(r"(?:sips?:)?(?:[^@>]*@)?(?:\[([\da-fA-F:.]+)\]|([^:;>\s?]+))(?::(\d+))?", uri)
    return match[1] or match[2], int(match[3] or (5061 if transport_of(uri) == "tls" else 5060))


def transport_of(uri):
    """What a URI says about it: udp (where it says nothing), tcp or tls."""
    transport = (param(uri, "transport") or "udp").lower()
    return "tls" if uri.startswith("sips:") else transport


def in_uri(address):
    """An address as it is written in a URI."""
    return f"[{address}]" if ":" in address else address


def sent_by(via):
    """Host and port of a Via value."""
    protocol, by = via.split()[:2]
    host, port = host_port(by)
    tls = protocol.upper().endswith("TLS") and not re.search(r":\d+(;|$)", by)
    return host, 5061 if tls else port


@dataclass
class Media:
    """One m= block of a session description."""

    kind: str
    port: int
    protocol: str
    formats: list
    address: str
    attributes: list = field(default_factory=list)

    @property
    def target(self):
        return self.address, self.port

    @property
    def direction(self):
        modes = [text for text in self.attributes
                 if text in ("sendrecv", "sendonly", "recvonly", "inactive")]
        return modes[0] if modes else "sendrecv"


class Sdp:
    """A session description, read."""

    def __init__(self, body):
        self.text = body.decode() if isinstance(body, bytes) else body
        self.media, self.origin, self.address, self.attributes = [], None, None, []
        for line in self.text.split("\r\n"):
            self._line(line[:2], line[2:])

    def _line(self, kind, value):
        if kind == "o=":
            self.origin = value.split()[5]
        elif kind == "c=":
            address = value.split()[2]
            if self.media:
                self.media[-1].address = address
            else:
                self.address = address
        elif kind == "m=":
            words = value.split()
            self.media.append(Media(words[0], int(words[1]), words[2], words[3:], self.address))
        elif kind == "a=":
            (self.media[-1].attributes if self.media else self.attributes).append(value)

    @property
    def audio(self):
        return next(media for media in self.media if media.kind == "audio")

    @property
    def direction(self):
        """Of the audio stream, whether it is said there or for the whole session."""
        session = [text for text in self.attributes if text.startswith(("send", "recv", "inact"))]
        said = self.audio.direction
        return session[0] if session and said == "sendrecv" else said


def _family(address):
    return "IP6" if ":" in address else "IP4"


def sdp(address, *ports, mode=None, connection=None, version=1, kinds=("audio", "video"),
        attributes=(), session_attributes=()):
    """A body that offers or answers one stream per port: audio, then video."""
    connection = connection or address
    lines = ["v=0", f"o=- 4711 {version} IN {_family(address)} {address}", "s=-",
             f"c=IN {_family(connection)} {connection}", "t=0 0"]
    lines += [f"a={text}" for text in session_attributes]
    for kind, port in zip(kinds, ports):
        if kind == "audio":
            lines += [f"m=audio {port} RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000",
                      "a=rtpmap:101 telephone-event/8000"]
        else:
            lines += [f"m={kind} {port} RTP/AVP 99", "a=rtpmap:99 H264/90000"]
        lines += [f"a={text}" for text in attributes]
        lines += [f"a={mode}"] if mode else []
    return "\r\n".join(lines) + "\r\n"
