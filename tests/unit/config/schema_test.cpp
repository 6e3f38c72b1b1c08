// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/schema.h"

#include "config/load.h"
#include "support/catch.h"

#include <fmt/core.h>

#include <set>

using namespace siproxd::config;

TEST_CASE("Every directive has a name of its own, a help line and all of its binding", "[config]") {
    std::set<std::string_view> keys;
    for (const Directive& directive : directives()) {
        INFO(directive.key);
        CHECK(keys.insert(directive.key).second);
        CHECK(findDirective(directive.key) == &directive);
        CHECK(directive.help.ends_with('.'));
        CHECK(directive.binding.store != nullptr);
        CHECK(directive.binding.count != nullptr);
        CHECK(directive.binding.show != nullptr);
        CHECK(directive.binding.copy != nullptr);
        CHECK_FALSE(directive.key.starts_with("plugin_"));
        if (directive.isNumber()) {
            CHECK(directive.least < directive.most);
        }
    }
}

TEST_CASE("Every directive of the original is known", "[config]") {
    for (const char* key :
         {"debug_level", "debug_port", "sip_listen_port", "daemonize", "silence_log", "if_inbound",
          "if_outbound", "host_outbound", "rtp_port_low", "rtp_port_high", "rtp_timeout",
          "rtp_proxy_enable", "rtp_dscp", "rtp_input_dejitter", "rtp_output_dejitter", "user",
          "chrootjail", "hosts_allow_reg", "hosts_allow_sip", "hosts_deny_sip", "proxy_auth_realm",
          "proxy_auth_passwd", "proxy_auth_pwfile", "mask_host", "masked_host",
          "outbound_proxy_host", "outbound_proxy_port", "outbound_domain_name",
          "outbound_domain_host", "outbound_domain_port", "registration_file", "pid_file",
          "default_expires", "autosave_registrations", "ua_string", "use_rport", "obscure_loops",
          "plugindir", "load_plugin", "sip_dscp", "tcp_timeout", "tcp_connect_timeout",
          "tcp_keepalive", "thread_stack_size"}) {
        INFO(key);
        CHECK(findDirective(key) != nullptr);
    }
    CHECK(findDirective("IF_INBOUND") == nullptr);
    CHECK(findDirective("if_inboun") == nullptr);
    CHECK(findDirective("") == nullptr);
}

TEST_CASE("What is stored through the table is shown by it", "[config]") {
    for (const Directive& directive : directives()) {
        INFO(directive.key);
        Settings settings;
        Value value{.text = "192.0.2.1", .number = directive.most, .origin = {"x", 1}};
        directive.binding.store(settings, 0, value);
        REQUIRE(directive.binding.count(settings) == 1);
        const std::string shown = directive.binding.show(settings, 0);
        if (directive.isNumber()) {
            // The highest RTP port is shown with its RTCP port; a mask is shown in hexadecimal.
            CHECK(std::stoll(shown, nullptr, 0) == directive.most);
            value.number = directive.least;
            directive.binding.store(settings, 0, value);
        } else {
            CHECK(shown == value.text);
        }
        Settings copy;
        directive.binding.copy(copy, settings);
        CHECK(directive.binding.show(copy, 0) == directive.binding.show(settings, 0));
    }
}

TEST_CASE("Each text reaches its own member", "[config]") {
    std::string text;
    for (const Directive& directive : directives()) {
        if (directive.type == Type::Address) {
            text += fmt::format("{} = 192.0.2.1\n", directive.key);
        } else if (!directive.choices.empty()) {
            text += fmt::format("{} = {}\n", directive.key,
                                directive.choices.substr(directive.choices.rfind('|') + 1));
        } else if (!directive.isNumber()) {
            text += fmt::format("{} = of.{}\n", directive.key, directive.key);
        }
    }
    text += "outbound_domain_port = 5064\n";
    INFO(text);
    const auto result = read(text, "a.conf");
    REQUIRE(result.ok());
    const Settings& s = result.settings;
    CHECK(s.network.ifInbound == "of.if_inbound");
    CHECK(s.network.ifOutbound == "of.if_outbound");
    CHECK(s.network.hostOutbound == "of.host_outbound");
    CHECK(s.tls.tlsCertificate == "of.tls_certificate");
    CHECK(s.tls.tlsPrivateKey == "of.tls_private_key");
    CHECK(s.tls.tlsCa == "of.tls_ca");
    CHECK(s.tls.tlsMinVersion == "1.3");
    CHECK(s.tls.tlsCiphers == "of.tls_ciphers");
    CHECK(s.resolver.dnsServers == "of.dns_servers");
    CHECK(s.resolver.dnsDummyAddresses == "of.dns_dummy_addresses");
    CHECK(s.access.hostsAllowReg.text == "of.hosts_allow_reg");
    CHECK(s.access.hostsAllowSip.text == "of.hosts_allow_sip");
    CHECK(s.access.hostsDenySip.text == "of.hosts_deny_sip");
    CHECK(s.process.user == "of.user");
    CHECK(s.process.chrootjail == "of.chrootjail");
    CHECK(s.process.pidFile == "of.pid_file");
    CHECK(s.registrar.registrationFile == "of.registration_file");
    CHECK(s.access.proxyAuthRealm == "of.proxy_auth_realm");
    CHECK(s.access.proxyAuthPasswd == "of.proxy_auth_passwd");
    CHECK(s.access.proxyAuthPwfile == "of.proxy_auth_pwfile");
    CHECK(s.proxy.uaString == "of.ua_string");
    CHECK(s.proxy.outboundProxyHost == "of.outbound_proxy_host");
    CHECK(s.plugins.plugindir == "of.plugindir/");
    CHECK(s.log.debugBind.toString() == "192.0.2.1");
    REQUIRE(s.plugins.loadPlugin.size() == 1);
    CHECK(s.plugins.loadPlugin[0].text == "of.load_plugin");
    REQUIRE(s.registrar.maskedHosts.size() == 1);
    CHECK(s.registrar.maskedHosts[0].maskHost == "of.mask_host");
    CHECK(s.registrar.maskedHosts[0].maskedHost == "of.masked_host");
    REQUIRE(s.proxy.outboundDomains.size() == 1);
    CHECK(s.proxy.outboundDomains[0].name == "of.outbound_domain_name");
    CHECK(s.proxy.outboundDomains[0].host == "of.outbound_domain_host");
    CHECK(s.proxy.rtpProxyMode == "all");
    REQUIRE(s.proxy.rtpProxyDomains.size() == 1);
    CHECK(s.proxy.rtpProxyDomains[0].name == "of.rtp_proxy_domain_name");
    CHECK(s.proxy.rtpProxyDomains[0].mode == "all");
}

