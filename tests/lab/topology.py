# SPDX-License-Identifier: GPL-2.0-or-later
"""The networks of the user guide, chapter 7, made of namespaces.

    phones                       router                             internet
    10.0.0.10 .11 .12  eth0 --- eth0 10.0.0.1   ppp0 203.0.113.1 --- eth0  203.0.113.50 provider
                                 NAT, siproxd                               .51 remote user agents
                                                                            .52 second provider
                                                                            .53 name server
                                                                            .60 answers nothing

`Masquerading` is the guide's 7.2 (7.4 and 7.5 with other rules), `Dialup` the same with a line that
comes and goes, `BehindRouter` its 7.3, `DualStack` the first with IPv6 (fd10:0:0:1::/64 inside,
2001:db8:5::/64 outside, the same last numbers) and open for TCP and TLS, `RoutedInside` that with
phones behind a router inside, `Plain` a router without NAT,
on which the lab checks itself.
"""

import os
import select
import threading

from capture import HIDDEN
from netns import Namespace
from deadline import wait_for

PHONE, PBX, SECOND_PHONE = "10.0.0.10", "10.0.0.11", "10.0.0.12"
GATEWAY, PROXY_HOST = "10.0.0.1", "10.0.0.2"
PUBLIC, SECOND_PUBLIC = "203.0.113.1", "203.0.113.2"
PROVIDER, REMOTE, PROVIDER_2 = "203.0.113.50", "203.0.113.51", "203.0.113.52"
NAMESERVER, BACKBONE, SILENT = "203.0.113.53", "203.0.113.254", "203.0.113.60"

FLOOR_PHONE, FLOOR_PHONE6 = "10.0.8.10", "fd10:0:0:8::10"

HOME_PHONE, SECOND_HOME_PHONE = "192.168.7.10", "192.168.7.11"
HOME_GATEWAY, HOME_PUBLIC = "192.168.7.1", "198.51.100.7"
HOME_PHONE6, HOME_GATEWAY6, HOME_PUBLIC6 = "fd07::10", "fd07::1", "2001:db8:7::7"
HOME_MAPPING = 4    # seconds that the home's NAT keeps an idle mapping

PHONE6, PBX6, SECOND_PHONE6, GATEWAY6 = (f"fd10:0:0:1::{host}" for host in (10, 11, 12, 1))
PUBLIC6, PROVIDER6, REMOTE6, PROVIDER_26, SILENT6, BACKBONE6 = (
    f"2001:db8:5::{host}" for host in (1, 50, 51, 52, 60, 254))

NAMES = {
    "sip.example.test": PROVIDER,
    "proxy01.sipphone.com": PROVIDER,
    "second.example.test": PROVIDER_2,
    "remote.example.test": REMOTE,
    "silent.example.test": SILENT,
    "foo.bar.org": PUBLIC,
    "host4.example.test": PROVIDER,
    "twofold.test": PROVIDER,
}
NAMES6 = {
    "twofold.test": SILENT6,
    "host6.example.test": PROVIDER6,
    "silent6.example.test": SILENT6,
}

# Domains of a provider that is reached by one transport and one version of IP only, which their
# records say (RFC 3263): udp4.example.test to tls6.example.test.
SERVICES = {"udp": ("SIP+D2U", "_sip._udp", 5060), "tcp": ("SIP+D2T", "_sip._tcp", 5060),
            "tls": ("SIPS+D2T", "_sips._tcp", 5061)}
TRANSPORTS = tuple(SERVICES)
DOMAINS = {f"{transport}{version}.example.test": (transport, version)
           for transport in TRANSPORTS for version in (4, 6)}

