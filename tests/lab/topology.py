# SPDX-License-Identifier: GPL-2.0-or-later
"""The networks of the user guide, chapter 7, made of namespaces.

    phones                       router                             internet
    10.0.0.10 .11 .12  eth0 --- eth0 10.0.0.1   ppp0 203.0.113.1 --- eth0  203.0.113.50 provider
                                 NAT, siproxd                               .51 remote user agents
                                                                            .52 second provider
                                                                            .53 name server
                                                                            .60 answers nothing

`Masquerading` is the guide's 7.2 (7.4 and 7.5 with other rules), `Dialup` the same with a line that
comes and goes, `BehindRouter` its 7.3,
`Plain` a router without NAT, on which the lab checks itself.
"""

from netns import Namespace
from deadline import wait_for

PHONE, PBX, SECOND_PHONE = "10.0.0.10", "10.0.0.11", "10.0.0.12"
GATEWAY, PROXY_HOST = "10.0.0.1", "10.0.0.2"
PUBLIC, SECOND_PUBLIC = "203.0.113.1", "203.0.113.2"
PROVIDER, REMOTE, PROVIDER_2 = "203.0.113.50", "203.0.113.51", "203.0.113.52"
NAMESERVER, BACKBONE, SILENT = "203.0.113.53", "203.0.113.254", "203.0.113.60"

NAMES = {
    "sip.example.test": PROVIDER,
    "proxy01.sipphone.com": PROVIDER,
    "second.example.test": PROVIDER_2,
    "remote.example.test": REMOTE,
    "silent.example.test": SILENT,
    "foo.bar.org": PUBLIC,
}

# What the guide prints, and what every one of its scenarios takes for granted.
GUIDE_SIP = "iptables -A INPUT -m udp -p udp -i ppp0 --dport 5060 -j ACCEPT"
GUIDE_RTP = "iptables -A INPUT -m udp -p udp -i ppp0 --dport {low}:{high} -j ACCEPT"
GUIDE_REDIRECT = ("iptables -t nat -A PREROUTING -m udp -p udp -i eth0 "
                  "--destination-port 5060 -j REDIRECT")
GUIDE_REDIRECT_PBX = ("iptables -t nat -A PREROUTING -m udp -p udp -i eth0 "
                      "--source 10.0.0.11 --destination-port 5060 -j REDIRECT")


def veth(left, left_name, right, right_name):
    left.ip("link", "add", left_name, "type", "veth", "peer", "name", right_name,
            "netns", right.name)
    left.ip("link", "set", left_name, "up")
    right.ip("link", "set", right_name, "up")


class Topology:
    """Common to all: the three namespaces, the name server, clean-up. A context manager."""

    proxy_inside = GATEWAY      # where the phones find siproxd
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
        records = [f"--host-record={name},{address}" for name, address in NAMES.items()]
        self.dnsmasq = self.internet.start(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
            "--no-hosts", "--bind-interfaces", f"--listen-address={NAMESERVER}",
            "--except-interface=lo", "--user=root", "--pid-file=", "--log-facility=/dev/null",
            "--address=/#/", *records)
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
        self.router.iptables("-A INPUT -i eth0 -j ACCEPT")
        self.router.iptables("-A INPUT -i ppp0 -m state --state ESTABLISHED,RELATED -j ACCEPT")
        self.router.iptables(GUIDE_SIP)
        self.router.iptables(GUIDE_RTP.format(low=low, high=high))
        for rule in extra:
            self.router.iptables(rule)


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