TEST_CASE("Each number reaches its own member", "[config]") {
    const auto result = read("if_inbound = a\nif_outbound = b\n"
                             "sip_listen_port = 5061\nsip_dscp = 11\ntcp_timeout = 12\n"
                             "tcp_connect_timeout = 13\ntcp_keepalive = 14\n"
                             "use_rport = 2\nobscure_loops = 1\noutbound_proxy_port = 5062\n"
                             "rtp_proxy_enable = 0\nrtp_port_low = 10000\nrtp_port_high = 10003\n"
                             "rtp_threads = 2\nrtp_packet_rate = 25\nrtp_timeout = 15\nrtp_dscp = 16\nrtp_input_dejitter = 17\n"
                             "rtp_output_dejitter = 18\nthread_stack_size = 19\n"
                             "autosave_registrations = 20\ndefault_expires = 21\n"
                             "debug_level = 0x22\nsilence_log = 3\ndebug_port = 5063\n"
                             "tcp_max_connections = 23\ntcp_max_per_address = 24\n"
                             "tls_listen_port = 5064\ntls_verify_server = 0\n"
                             "tls_client_certificate = 2\ndns_timeout = 25\ndns_tries = 6\n"
                             "daemonize = 1\n",
                             "a.conf");
    REQUIRE(result.problems.empty());
    const Settings& s = result.settings;
    CHECK(s.network.sipListenPort == 5061);
    CHECK(s.network.sipDscp == 11);
    CHECK(s.network.tcpMaxConnections == 23);
    CHECK(s.network.tcpMaxPerAddress == 24);
    CHECK(s.tls.tlsListenPort == 5064);
    CHECK_FALSE(s.tls.tlsVerifyServer);
    CHECK(s.tls.tlsClientCertificate == 2);
    CHECK(s.resolver.dnsTimeout.count() == 25);
    CHECK(s.resolver.dnsTries == 6);
    CHECK(s.network.tcpTimeout.count() == 12);
    CHECK(s.network.tcpConnectTimeout.count() == 13);
    CHECK(s.network.tcpKeepalive.count() == 14);
    CHECK(s.proxy.useRport == ProxySettings::kRportOutside);
    CHECK(s.proxy.obscureLoops);
    CHECK(s.proxy.outboundProxyPort == 5062);
    CHECK_FALSE(s.media.rtpProxyEnable);
    CHECK(s.media.rtpPortLow == 10000);
    CHECK(s.media.rtpPortHigh == 10002);
    CHECK(s.media.rtpTimeout.count() == 15);
    CHECK(s.media.rtpThreads == 2);
    CHECK(s.media.rtpPacketRate == 25);
    CHECK(s.media.rtpDscp == 16);
    CHECK(s.media.rtpInputDejitter.count() == 17);
    CHECK(s.media.rtpOutputDejitter.count() == 18);
    CHECK(s.media.threadStackSize == 19);
    CHECK(s.registrar.autosaveRegistrations.count() == 20);
    CHECK(s.registrar.defaultExpires.count() == 21);
    CHECK(s.log.debugLevel == 0x22);
    CHECK(s.log.silenceLog == 3);
    CHECK(s.log.debugPort == 5063);
    CHECK(s.process.daemonize);
}

TEST_CASE("The defaults are those of the manual", "[config]") {
    const Settings s;
    CHECK(s.network.sipListenPort == 5060);
    CHECK(s.media.rtpPortLow == 7070);
    CHECK(s.media.rtpPortHigh == 7088);
    CHECK(s.media.rtpTimeout.count() == 300);
    CHECK(s.registrar.defaultExpires.count() == 600);
    CHECK(defaultOf(*findDirective("rtp_port_high")) == "7089");
    CHECK(defaultOf(*findDirective("debug_level")) == "0x0");
    CHECK(defaultOf(*findDirective("user")).empty());
    CHECK(factsOf(*findDirective("rtp_timeout")) ==
          "integer, 1 to 2147483647 seconds; default 300; restart needed");
    CHECK(factsOf(*findDirective("if_inbound")) == "text; required; reloadable");
    CHECK(factsOf(*findDirective("tls_min_version")) == "1.2 or 1.3; default 1.2; reloadable");
}