# Domains with several servers: for each transport that their NAPTR records offer, the best first,
# the servers in the order of their SRV records. A silent one lets all packets disappear.
PROVIDER_NAME, SECOND_NAME = "host4.example.test", "second.example.test"
FAILOVER = {
    "dead.test": [("udp", ["silent.example.test:5060", f"{PROVIDER_NAME}:5060"])],
    "deadtcp.test": [("tcp", ["silent.example.test:5060", f"{PROVIDER_NAME}:5060"])],
    "closed.test": [("udp", [f"{PROVIDER_NAME}:5999", f"{PROVIDER_NAME}:5060"])],
    "allclosed.test": [("udp", [f"{PROVIDER_NAME}:5999", f"{SECOND_NAME}:5998"])],
    "closedtcp.test": [("tcp", [f"{PROVIDER_NAME}:5999", f"{PROVIDER_NAME}:5060"])],
    "busy.test": [("udp", [f"{SECOND_NAME}:5060", f"{PROVIDER_NAME}:5060"])],
    "secure.test": [("tls", [f"{PROVIDER_NAME}:5061"]), ("udp", [f"{PROVIDER_NAME}:5060"])],
    "onlysecure.test": [("tls", [f"{PROVIDER_NAME}:5061"])],
}
# What is asked of these is passed on to a name server that lets all packets disappear.
UNANSWERED = "unanswered.test"

# What the guide prints, and what every one of its scenarios takes for granted.
GUIDE_SIP = "iptables -A INPUT -m udp -p udp -i ppp0 --dport 5060 -j ACCEPT"
GUIDE_RTP = "iptables -A INPUT -m udp -p udp -i ppp0 --dport {low}:{high} -j ACCEPT"
GUIDE_STREAMS = "iptables -A INPUT -p tcp -i ppp0 --dport 5060:5061 -j ACCEPT"
GUIDE_REDIRECT = ("iptables -t nat -A PREROUTING -m udp -p udp -i eth0 "
                  "--destination-port 5060 -j REDIRECT")
GUIDE_REDIRECT_PBX = ("iptables -t nat -A PREROUTING -m udp -p udp -i eth0 "
                      "--source 10.0.0.11 --destination-port 5060 -j REDIRECT")


def veth(left, left_name, right, right_name):
    left.ip("link", "add", left_name, "type", "veth", "peer", "name", right_name,
            "netns", right.name)
    left.ip("link", "set", left_name, "up")
    right.ip("link", "set", right_name, "up")


# Telephone numbers in the DNS (RFC 6116): name, service, expression.
ENUM = [("3.8.0.0.6.9.2.3.6.1.4.4.e164.arpa", "E2U+email:mailto", "!^.*$!mailto:info@example.test!"),
        ("3.8.0.0.6.9.2.3.6.1.4.4.e164.arpa", "E2U+sip", "!^.*$!sip:bob@sip.example.test!"),
        ("4.8.0.0.6.9.2.3.6.1.4.4.e164.arpa", "E2U+sip", "!^.*$!sip:bob@10.0.0.10!")]


def _numbers():
    """Those of ENUM, as dnsmasq's options; each a bit less wanted than the one before."""
    return [f"--naptr-record={name},100,{10 + place},u,{service},{expression},."
            for place, (name, service, expression) in enumerate(ENUM)]


def _services():
    """The NAPTR and SRV records, as dnsmasq's options."""
    options = []
    offers = {**{domain: [(transport, [f"host{version}.example.test:{SERVICES[transport][2]}"])]
                 for domain, (transport, version) in DOMAINS.items()}, **FAILOVER}
    for domain, transports in offers.items():
        for order, (transport, servers) in enumerate(transports):
            service, prefix, _ = SERVICES[transport]
            options.append(
                f"--naptr-record={domain},{10 + order},10,s,{service},,{prefix}.{domain}")
            for priority, server in enumerate(servers):
                host, port = server.split(":")
                options.append(f"--srv-host={prefix}.{domain},{host},{port},{10 + priority},10")
    return options


