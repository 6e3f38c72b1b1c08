// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/address.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The settings of the daemon as plain values. A directive `snake_case` of siproxd.conf(5) is the
/// member `camelCase` here; the initialisers are the defaults that the manual states. Each module
/// gets its own slice and never sees the others.
namespace siproxd::config {

/// Where a value was given, for messages.
struct Origin {
    std::string file;   ///< path of the file, or `command line`; empty: the built-in default
    unsigned line = 0;  ///< from 1; 0 where there are no lines

    /// `/etc/siproxd.conf:12`, `command line` or `default`.
    [[nodiscard]] std::string toString() const;
};

/// Text that a module interprets itself, with its place for the module's error messages.
struct LocatedText {
    std::string text;
    Origin origin;

    [[nodiscard]] bool empty() const { return text.empty(); }
};

/// Sockets: `if_*`, `host_outbound`, SIP ports, TCP.
struct NetworkSettings {
    /// Names, addresses or `auto`, with commas or blanks; never empty after a load without errors.
    std::string ifInbound;
    std::string ifOutbound;     ///< one of them; equal to ifInbound in single-interface mode
    std::string hostOutbound;   ///< public address or host to announce; empty: ifOutbound's
    std::uint16_t sipListenPort = 5060;
    std::uint8_t sipDscp = 0;   ///< 0–63; 0: not set
    std::chrono::seconds tcpTimeout{600};
    std::chrono::milliseconds tcpConnectTimeout{500};
    std::chrono::seconds tcpKeepalive{0};  ///< 0: off
    unsigned tcpMaxConnections = 4096;
    unsigned tcpMaxPerAddress = 32;  ///< from an IPv4 address or IPv6 /64
};

/// SIP over TLS. Files are inside the jail, if there is one, when they are read again.
struct TlsSettings {
    std::uint16_t tlsListenPort = 5061;
    std::string tlsCertificate;  ///< PEM file; empty: no listening
    std::string tlsPrivateKey;   ///< PEM file; empty: in tlsCertificate
    std::string tlsCa;           ///< PEM file or directory; empty: the system's
    bool tlsVerifyServer = true;
    unsigned tlsClientCertificate = 0;  ///< 0 not asked for, 1 must be good if shown, 2 required
    std::string tlsMinVersion = "1.2";  ///< or 1.3
    std::string tlsCiphers;             ///< OpenSSL's list; empty: OpenSSL's default
};

/// How names are looked up.
struct ResolverSettings {
    std::string dnsServers;  ///< addresses, with a port or not; empty: those of /etc/resolv.conf
    std::chrono::milliseconds dnsTimeout{800};  ///< of the first try
    int dnsTries = 3;
    std::string dnsDummyAddresses;  ///< networks; a name that leads there is unknown
};

/// One `outbound_domain_name`, `_host`, `_port`: requests of that From domain go to host:port.
struct OutboundDomain {
    std::string name;
    std::string host;        ///< as outboundProxyHost
    std::uint16_t port = 0;  ///< 0: the default of the transport
    Origin origin;           ///< of the name
};

/// One `rtp_proxy_domain_name`, `_mode`: rtp_proxy_mode for calls of users of that domain.
struct RelayDomain {
    std::string name;
    std::string mode = "external";  ///< as rtpProxyMode
    Origin origin;                  ///< of the name
};

/// What the SIP path does with messages.
struct ProxySettings {
    static constexpr unsigned kRportInside = 1;
    static constexpr unsigned kRportOutside = 2;

