# SPDX-License-Identifier: GPL-2.0-or-later
"""One laboratory: the networks, siproxd in them, captures on both of its sides, and whoever takes
part in a test."""

import os

import calls
import digest
import topology
from baresip import Baresip
from capture import Capture, assert_no_leak, ladder
from daemon import DIRECT, BackgroundDaemon, Daemon, NoDaemon
from provider import Kamailio
from sipp import Sipp
from ua import UserAgent


class Lab:
    """Everything a test works with. Whatever is made through it is ended with the test."""

    def __init__(self, site, directory, settings, filters):
        self.site, self.directory, self.keep = site, directory, False
        self._endings = []
        self.outside = Capture(site.internet, "eth0", f"{directory}/outside.pcap",
                               filters.get("outside", ""))
        self.inside = Capture(site.phones, "eth0", f"{directory}/inside.pcap",
                              filters.get("inside", ""))
        kind = BackgroundDaemon if settings.get("daemonize") else Daemon
        self.daemon = (NoDaemon if DIRECT else kind)(site, directory, settings)

    def at_end(self, ending):
        """`ending()` will be called when the test is over, in reverse order."""
        self._endings.append(ending)

    @property
    def outbound(self):
        """Where phones send what is not in a dialog; without a daemon, straight to the target."""
        return None if DIRECT else (self.site.proxy_inside, 5060)

    def _outbound_of(self, address, transport="udp", **_):
        if DIRECT:
            return None
        host = topology.GATEWAY6 if ":" in address else self.site.proxy_inside
        return host, topology.SERVICES[transport][2]

    def _agent(self, space, address, user, **details):
        agent = UserAgent(space, address, user=user, **details)
        self.at_end(agent.close)
        return agent

    def phone(self, user="alice", address=topology.PHONE, **details):
        """A phone inside, with siproxd as its outbound proxy unless `outbound` says else."""
        details.setdefault("outbound", self._outbound_of(address, **details))
        return self._agent(self.site.phones, address, user, **details)

    def provider(self, address=topology.PROVIDER, user="bob", **details):
        """A registrar and B2BUA on the internet: everybody's peer in most tests."""
        return self._agent(self.site.internet, address, user, **details)

    def home_phone(self, user="far", address=topology.HOME_PHONE, **details):
        """A phone behind the NAT of a home on the internet (topology.FarHome)."""
        public = topology.PUBLIC6 if ":" in address else topology.PUBLIC
        port = topology.SERVICES[details.get("transport", "udp")][2]
        details.setdefault("outbound", (public, port))
        return self._agent(self.site.home, address, user, **details)

    def passwords(self, **users):
        """Makes siproxd the registrar of home.test, where these users have these passwords."""
        path = f"{self.directory}/passwords"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{user} {password}\n" for user, password in users.items())
        os.chmod(path, 0o644)
        self.daemon.settings.update(local_domains="home.test", proxy_auth_realm="home",
                                    proxy_auth_pwfile=path)

    def enrolled(self, phone, password, expires=600, **details):
        """Registers `phone` at siproxd itself, with a password when it is asked for one."""
        phone.register(expires, **details)
        answer = phone.expect(lambda m: m.status in (200, 401))
        if answer.status == 401:
            credentials = digest.answer(answer["www-authenticate"], "REGISTER",
                                        f"sip:{details.get('registrar') or phone.domain}",
                                        phone.user, password)
            phone.register(expires, headers=[("Authorization", credentials)], **details)
            answer = phone.expect((200, "REGISTER"))
        return answer

    def floor_phone(self, address=topology.FLOOR_PHONE, user="alice", **details):
        """A phone behind a router inside (topology.RoutedInside)."""
        details.setdefault("outbound", self._outbound_of(address, **details))
        return self._agent(self.site.floor, address, user, **details)

    def registered(self, phone, provider, expires=600):
        """Registers `phone` at `provider`; returns the Contact URI the provider knows it by."""
        phone.register(expires)
        request = provider.expect("REGISTER")
        provider.reply(request, 200, contact=False, headers=[
            ("Contact", f"<{request.contact}>;expires={expires}")])
        phone.expect((200, "REGISTER"))
        return request.contact

    def pair(self):
        """A phone that is registered at a provider: (phone, provider, contact)."""
        phone, provider = self.phone(), self.provider()
        return phone, provider, self.registered(phone, provider)

    def call_out(self, phone, provider, **details):
        """An established call from inside to outside."""
        return calls.establish(phone, provider, f"sip:{provider.user}@{phone.domain}", **details)

    def call_in(self, phone, provider, contact, **details):
        """An established call from outside to inside."""
        return calls.establish(provider, phone, contact, to=f"<{phone.aor}>", **details)

    def still_serves(self):
        """Asserts that somebody whom the noise did not speak of registers, and has a call with audio each
        way."""
        phone = self.phone("zoe", topology.SECOND_PHONE, domain="second.example.test")
        provider = self.provider(topology.PROVIDER_2, domain="second.example.test")
        contact = self.registered(phone, provider)
        for call in (self.call_out(phone, provider), self.call_in(phone, provider, contact)):
            call.check_media(5)
            call.hang_up()

    def kamailio(self, address=topology.PROVIDER, **details):
        """A real provider."""
        server = Kamailio(self.site.internet, self.directory, address, **details)
        self.at_end(server.stop)
        return server

    def sipp(self, side, scenario, address, **details):
        """SIPp with a scenario, `side` being "inside" or "outside". An inside one without `target`
        sends to siproxd."""
        space = self.site.phones if side == "inside" else self.site.internet
        if side == "inside" and "target" not in details:
            details["target"] = topology.PROVIDER if DIRECT else self.site.proxy_inside
        run = Sipp(space, self.directory, scenario, address, **details)
        self.at_end(run.stop)
        return run

    def softphone(self, side, user, address, **details):
        """baresip, registered. An inside one has siproxd as its outbound proxy."""
        space = self.site.phones if side == "inside" else self.site.internet
        if side == "inside" and not DIRECT:
            details.setdefault("outbound", self._outbound_of(address)[0])
        softphone = Baresip(space, self.directory, address, user, **details)
        self.at_end(softphone.stop)
        softphone.wait_registered()
        return softphone

    def evidence(self):
        """What helps to understand a failure, as report sections."""
        sections = [("directory", self.directory), ("siproxd log", self.daemon.log()[-12000:])]
        for name, capture in (("inside", self.inside), ("outside", self.outside)):
            try:
                sections.append((f"SIP {name}", ladder(capture.stop().packets())[-8000:]))
            except Exception as error:  # pylint: disable=broad-except
                sections.append((f"SIP {name}", f"no capture: {error}"))
        return sections

    def end(self):
        """Ends what the test started, then the daemon, then looks at what crossed the border."""
        try:
            for ending in reversed(self._endings):
                ending()
            self.daemon.stop()
        finally:
            self.daemon.close()
            self.inside.stop()
            self.outside.stop()
        if not DIRECT:
            assert_no_leak(self.outside.path, self.site.hidden)