class Topology:
    """Common to all: the three namespaces, the name server, clean-up. A context manager."""

    proxy_inside = GATEWAY      # where the phones find siproxd
    hidden = HIDDEN             # what nobody outside may see
    if_inbound, if_outbound = "eth0", "ppp0"

    def __init__(self):
        self.dnsmasq = None
        self.spaces = []
        try:
            self.phones = self._space("phones")
            self.router = self._space("router")
            self.internet = self._space("internet")
            self._lan()
            self._line()
            for address in (REMOTE, PROVIDER, PROVIDER_2, NAMESERVER, SILENT, BACKBONE):
                self.internet.ip("address", "add", f"{address}/24", "dev", "eth0")
            self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
            self.internet.iptables(f"-A INPUT -d {SILENT} -j DROP")
            self._rules()
            self._name_server()
        except BaseException:
            self.remove()
            raise

    def _space(self, role):
        space = Namespace(role, nameserver=NAMESERVER)
        self.spaces.append(space)
        return space

    def _phone_addresses(self):
        for address in (PHONE, PBX, SECOND_PHONE):
            self.phones.ip("address", "add", f"{address}/24", "dev", "eth0")
        self.phones.ip("route", "add", "default", "via", GATEWAY)

    def _lan(self):
        veth(self.phones, "eth0", self.router, "eth0")
        self._phone_addresses()
        self.router.ip("address", "add", f"{GATEWAY}/24", "dev", "eth0")

    def _line(self):
        """Between the router and the internet."""
        veth(self.router, "ppp0", self.internet, "eth0")
        self.dial_in(PUBLIC)

    def dial_in(self, address):
        """ppp0 gets its address and the default route."""
        self.router.ip("address", "add", f"{address}/24", "dev", "ppp0")
        self.router.ip("route", "add", "default", "via", BACKBONE)

    def _rules(self):
        """Firewall rules of the scenario."""

    def _name_server(self):
        records = [f"--host-record={name},{address}"
                   for names in (NAMES, NAMES6) for name, address in names.items()]
        records += [f"--server=/{UNANSWERED}/{SILENT}", *_services(), *_numbers()]
        self.dnsmasq = self.internet.start(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
            "--no-hosts", "--bind-interfaces", f"--listen-address={NAMESERVER}",
            "--except-interface=lo", "--user=root", "--pid-file=", "--log-facility=/dev/null",
            "--address=/#/", "--dns-forward-max=10000", *records)
        wait_for(lambda: f"{NAMESERVER}:53" in self.internet.run("ss", "-Huln"),
                 "the name server to listen")

    @property
    def proxy_host(self):
        """The namespace siproxd runs in."""
        return self.router

    def remove(self):
        if self.dnsmasq:
            self.dnsmasq.stop()
        for space in self.spaces:
            space.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


class Masquerading(Topology):
    """The guide's 7.2: siproxd on the masquerading firewall."""

    def _rules(self):
        self.router.iptables("-t nat -A POSTROUTING -o ppp0 -j MASQUERADE")
        self.firewall()

    def firewall(self, low=7070, high=7089, extra=()):
        """INPUT as on a closed firewall plus the guide's two lines (and those in `extra`)."""
        self.router.iptables("-F INPUT")
        self.router.iptables("-t nat -F PREROUTING")
        self.router.iptables("-P INPUT DROP")
        self.router.iptables("-A INPUT -i lo -j ACCEPT")
        self.router.iptables(f"-A INPUT -i {self.if_inbound} -j ACCEPT")
        self.router.iptables("-A INPUT -i ppp0 -m state --state ESTABLISHED,RELATED -j ACCEPT")
        self.router.iptables(GUIDE_SIP)
        self.router.iptables(GUIDE_RTP.format(low=low, high=high))
        for rule in extra:
            self.router.iptables(rule)


def let_streams_in(site, at_end):
    """The guide's line for TCP and TLS from outside, for one test."""
    if hasattr(site, "firewall"):
        site.firewall(extra=[GUIDE_STREAMS])
        at_end(site.firewall)


class Dialup(Masquerading):
    """The guide's 7.2 with a line that comes and goes, as ppp does: the internet stays as it is."""

    def _line(self):
        self.internet.ip("link", "add", "eth0", "type", "bridge")
        self.internet.ip("link", "set", "eth0", "up")
        self.plug_in()

    def plug_in(self, address=PUBLIC):
        """Makes ppp0."""
        veth(self.router, "ppp0", self.internet, "line")
        self.internet.ip("link", "set", "line", "master", "eth0")
        self.dial_in(address)

    def unplug(self):
        """Takes ppp0 away."""
        self.router.ip("link", "delete", "ppp0")

    def hang_up(self, address=PUBLIC):
        """ppp0 loses its address (and the default route with it)."""
        self.router.ip("address", "delete", f"{address}/24", "dev", "ppp0")