    std::string uaString;   ///< replaces User-Agent of outgoing messages; empty: as it is
    unsigned useRport = 0;  ///< bits kRportInside, kRportOutside
    bool obscureLoops = false;
    bool followRedirects = false;         ///< 3xx are not passed on, what they name is tried
    /// Next hop of everything that goes out: a name or an address, and then perhaps
    /// `;transport=udp`, `tcp` or `tls`; empty: none.
    std::string outboundProxyHost;
    std::uint16_t outboundProxyPort = 0;  ///< 0: the default of the transport
    std::vector<OutboundDomain> outboundDomains;  ///< first match wins, before outboundProxyHost
    bool rtpTimeoutBye = true;  ///< both parties of a call without media are told that it is over
    std::string rtpIce = "remove";  ///< or `lite`
    std::string rtpProxyMode = "external";  ///< or `off`, `all`
    std::vector<RelayDomain> rtpProxyDomains;  ///< first match wins, before rtpProxyMode
};

/// Media relay.
struct MediaSettings {
    bool rtpProxyEnable = true;
    /// Relay ports are the pairs p (RTP), p + 1 (RTCP) with p even in [rtpPortLow, rtpPortHigh];
    /// both bounds are even, so rtpPortHigh + 1 is the highest port in use: by default ten pairs,
    /// 7070 to 7089.
    std::uint16_t rtpPortLow = 7070;
    std::uint16_t rtpPortHigh = 7088;
    std::chrono::seconds rtpTimeout{300};
    std::string rtpEngine = "auto";  ///< auto, kernel or userspace
    unsigned rtpThreads = 1;         ///< at least 1
    std::uint32_t rtpPacketRate = 4000;  ///< a second, of one direction of a stream; 0: any
    std::uint8_t rtpDscp = 46;                      ///< 0–63; 0: not set
    std::chrono::microseconds rtpInputDejitter{0};  ///< 0: off
    std::chrono::microseconds rtpOutputDejitter{0};
    int threadStackSize = 0;                        ///< kB; 0: the system's default
};

/// One `mask_host`, `masked_host`: phones that register at the first are known outside at the
/// second.
struct MaskedHost {
    std::string maskHost;
    std::string maskedHost;
    Origin origin;  ///< of mask_host
};

/// Registrations.
struct RegistrarSettings {
    std::string registrationFile;  ///< inside the jail, if there is one; empty: not kept
    std::chrono::seconds autosaveRegistrations{300};  ///< 0: no periodic save
    std::chrono::seconds defaultExpires{600};
    std::vector<MaskedHost> maskedHosts;
    std::vector<std::string> localDomains;  ///< besides our own addresses
    std::chrono::seconds minExpires{10};
    std::chrono::seconds maxExpires{86400};
    LocatedText natNetworks{
        "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,fc00::/7", {}};
    std::chrono::seconds natKeepalive{25};  ///< 0: off
    std::string natKeepaliveMethod = "crlf";  ///< or `options`, `empty`
};

/// Who may talk. The lists are texts for access::AddressList, which checks them.
struct AccessSettings {
    LocatedText hostsAllowReg;
    LocatedText hostsAllowSip;
    LocatedText hostsDenySip;
    std::string proxyAuthRealm;  ///< empty: no authentication
    std::string proxyAuthPasswd;
    std::string proxyAuthPwfile;
    bool proxyAuthCalls = false;
    unsigned proxyAuthTries = 5;
    std::chrono::seconds proxyAuthNonceLife{300};
    bool usersOutside = false;
    bool anonymousCalls = false;
    LocatedText relayNetworks;
    LocatedText trunkNetworks;
    unsigned maxCalls = 0;  ///< 0: no limit, here and below
    unsigned maxCallsPerUser = 0;
    unsigned maxCallsPerSource = 0;
    bool floodGuard = true;
    LocatedText trustedNetworks;
    unsigned requestRate = 50;  ///< a second, of one source
    unsigned registerRate = 5;
    std::chrono::seconds banTime{3600};
    std::vector<LocatedText> scannerSignature;
    LocatedText nftSet;  ///< `family table set`; empty: none
};

/// Log and debug port.
struct LogSettings {
    std::uint32_t debugLevel = 0;  ///< bits of log::Class
    int silenceLog = 1;            ///< 0 (everything) to 4 (nothing); syslog only
    std::uint16_t debugPort = 0;   ///< 0: off
    base::IpAddress debugBind;     ///< no address: the inbound one
};

/// The process itself.
struct ProcessSettings {
    bool daemonize = false;
    std::string user;        ///< empty: stays who it is
    std::string chrootjail;  ///< empty: no jail
    std::string pidFile;     ///< inside the jail, if there is one; empty: none
};

/// One line `plugin_… = …`, in the order of the file.
struct PluginOption {
    std::string key;
    std::string value;
    Origin origin;
};

/// Where plugins come from when `plugindir` is not given; ends with `/`.
[[nodiscard]] std::string builtInPluginDir();

/// Plugins. What the options mean is known to the plugins only.
struct PluginSettings {
    std::string plugindir = builtInPluginDir();  ///< ends with `/`
    std::vector<LocatedText> loadPlugin;         ///< in call order
    std::vector<PluginOption> options;
};

/// The lines of one plugin, or of all, seen by key. Refers to the settings, which must outlive it.
class PluginOptions {
public:
    explicit PluginOptions(const PluginSettings& settings) : options_(&settings.options) {}

    /// The last line with this key; nullptr when there is none.
    [[nodiscard]] const PluginOption* last(std::string_view key) const;
    /// All lines with this key, in file order.
    [[nodiscard]] std::vector<const PluginOption*> all(std::string_view key) const;
    /// All lines whose key is `plugin` followed by `_` and more, for example of `plugin_regex`.
    /// Those of `plugin_regex_body` are among them: who knows the other plugin's name must choose.
    [[nodiscard]] std::vector<const PluginOption*> of(std::string_view plugin) const;

private:
    const std::vector<PluginOption>* options_;
};

/// Everything. Immutable once loaded: a reload makes a new one.
struct Settings {
    NetworkSettings network;
    TlsSettings tls;
    ResolverSettings resolver;
    ProxySettings proxy;
    MediaSettings media;
    RegistrarSettings registrar;
    AccessSettings access;
    LogSettings log;
    ProcessSettings process;
    PluginSettings plugins;

    /// Where each core directive that was given was given last, by key.
    std::map<std::string, Origin, std::less<>> origins;

    /// The place of a directive, for messages: `siproxd.conf:12`, `command line` or `default`.
    [[nodiscard]] std::string where(std::string_view key) const;
};

}  // namespace siproxd::config
