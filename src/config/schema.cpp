// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/schema.h"

#include "base/text.h"
#include "config/binding.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>

namespace siproxd::config {

namespace {

using binding::bits;
using binding::column;
using binding::list;
using binding::nameColumn;
using binding::scalar;

using S = Settings;
using Network = NetworkSettings;
using Tls = TlsSettings;
using Resolver = ResolverSettings;
using Proxy = ProxySettings;
using Media = MediaSettings;
using Registrar = RegistrarSettings;
using Access = AccessSettings;
using Log = LogSettings;
using Process = ProcessSettings;
using Plugins = PluginSettings;

/// The setting is the last RTP port, the directive the port of its RTCP.
constexpr Binding relayPortHigh() {
    Binding binding = scalar<&S::media, &Media::rtpPortHigh>();
    binding.show = [](const S& s, std::size_t) {
        return fmt::format("{}", s.media.rtpPortHigh | 1);
    };
    return binding;
}

constexpr std::int64_t kMaxInt = 2147483647;
constexpr std::int64_t kMaxBits = 4294967295;
constexpr std::int64_t kMaxPort = 65535;
constexpr std::int64_t kMaxDscp = 63;
constexpr std::int64_t kMaxDejitter = 1500000;

// One entry a directive. What is not named has the default of Directive.
constexpr Directive kDirectives[] = {
    {.key = "if_inbound",
     .required = true,
     .reloadable = true,
     .help = "Interfaces of the local network, where the phones are: names, addresses or auto.",
     .binding = scalar<&S::network, &Network::ifInbound>()},
    {.key = "if_outbound",
     .required = true,
     .reloadable = true,
     .help = "Interface to the Internet: name, address or auto; the same as if_inbound in front of "
             "a NAT router.",
     .binding = scalar<&S::network, &Network::ifOutbound>()},
    {.key = "host_outbound",
     .reloadable = true,
     .help = "Public address or host name to announce instead of the address of if_outbound.",
     .binding = scalar<&S::network, &Network::hostOutbound>()},

    {.key = "hosts_allow_reg",
     .type = Type::Networks,
     .reloadable = true,
     .help = "Who may register, and use SIP with it; unset: everybody.",
     .binding = scalar<&S::access, &Access::hostsAllowReg>()},
    {.key = "hosts_allow_sip",
     .type = Type::Networks,
     .reloadable = true,
     .help = "Who may send SIP messages; unset: everybody.",
     .binding = scalar<&S::access, &Access::hostsAllowSip>()},
    {.key = "hosts_deny_sip",
     .type = Type::Networks,
     .reloadable = true,
     .help = "Whose SIP messages are dropped, whatever the other two lists say.",
     .binding = scalar<&S::access, &Access::hostsDenySip>()},
    {.key = "anonymous_calls",
     .type = Type::Flag,
     .most = 1,
     .reloadable = true,
     .help = "1: strangers outside may call registered phones by their user name; 0: only who has "
             "been shown the phone's Contact.",
     .binding = scalar<&S::access, &Access::anonymousCalls>()},
    {.key = "trunk_networks",
     .type = Type::Networks,
     .reloadable = true,
     .help = "Who may call registered phones from outside, besides the providers that phones are "
             "registered at.",
     .binding = scalar<&S::access, &Access::trunkNetworks>()},
    {.key = "relay_networks",
     .type = Type::Networks,
     .reloadable = true,
     .help = "Who may call out through this proxy without a password; unset: everybody inside.",
     .binding = scalar<&S::access, &Access::relayNetworks>()},
    {.key = "max_calls",
     .type = Type::Integer,
     .most = kMaxInt,
     .reloadable = true,
     .help = "Calls at once in all; 0: no limit.",
     .binding = scalar<&S::access, &Access::maxCalls>()},
    {.key = "max_calls_per_user",
     .type = Type::Integer,
     .most = kMaxInt,
     .reloadable = true,
     .help = "Calls at once that one user has begun; 0: no limit.",
     .binding = scalar<&S::access, &Access::maxCallsPerUser>()},
    {.key = "max_calls_per_source",
     .type = Type::Integer,
     .most = kMaxInt,
     .reloadable = true,
     .help = "Calls at once that one address has begun, providers apart; 0: no limit.",
     .binding = scalar<&S::access, &Access::maxCallsPerSource>()},

    {.key = "flood_guard",
     .type = Type::Flag,
     .most = 1,
     .reloadable = true,
     .help = "1: limit and ban sources outside that send too much or scan; 0: let them.",
     .binding = scalar<&S::access, &Access::floodGuard>()},
    {.key = "trusted_networks",
     .type = Type::Networks,
     .reloadable = true,
     .help = "Who is never limited nor banned, besides the inside.",
     .binding = scalar<&S::access, &Access::trustedNetworks>()},
    {.key = "request_rate",
     .type = Type::Integer,
     .least = 1,
     .most = 1000000,
     .unit = "a second",
     .reloadable = true,
     .help = "Messages that an unproven source outside may send; a proven one ten times as many.",
     .binding = scalar<&S::access, &Access::requestRate>()},
    {.key = "register_rate",
     .type = Type::Integer,
     .least = 1,
     .most = 1000000,
     .unit = "a second",
     .reloadable = true,
     .help = "REGISTERs that a source outside may send.",
     .binding = scalar<&S::access, &Access::registerRate>()},
    {.key = "ban_time",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxInt,
     .unit = "seconds",
     .reloadable = true,
     .help = "How long a source is banned; a twelfth of it where its address may be forged.",
     .binding = scalar<&S::access, &Access::banTime>()},
    {.key = "scanner_signature",
     .type = Type::TextList,
     .reloadable = true,
     .help = "What gives a scanner away, besides what is built in: field:pattern.",
     .binding = list<&S::access, &Access::scannerSignature>()},
    {.key = "nft_set",
     .help = "Sets of nftables that get the banned addresses: family table set.",
     .binding = scalar<&S::access, &Access::nftSet>()},

    {.key = "sip_listen_port",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxPort,
     .help = "Port on which SIP messages are received and from which they are sent.",
     .binding = scalar<&S::network, &Network::sipListenPort>()},
    {.key = "daemonize",
     .type = Type::Flag,
     .most = 1,
     .help = "1: run in the background and log to syslog; 0: stay in the foreground.",
     .binding = scalar<&S::process, &Process::daemonize>()},
    {.key = "silence_log",
     .type = Type::Integer,
     .most = 4,
     .reloadable = true,
     .help = "What syslog gets: 0 everything, 1 from information, 2 from warnings, 3 errors, "
             "4 nothing.",
     .binding = scalar<&S::log, &Log::silenceLog>()},
    {.key = "user",
     .help = "User to become when started as root.",
     .binding = scalar<&S::process, &Process::user>()},
    {.key = "chrootjail",
     .help = "Directory that becomes the root directory when started as root.",
     .binding = scalar<&S::process, &Process::chrootjail>()},
    {.key = "registration_file",
     .help = "File that keeps the registrations over a restart.",
     .binding = scalar<&S::registrar, &Registrar::registrationFile>()},
    {.key = "autosave_registrations",
     .type = Type::Integer,
     .most = kMaxInt,
     .unit = "seconds",
     .reloadable = true,
     .help = "Time between two periodic saves of the registrations; 0: none.",
     .binding = scalar<&S::registrar, &Registrar::autosaveRegistrations>()},
    {.key = "pid_file",
     .help = "File that holds the process id while the daemon runs.",
     .binding = scalar<&S::process, &Process::pidFile>()},

    {.key = "rtp_proxy_enable",
     .type = Type::Flag,
     .most = 1,
     .help = "1: relay the media of calls; 0: leave session descriptions alone.",
     .binding = scalar<&S::media, &Media::rtpProxyEnable>()},
    {.key = "rtp_port_low",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxPort - 1,
     .help = "Lowest UDP port of the media relay; an odd one is rounded up.",
     .binding = scalar<&S::media, &Media::rtpPortLow>()},
    {.key = "rtp_port_high",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxPort,
     .help = "Highest UDP port of the media relay; each call takes a pair of ports a stream.",
     .binding = relayPortHigh()},
    {.key = "rtp_timeout",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxInt,
     .unit = "seconds",
     .help = "A call whose media should flow but does not for so long is ended, with BYE to both.",
     .binding = scalar<&S::media, &Media::rtpTimeout>()},
    {.key = "rtp_dscp",
     .type = Type::Integer,
     .most = kMaxDscp,
     .help = "DSCP of relayed media packets; 0: not set, 46: expedited forwarding.",
     .binding = scalar<&S::media, &Media::rtpDscp>()},
    {.key = "sip_dscp",
     .type = Type::Integer,
     .most = kMaxDscp,
     .help = "DSCP of SIP packets; 0: not set, 26: assured forwarding.",
     .binding = scalar<&S::network, &Network::sipDscp>()},
    {.key = "rtp_input_dejitter",
     .type = Type::Integer,
     .most = kMaxDejitter,
     .unit = "microseconds",
     .notYetActive = true,
     .help = "Delay that evens out incoming media; 0: none.",
     .binding = scalar<&S::media, &Media::rtpInputDejitter>()},
    {.key = "rtp_output_dejitter",
     .type = Type::Integer,
     .most = kMaxDejitter,
     .unit = "microseconds",
     .notYetActive = true,
     .help = "Delay that evens out outgoing media; 0: none.",
     .binding = scalar<&S::media, &Media::rtpOutputDejitter>()},
    {.key = "thread_stack_size",
     .type = Type::Integer,
     .most = 1048576,
     .unit = "kB",
     .help = "Stack of a media thread; 0: the system's default.",
     .binding = scalar<&S::media, &Media::threadStackSize>()},

    {.key = "default_expires",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxInt,
     .unit = "seconds",
     .reloadable = true,
     .help = "Lifetime of a registration that does not ask for one.",
     .binding = scalar<&S::registrar, &Registrar::defaultExpires>()},
    {.key = "min_expires",
     .type = Type::Integer,
     .most = 3600,
     .unit = "seconds",
     .reloadable = true,
     .help = "Shortest lifetime that may be asked of this registrar.",
     .binding = scalar<&S::registrar, &Registrar::minExpires>()},
    {.key = "max_expires",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxInt,
     .unit = "seconds",
     .reloadable = true,
     .help = "Longest lifetime that this registrar grants.",
     .binding = scalar<&S::registrar, &Registrar::maxExpires>()},
    {.key = "local_domains",
     .type = Type::TextList,
     .reloadable = true,
     .help = "Domain that this proxy is the registrar of, besides its own addresses.",
     .binding = list<&S::registrar, &Registrar::localDomains>()},

    {.key = "nat_networks",
     .type = Type::Networks,
     .reloadable = true,
     .help = "Addresses that are used behind NATs: who names one but sends from elsewhere is behind "
             "one.",
     .binding = scalar<&S::registrar, &Registrar::natNetworks>()},
    {.key = "nat_keepalive",
     .type = Type::Integer,
     .most = kMaxInt,
     .unit = "seconds",
     .reloadable = true,
     .help = "Time between two packets that keep the way to a phone behind a NAT open; 0: none.",
     .binding = scalar<&S::registrar, &Registrar::natKeepalive>()},
    {.key = "nat_keepalive_method",
     .type = Type::Choice,
     .choices = "crlf|options|empty",
     .reloadable = true,
     .help = "What these packets are: crlf, options (who does not answer is dropped) or empty.",
     .binding = scalar<&S::registrar, &Registrar::natKeepaliveMethod>()},

    {.key = "tcp_timeout",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxInt,
     .unit = "seconds",
     .reloadable = true,
     .help = "A TCP connection without a message for so long is closed.",
     .binding = scalar<&S::network, &Network::tcpTimeout>()},
    {.key = "tcp_connect_timeout",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxInt,
     .unit = "milliseconds",
     .reloadable = true,
     .help = "How long an outgoing TCP connection may take to be established.",
     .binding = scalar<&S::network, &Network::tcpConnectTimeout>()},
    {.key = "tcp_keepalive",
     .type = Type::Integer,
     .most = kMaxInt,
     .unit = "seconds",
     .reloadable = true,
     .help = "Time between two pings that keep a phone's TCP connection open; 0: none are sent.",
     .binding = scalar<&S::network, &Network::tcpKeepalive>()},
    {.key = "tcp_max_connections",
     .type = Type::Integer,
     .least = 1,
     .most = 1000000,
     .reloadable = true,
     .help = "TCP and TLS connections at once; new ones then replace those without a registration.",
     .binding = scalar<&S::network, &Network::tcpMaxConnections>()},
    {.key = "tcp_max_per_address",
     .type = Type::Integer,
     .least = 1,
     .most = 1000000,
     .reloadable = true,
     .help = "TCP and TLS connections at once from an IPv4 address or IPv6 /64.",
     .binding = scalar<&S::network, &Network::tcpMaxPerAddress>()},

    {.key = "tls_listen_port",
     .type = Type::Integer,
     .least = 1,
     .most = kMaxPort,
     .help = "Port on which SIP over TLS is received, when there is a certificate.",
     .binding = scalar<&S::tls, &Tls::tlsListenPort>()},
    {.key = "tls_certificate",
     .reloadable = true,
     .help = "PEM file with our certificate and its chain; unset: TLS is not listened for.",
     .binding = scalar<&S::tls, &Tls::tlsCertificate>()},
    {.key = "tls_private_key",
     .reloadable = true,
     .help = "PEM file with the key of tls_certificate; unset: it is in the same file.",
     .binding = scalar<&S::tls, &Tls::tlsPrivateKey>()},
    {.key = "tls_ca",
     .reloadable = true,
     .help = "PEM file or directory of the authorities that are trusted; unset: the system's.",
     .binding = scalar<&S::tls, &Tls::tlsCa>()},
    {.key = "tls_verify_server",
     .type = Type::Flag,
     .most = 1,
     .reloadable = true,
     .help = "1: servers that we connect to must prove their name; 0: any certificate will do.",
     .binding = scalar<&S::tls, &Tls::tlsVerifyServer>()},
    {.key = "tls_client_certificate",
     .type = Type::Integer,
     .most = 2,
     .reloadable = true,
     .help = "Certificates of who connects to us: 0 not asked for, 1 must be good if there is one, "
             "2 required.",
     .binding = scalar<&S::tls, &Tls::tlsClientCertificate>()},
    {.key = "tls_min_version",
     .type = Type::Choice,
     .choices = "1.2|1.3",
     .reloadable = true,
     .help = "Lowest version of TLS.",
     .binding = scalar<&S::tls, &Tls::tlsMinVersion>()},
    {.key = "tls_ciphers",
     .reloadable = true,
     .help = "Ciphers for TLS 1.2 as OpenSSL lists them; unset: OpenSSL's choice.",
     .binding = scalar<&S::tls, &Tls::tlsCiphers>()},

    {.key = "dns_servers",
     .reloadable = true,
     .help = "Name servers to ask; unset: those of /etc/resolv.conf.",
     .binding = scalar<&S::resolver, &Resolver::dnsServers>()},
    {.key = "dns_timeout",
     .type = Type::Integer,
     .least = 1,
     .most = 60000,
     .unit = "milliseconds",
     .reloadable = true,
     .help = "Time until a name server is asked again or another one is; grows with each try.",
     .binding = scalar<&S::resolver, &Resolver::dnsTimeout>()},
    {.key = "dns_tries",
     .type = Type::Integer,
     .least = 1,
     .most = 10,
     .reloadable = true,
     .help = "How often a question is sent in all.",
     .binding = scalar<&S::resolver, &Resolver::dnsTries>()},
    {.key = "dns_dummy_addresses",
     .type = Type::Networks,
     .reloadable = true,
     .help = "Addresses that some name servers give for names that do not exist.",
     .binding = scalar<&S::resolver, &Resolver::dnsDummyAddresses>()},

    {.key = "proxy_auth_realm",
     .reloadable = true,
     .help = "Realm of the authentication that registering here takes; unset: none is asked for.",
     .binding = scalar<&S::access, &Access::proxyAuthRealm>()},
    {.key = "proxy_auth_passwd",
     .reloadable = true,
     .help = "One password for all users.",
     .binding = scalar<&S::access, &Access::proxyAuthPasswd>()},
    {.key = "proxy_auth_pwfile",
     .reloadable = true,
     .help = "File with a user and a password on each line; goes before proxy_auth_passwd.",
     .binding = scalar<&S::access, &Access::proxyAuthPwfile>()},
    {.key = "proxy_auth_calls",
     .type = Type::Flag,
     .most = 1,
     .reloadable = true,
     .help = "1: calls from the inside take a password, too.",
     .binding = scalar<&S::access, &Access::proxyAuthCalls>()},
    {.key = "proxy_auth_tries",
     .type = Type::Integer,
     .least = 1,
     .most = 1000,
     .reloadable = true,
     .help = "Wrong passwords in five minutes that are answered by another challenge, then by 403.",
     .binding = scalar<&S::access, &Access::proxyAuthTries>()},
    {.key = "proxy_auth_nonce_life",
     .type = Type::Integer,
     .least = 10,
     .most = 86400,
     .unit = "seconds",
     .reloadable = true,
     .help = "How long the answer to one challenge is good.",
     .binding = scalar<&S::access, &Access::proxyAuthNonceLife>()},
    {.key = "users_outside",
     .type = Type::Flag,
     .most = 1,
     .reloadable = true,
     .help = "1: users may register, call and be called from outside, with their password.",
     .binding = scalar<&S::access, &Access::usersOutside>()},

    {.key = "debug_level",
     .type = Type::Bitmask,
     .least = -1,
     .most = kMaxBits,
     .reloadable = true,
     .help = "Classes of debug lines to log; -1: all.",
     .binding = bits<&S::log, &Log::debugLevel>()},
    {.key = "debug_port",
     .type = Type::Integer,
     .most = kMaxPort,
     .help = "TCP port that sends the log to whoever connects; 0: none.",
     .binding = scalar<&S::log, &Log::debugPort>()},
    {.key = "debug_bind",
     .type = Type::Address,
     .help = "Address on which debug_port listens; unset: that of if_inbound.",
     .binding = scalar<&S::log, &Log::debugBind>()},

    {.key = "mask_host",
     .type = Type::TextList,
     .reloadable = true,
     .group = Group::MaskedHost,
     .help = "Host at which a phone registers here; masked_host belongs to it.",
     .binding = nameColumn<&S::registrar, &Registrar::maskedHosts, &MaskedHost::maskHost>()},
    {.key = "masked_host",
     .type = Type::TextList,
     .reloadable = true,
     .group = Group::MaskedHost,
     .help = "Host at which such a phone is known outside.",
     .binding = column<&S::registrar, &Registrar::maskedHosts, &MaskedHost::maskedHost>()},

    {.key = "ua_string",
     .reloadable = true,
     .help = "User-Agent of outgoing messages; unset: the phone's own.",
     .binding = scalar<&S::proxy, &Proxy::uaString>()},
    {.key = "use_rport",
     .type = Type::Bitmask,
     .most = Proxy::kRportInside | Proxy::kRportOutside,
     .reloadable = true,
     .help = "Where our Via asks for rport: 1 towards the phones, 2 towards the Internet, 3 both.",
     .binding = scalar<&S::proxy, &Proxy::useRport>()},
    {.key = "obscure_loops",
     .type = Type::Flag,
     .most = 1,
     .reloadable = true,
     .help = "1: change the Call-ID of outgoing requests so that a loop is not seen as one.",
     .binding = scalar<&S::proxy, &Proxy::obscureLoops>()},

    {.key = "outbound_proxy_host",
     .reloadable = true,
     .help = "Proxy to which everything outgoing is sent: HOST, or HOST;transport=udp, tcp or tls.",
     .binding = scalar<&S::proxy, &Proxy::outboundProxyHost>()},
    {.key = "outbound_proxy_port",
     .type = Type::Integer,
     .most = kMaxPort,
     .reloadable = true,
     .help = "Port of that proxy; 0: the usual one.",
     .binding = scalar<&S::proxy, &Proxy::outboundProxyPort>()},
    {.key = "outbound_domain_name",
     .type = Type::TextList,
     .reloadable = true,
     .group = Group::OutboundDomain,
     .help = "Domain of callers that have an outbound proxy of their own.",
     .binding = nameColumn<&S::proxy, &Proxy::outboundDomains, &OutboundDomain::name>()},
    {.key = "outbound_domain_host",
     .type = Type::TextList,
     .reloadable = true,
     .group = Group::OutboundDomain,
     .help = "Host of the outbound proxy of that domain, as in outbound_proxy_host.",
     .binding = column<&S::proxy, &Proxy::outboundDomains, &OutboundDomain::host>()},
    {.key = "outbound_domain_port",
     .type = Type::IntegerList,
     .most = kMaxPort,
     .reloadable = true,
     .group = Group::OutboundDomain,
     .help = "Port of the outbound proxy of that domain; 0: the usual one.",
     .binding = column<&S::proxy, &Proxy::outboundDomains, &OutboundDomain::port>()},

    {.key = "follow_redirects",
     .type = Type::Flag,
     .most = 1,
     .reloadable = true,
     .help = "1: calls are sent on to where a 3xx answer points; 0: the caller decides.",
     .binding = scalar<&S::proxy, &Proxy::followRedirects>()},

    {.key = "plugindir",
     .help = "Directory of the plugins.",
     .binding = scalar<&S::plugins, &Plugins::plugindir>()},
    {.key = "load_plugin",
     .type = Type::TextList,
     .help = "Plugin to load; plugins are called in the order of these lines.",
     .binding = list<&S::plugins, &Plugins::loadPlugin>()},
};

std::string kindOf(const Directive& directive) {
    switch (directive.type) {
    case Type::Text:
    case Type::TextList:
        return "text";
    case Type::Networks:
        return "address list";
    case Type::Address:
        return "IP address";
    case Type::Choice:
        return fmt::format("{}", fmt::join(base::split(directive.choices, '|'), " or "));
    case Type::Flag:
        return "0 or 1";
    case Type::Integer:
    case Type::IntegerList:
        return fmt::format("integer, {} to {}", directive.least, directive.most);
    case Type::Bitmask:
        return fmt::format("bit mask, {} to {:#x}", directive.least, directive.most);
    }
    return {};
}

}  // namespace

std::span<const Directive> directives() {
    return kDirectives;
}

const Directive* findDirective(std::string_view key) {
    const auto* found = std::ranges::find(kDirectives, key, &Directive::key);
    return found == std::end(kDirectives) ? nullptr : found;
}

std::string defaultOf(const Directive& directive) {
    const Settings untouched;
    return directive.binding.count(untouched) == 0 ? std::string{}
                                                   : directive.binding.show(untouched, 0);
}

std::string factsOf(const Directive& directive) {
    std::string facts = kindOf(directive);
    if (!directive.unit.empty()) {
        facts += fmt::format(" {}", directive.unit);
    }
    if (directive.isList()) {
        facts += ", may be repeated";
    }
    const std::string standard = defaultOf(directive);
    if (directive.required) {
        facts += "; required";
    } else if (!standard.empty()) {
        // The directory of plugins is the one that ./configure has chosen.
        facts += directive.key == "plugindir" ? "; default set when built" : "; default " + standard;
    }
    facts += directive.reloadable ? "; reloadable" : "; restart needed";
    return directive.notYetActive ? facts + "; not yet active" : facts;
}

}  // namespace siproxd::config