class BridgeAndTunnel(Masquerading):
    """The guide's 7.2 on devices of other kinds: inside a bridge, outside a line without Ethernet."""

    if_inbound = "br0"

    def _lan(self):
        veth(self.phones, "eth0", self.router, "port0")
        self.router.ip("link", "add", "br0", "type", "bridge")
        self.router.ip("link", "set", "port0", "master", "br0")
        self.router.ip("link", "set", "br0", "up")
        self._phone_addresses()
        self.router.ip("address", "add", f"{GATEWAY}/24", "dev", "br0")

    def _line(self):
        self._ends = [self.router.tun("ppp0"), self.internet.tun("eth0")]
        self._stop, self._stopped = os.pipe()
        self._pump = threading.Thread(target=self._carry, daemon=True)
        self._pump.start()
        self.dial_in(PUBLIC)

    def _carry(self):
        """Carries packets from each end of the line to the other."""
        to = dict(zip(self._ends, self._ends[::-1]))
        while True:
            for end in select.select([self._stop, *self._ends], [], [])[0]:
                if end == self._stop:
                    return
                try:
                    os.write(to[end], os.read(end, 4096))
                except OSError:
                    pass    # the other end is not up

    def remove(self):
        if getattr(self, "_pump", None):
            os.close(self._stopped)
            self._pump.join()
            for end in (self._stop, *self._ends):
                os.close(end)
            self._pump = None
        super().remove()


class DualStack(Masquerading):
    """The guide's 7.2 as it would be today: IPv6 on both sides, and SIP also by TCP and TLS."""

    def _rules(self):
        for space, addresses in (
                (self.phones, (PHONE6, PBX6, SECOND_PHONE6)),
                (self.internet, (REMOTE6, PROVIDER6, PROVIDER_26, SILENT6, BACKBONE6))):
            for address in addresses:
                # An address that still waits for duplicates to show up cannot be used.
                space.ip("address", "add", f"{address}/64", "dev", "eth0", "nodad")
        for address, device in ((GATEWAY6, "eth0"), (PUBLIC6, "ppp0")):
            self.router.ip("address", "add", f"{address}/64", "dev", device, "nodad")
        self.phones.ip("route", "add", "default", "via", GATEWAY6)
        self.router.ip("route", "add", "default", "via", BACKBONE6)
        self.internet.ip6tables(f"-A INPUT -d {SILENT6} -j DROP")
        super()._rules()

    def firewall(self, low=7070, high=7089, extra=()):
        super().firewall(low, high, [*extra, GUIDE_STREAMS])
        self.router.ip6tables("-F INPUT")
        self.router.ip6tables("-P INPUT DROP")
        for rule in ("-i lo -j ACCEPT", "-i eth0 -j ACCEPT", "-p icmpv6 -j ACCEPT",
                     "-m state --state ESTABLISHED,RELATED -j ACCEPT"):
            self.router.ip6tables(f"-A INPUT {rule}")
        for rule in (GUIDE_SIP, GUIDE_STREAMS, GUIDE_RTP.format(low=low, high=high)):
            self.router.ip6tables(rule.removeprefix("iptables "))


class RoutedInside(DualStack):
    """The dual stack, and a floor of the house with a network of its own behind a router inside, which
    does no NAT:

    floor 10.0.8.10 fd10:0:0:8::10 --- 10.0.8.1 inner router (phones) 10.0.0.10 --- router
    """

    hidden = (*HIDDEN, "10.0.8.")

    def _lan(self):
        super()._lan()
        self.floor = self._space("floor")
        veth(self.floor, "eth0", self.phones, "eth1")
        self.phones.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

    def _rules(self):
        super()._rules()
        for phone, network, hop, inner, length in (
                (FLOOR_PHONE, "10.0.8.0/24", "10.0.8.1", PHONE, 24),
                (FLOOR_PHONE6, "fd10:0:0:8::/64", "fd10:0:0:8::1", PHONE6, 64)):
            nodad = ["nodad"] if ":" in hop else []
            self.phones.ip("address", "add", f"{hop}/{length}", "dev", "eth1", *nodad)
            self.floor.ip("address", "add", f"{phone}/{length}", "dev", "eth0", *nodad)
            self.floor.ip("route", "add", "default", "via", hop)
            self.router.ip("route", "add", network, "via", inner)


