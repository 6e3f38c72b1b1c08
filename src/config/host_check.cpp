// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/host_check.h"

#include "base/address.h"
#include "base/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

namespace siproxd::config {

namespace {

bool isHost(std::string_view text) {
    return base::IpAddress::parse(text) || base::hasHostCharacters(text);
}

/// `outbound_proxy_port` of `outbound_proxy_host`.
std::string portKeyOf(std::string_view key) {
    return std::string(key.substr(0, key.rfind('_'))) + "_port";
}

}  // namespace

base::Result<void> checkNextHop(std::string_view key, std::string_view text) {
    const auto fail = [&](std::string_view why) {
        return base::fail(fmt::format("{} = {}: {}", key, base::printable(text), why));
    };
    const auto semicolon = text.find(';');
    const auto host = base::trim(text.substr(0, semicolon));
    if (semicolon != std::string_view::npos) {
        const auto parameter = base::toLower(text.substr(semicolon + 1));
        if (parameter != "transport=udp" && parameter != "transport=tcp" &&
            parameter != "transport=tls") {
            return fail("only ;transport=udp, ;transport=tcp or ;transport=tls may stand behind the "
                        "host");
        }
    }
    if (isHost(host)) {
        return {};
    }
    if (base::startsWithIgnoreCase(host, "sip:")) {
        return fail(fmt::format("a host is needed, without sip: (and with its port, if it has one, in "
                                "{})", portKeyOf(key)));
    }
    if (base::startsWithIgnoreCase(host, "sips:")) {
        return fail(fmt::format("a host is needed, without sips: (HOST;transport=tls for TLS; its "
                                "port, if it has one, in {})", portKeyOf(key)));
    }
    if (const auto colon = host.rfind(':'); colon != std::string_view::npos &&
                                            isHost(host.substr(0, colon))) {
        return fail(fmt::format("a host is needed, its port is {} = {}", portKeyOf(key),
                                base::printable(host.substr(colon + 1))));
    }
    return fail("a host name or an IP address is needed");
}

base::Result<void> checkDomains(std::string_view key, std::string_view text) {
    for (const auto part : base::split(text, ',')) {
        const auto domain = base::trim(part);
        if (domain.empty() || isHost(domain)) {
            continue;
        }
        std::string_view why = "is no domain";
        if (domain.find_first_of(" \t") != std::string_view::npos) {
            why = "is no domain: commas are needed between several";
        } else if (domain.find('*') != std::string_view::npos) {
            why = "is no domain: each has to be named, there are no patterns";
        }
        return base::fail(fmt::format("{}: {} {}", key, base::printable(domain), why));
    }
    return {};
}

}  // namespace siproxd::config
