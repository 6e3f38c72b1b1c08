# SPDX-License-Identifier: GPL-2.0-or-later
"""A provider of telephony: Kamailio as registrar and record-routing proxy.

`password` turns digest authentication of REGISTER and INVITE on (one password for every user), for
those whose User-Agent fits `challenged`.
`identity` (certificates.py) makes it listen on IPv4 and IPv6, by UDP, TCP and TLS.
"""

import os
import signal

from deadline import wait_for
from topology import DOMAINS, FAILOVER, NAMES, PROVIDER, PROVIDER6
from ua import UserAgent

CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
children=2
auto_aliases=no
{listen}
{aliases}
dns=no
rev_dns=no
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 3600)
modparam("rr", "append_fromtag", 0)
modparam("tm", "fr_timer", 10000)

request_route {{
    if (!mf_process_maxfwd_header("20")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route() || !is_method("ACK")) {{ t_relay(); exit; }}
        if (t_check_trans()) t_relay();
        exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{
{register_auth}
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (is_method("OPTIONS") && !$rU) {{ sl_send_reply("200", "OK"); exit; }}
{call_auth}
    remove_hf("Route");
    if (is_method("INVITE|SUBSCRIBE|REFER")) record_route();
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""

UDP_ONLY = "disable_tcp=yes\nlisten=udp:{0}:5060"
EVERYTHING = """tcp_children=2
tcp_connect_timeout=3
enable_tls=yes
""" + "\n".join(f"listen={transport}:{{{host}}}:{port}" for transport, port in (
    ("udp", 5060), ("tcp", 5060), ("tls", 5061)) for host in (0, 1)) + """
loadmodule "tls.so"
modparam("tls", "config", "{2}")
"""
TLS = """[server:default]
method = TLSv1.2+
certificate = {0.certificate}
private_key = {0.key}
ca_list = {0.authority}
[client:default]
method = TLSv1.2+
verify_certificate = yes
certificate = {0.certificate}
private_key = {0.key}
ca_list = {0.authority}
"""

REGISTER_AUTH = """
        if ($ua =~ "{1}" && !pv_www_authenticate("$td", "{0}", "0")) {{
            www_challenge("$td", "0");
            exit;
        }}
        consume_credentials();"""
CALL_AUTH = """
    if (is_method("INVITE") && $ua =~ "{1}"
            && ($si == "203.0.113.1" || $si == "2001:db8:5::1")) {{
        if (!pv_proxy_authenticate("$fd", "{0}", "0")) {{ proxy_challenge("$fd", "0"); exit; }}
        consume_credentials();
    }}"""


class Kamailio:
    """The provider at `address`, responsible for every name that the lab's DNS gives it."""

    def __init__(self, space, directory, address=PROVIDER, password=None, identity=None,
                 challenged="."):
        self.space, self.address = space, address
        self.config_file = f"{directory}/kamailio-{address}.cfg"
        self.log_file = f"{directory}/kamailio-{address}.log"
        names = [name for name, target in NAMES.items() if target == address]
        names += [*DOMAINS, *FAILOVER]
        with open(self.config_file, "w", encoding="ascii") as file:
            file.write(CONFIG.format(
                listen=self._listen(directory, identity),
                aliases="\n".join(f'alias="{name}"' for name in names),
                register_auth=REGISTER_AUTH.format(password, challenged) if password else "",
                call_auth=CALL_AUTH.format(password, challenged) if password else ""))
        runtime = f"{directory}/kamailio-run-{address}"
        os.makedirs(runtime)
        with open(self.log_file, "w", encoding="utf-8") as log:
            self.process = space.start(
                "kamailio", "-DD", "-E", "-f", self.config_file, "-m", "32", "-M", "4",
                "-Y", runtime, stdout=log, stderr=log)
        try:
            self._wait_ready()
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.log()[-4000:]}") from error

    def _listen(self, directory, identity):
        if not identity:
            return UDP_ONLY.format(self.address)
        path = f"{directory}/kamailio-tls.cfg"
        with open(path, "w", encoding="ascii") as file:
            file.write(TLS.format(identity))
        return EVERYTHING.format(self.address, f"[{PROVIDER6}]", path)

    def _wait_ready(self):
        agent = UserAgent(self.space, self.address, port=5999)
        try:
            agent.request("OPTIONS", f"sip:{self.address}")

            def answered():
                # Asked again until Kamailio listens: what came too early is not repeated by itself.
                assert self.process.running(), "Kamailio ended"
                agent.request("OPTIONS", f"sip:{self.address}")
                agent.pump(0.05)
                return any(message.status == 200 for message in agent.log)
            wait_for(answered, "Kamailio to answer", 15)
        finally:
            agent.close()

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        self.process.stop(signal.SIGTERM, timeout=5)