class FarHome(DualStack):
    """That, and a home on the internet behind a NAT of its own, whose mappings end after a few idle
    seconds instead of minutes or hours:

    home 192.168.7.10 .11 --- 192.168.7.1 far router 198.51.100.7 --- internet
         fd07::10                 fd07::1            2001:db8:7::7

    Its IPv6 is translated, too, which no standard knows and some providers do.
    """

    def _line(self):
        super()._line()
        self.home, self.far_router = self._space("home"), self._space("farrouter")
        veth(self.home, "eth0", self.far_router, "lan0")
        veth(self.far_router, "wan0", self.internet, "eth1")
        for address in (HOME_PHONE, SECOND_HOME_PHONE):
            self.home.ip("address", "add", f"{address}/24", "dev", "eth0")
        self.home.ip("route", "add", "default", "via", HOME_GATEWAY)
        self.far_router.ip("address", "add", f"{HOME_GATEWAY}/24", "dev", "lan0")
        self.far_router.ip("address", "add", f"{HOME_PUBLIC}/24", "dev", "wan0")
        self.internet.ip("address", "add", "198.51.100.1/24", "dev", "eth1")
        self.far_router.ip("route", "add", "default", "via", "198.51.100.1")
        self._home6()
        for space in (self.far_router, self.internet):
            space.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        for tables in (self.far_router.iptables, self.far_router.ip6tables):
            tables("-t nat -A POSTROUTING -o wan0 -p udp -j MASQUERADE --to-ports 31000-31999")
            tables("-t nat -A POSTROUTING -o wan0 -j MASQUERADE")
            tables("-P FORWARD DROP")
            tables("-A FORWARD -i lan0 -j ACCEPT")
            tables("-A FORWARD -m state --state ESTABLISHED,RELATED -j ACCEPT")
        for name in ("udp_timeout", "udp_timeout_stream", "tcp_timeout_established"):
            self.far_router.run("sysctl", "-qw",
                                f"net.netfilter.nf_conntrack_{name}={HOME_MAPPING}")

    def _home6(self):
        for space, address, device in (
                (self.home, HOME_PHONE6, "eth0"), (self.far_router, HOME_GATEWAY6, "lan0"),
                (self.far_router, HOME_PUBLIC6, "wan0"), (self.internet, "2001:db8:7::1", "eth1")):
            space.ip("address", "add", f"{address}/64", "dev", device, "nodad")
        self.home.ip("route", "add", "default", "via", HOME_GATEWAY6)
        self.far_router.ip("route", "add", "default", "via", "2001:db8:7::1")


class BehindRouter(Topology):
    """The guide's 7.3: siproxd on a host of its own behind a NAT router that forwards ports."""

    proxy_inside = PROXY_HOST
    if_inbound = if_outbound = "eth0"

    def _lan(self):
        self.switch = self._space("switch")
        self.host = self._space("siproxd")
        self.switch.ip("link", "add", "br0", "type", "bridge")
        self.switch.ip("link", "set", "br0", "up")
        for port, space in enumerate((self.phones, self.router, self.host)):
            veth(space, "eth0", self.switch, f"port{port}")
            self.switch.ip("link", "set", f"port{port}", "master", "br0")
        self._phone_addresses()
        self.router.ip("address", "add", f"{GATEWAY}/24", "dev", "eth0")
        self.host.ip("address", "add", f"{PROXY_HOST}/24", "dev", "eth0")
        self.host.ip("route", "add", "default", "via", GATEWAY)

    def _rules(self, low=7070, high=7089):
        rule = "-t nat -A PREROUTING -i ppp0 -p udp --dport {} -j DNAT --to-destination {}"
        self.router.iptables("-t nat -A POSTROUTING -o ppp0 -j MASQUERADE")
        self.router.iptables(rule.format("5060", PROXY_HOST))
        self.router.iptables(rule.format(f"{low}:{high}", PROXY_HOST))
        self.router.iptables("-P INPUT DROP")
        self.router.iptables("-A INPUT -i eth0 -j ACCEPT")

    @property
    def proxy_host(self):
        return self.host


class Plain(Topology):
    """No NAT, no siproxd: both sides reach each other. The lab's self-test runs here."""

    proxy_inside = PROVIDER

    def _rules(self):
        self.internet.ip("route", "add", "10.0.0.0/24", "via", PUBLIC)
