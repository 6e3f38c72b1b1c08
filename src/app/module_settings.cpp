// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/module_settings.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "access/address_list.h"
#include "base/text.h"

namespace siproxd::app {

namespace {

constexpr std::uint16_t kDnsPort = 53;

std::unexpected<base::Error> failAt(const config::Settings& settings, std::string_view key,
                                    std::string_view why) {
    return base::fail(fmt::format("{}: {}: {}", settings.where(key), key, why));
}

/// The elements of a list with commas or blanks.
std::vector<std::string_view> elements(std::string_view list) {
    std::vector<std::string_view> found;
    while (true) {
        const auto start = list.find_first_not_of(", \t");
        if (start == std::string_view::npos) {
            return found;
        }
        list.remove_prefix(start);
        found.push_back(list.substr(0, list.find_first_of(", \t")));
        list.remove_prefix(found.back().size());
    }
}

/// `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`.
std::optional<base::SocketAddress> nameServer(std::string_view text) {
    if (const auto ip = base::IpAddress::parse(text)) {
        return base::SocketAddress{*ip, kDnsPort};
    }
    return base::SocketAddress::parse(text);
}

/// Other lists must say /32, for in theirs a forgotten mask may let somebody in.
std::string withMasks(std::string_view list) {
    std::string text;
    for (const auto part : base::split(list, ',')) {
        const auto entry = base::trim(part);
        const auto ip = base::IpAddress::parse(entry);
        text += fmt::format("{}{}{}", text.empty() ? "" : ",", entry,
                            !ip ? "" : ip->isV4() ? "/32" : "/128");
    }
    return text;
}

/// OpenSSL does not say which of the files it is about, or whether it may read it at all.
base::Result<void> checkReadable(const config::Settings& settings, std::string_view key,
                                 const std::string& file) {
    if (file.empty() || ::access(file.c_str(), R_OK) == 0) {
        return {};
    }
    const int number = errno;
    std::string why = fmt::format("cannot read {}: {}", file, std::strerror(number));
    if (number == EACCES && !settings.process.user.empty()) {
        why += fmt::format(" (user {} must be able to)", settings.process.user);
    }
    return failAt(settings, key, why);
}

/// Whose fault an error of OpenSSL is: all texts that we have given it are in it.
std::string_view culprit(const config::TlsSettings& tls, std::string_view message) {
    const auto names = [message](const std::string& text) {
        return !text.empty() && message.find(text) != std::string_view::npos;
    };
    if (names(tls.tlsPrivateKey)) {
        return "tls_private_key";
    }
    if (names(tls.tlsCertificate)) {
        return "tls_certificate";
    }
    return names(tls.tlsCiphers) ? "tls_ciphers" : "tls_ca";
}

}  // namespace

base::Result<net::InterfaceSelection> readSelection(const config::Settings& settings) {
    auto selection =
        net::InterfaceSelection::parse(settings.network.ifInbound, settings.network.ifOutbound);
    if (!selection) {
        const bool inbound = selection.error().message.starts_with("if_inbound");
        return base::fail(fmt::format("{}: {}",
                                      settings.where(inbound ? "if_inbound" : "if_outbound"),
                                      selection.error().message));
    }
    return selection;
}

base::Result<dns::ResolverSettings> readResolver(const config::Settings& settings) {
    dns::ResolverSettings resolver;
    resolver.firstTimeout = settings.resolver.dnsTimeout;
    resolver.tries = settings.resolver.dnsTries;
    for (const auto text : elements(settings.resolver.dnsServers)) {
        const auto server = nameServer(text);
        if (!server) {
            return failAt(settings, "dns_servers",
                          fmt::format("{} is no address of a name server", base::printable(text)));
        }
        resolver.servers.push_back(*server);
    }
    if (const auto& text = settings.resolver.dnsDummyAddresses; !text.empty()) {
        auto dummies = access::AddressList::load(withMasks(text));
        if (!dummies) {
            return failAt(settings, "dns_dummy_addresses", dummies.error().message);
        }
        if (!dummies->names().empty()) {
            return failAt(settings, "dns_dummy_addresses",
                          fmt::format("{} is a name, but addresses are needed",
                                      dummies->names().front()));
        }
        resolver.isDummy = [list = std::move(*dummies)](const base::IpAddress& ip) {
            return list.contains(ip);
        };
    }
    return resolver;
}

base::Result<net::TlsContext> readTls(const config::Settings& settings) {
    const auto& tls = settings.tls;
    if (!tls.tlsPrivateKey.empty() && tls.tlsCertificate.empty()) {
        return failAt(settings, "tls_private_key", "tls_certificate is missing");
    }
    for (const auto& [key, file] : {std::pair{"tls_certificate", &tls.tlsCertificate},
                                    std::pair{"tls_private_key", &tls.tlsPrivateKey},
                                    std::pair{"tls_ca", &tls.tlsCa}}) {
        if (auto readable = checkReadable(settings, key, *file); !readable) {
            return std::unexpected(readable.error());
        }
    }
    auto context = net::TlsContext::make(
        {.certificateFile = tls.tlsCertificate,
         .keyFile = tls.tlsPrivateKey,
         .caPath = tls.tlsCa,
         .verifyProvider = tls.tlsVerifyServer,
         .clientCertificate = static_cast<net::ClientCertificate>(tls.tlsClientCertificate),
         .leastVersion =
             tls.tlsMinVersion == "1.3" ? net::TlsVersion::V1_3 : net::TlsVersion::V1_2,
         .ciphers = tls.tlsCiphers});
    if (!context) {
        const auto& message = context.error().message;
        return failAt(settings, culprit(tls, message), message);
    }
    return context;
}

transport::StreamSettings streamSettings(const config::Settings& settings) {
    const auto& network = settings.network;
    transport::StreamSettings streams;
    streams.idleTimeout = network.tcpTimeout;
    streams.connectTimeout = network.tcpConnectTimeout;
    streams.keepalive = network.tcpKeepalive;
    streams.connections = network.tcpMaxConnections;
    streams.perAddress = network.tcpMaxPerAddress;
    streams.dscp = network.sipDscp;
    return streams;
}

base::Result<void> checkModuleSettings(const config::Settings& settings) {
    std::string errors;
    const auto check = [&errors](const auto& result) {
        if (!result) {
            errors += (errors.empty() ? "" : "\n") + result.error().message;
        }
    };
    check(readSelection(settings));
    check(readResolver(settings));
    return errors.empty() ? base::Result<void>() : base::fail(errors);
}

}  // namespace siproxd::app
