// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/via.h"

#include <utility>

#include "base/text.h"
#include "sip/scan.h"

namespace siproxd::sip {

namespace {

constexpr std::size_t kMaxVia = 4096;

/// The trimmed text in front of a slash, which `text` then begins behind; nothing without a slash.
std::optional<std::string_view> takePart(std::string_view& text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto part = base::trim(text.substr(0, slash));
    text = base::trim(text.substr(slash + 1));
    return part;
}

/// Reads `SIP / 2.0 / transport host[:port]`.
std::optional<Via> readSentBy(std::string_view text) {
    const auto protocol = takePart(text);
    const auto version = takePart(text);
    const auto space = text.find_first_of(" \t");
    const auto transport = text.substr(0, space);
    if (!protocol || !base::equalsIgnoreCase(*protocol, "SIP") || !version || version != "2.0" ||
        space == std::string_view::npos || !isToken(transport)) {
        return std::nullopt;
    }
    auto place = readHostPort(base::trim(text.substr(space)));
    if (!place) {
        return std::nullopt;
    }
    Via via;
    via.transport = std::string(transport);
    via.host = std::move(place->host);
    via.port = place->port;
    return via;
}

std::optional<std::uint16_t> portFrom(std::string_view text) {
    const auto port = base::parseUnsigned(text, 65535);
    if (!port || *port == 0) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(*port);
}

}  // namespace

std::optional<Via> Via::parse(std::string_view value) {
    const auto semicolon = value.find(';');
    auto via = value.size() > kMaxVia ? std::nullopt : readSentBy(value.substr(0, semicolon));
    if (via && semicolon != std::string_view::npos) {
        auto params = Params::parse(value.substr(semicolon));
        if (!params) {
            return std::nullopt;
        }
        via->params = std::move(*params);
    }
    return via;
}

std::string_view Via::branch() const {
    return params.value("branch").value_or(std::string_view());
}

std::uint16_t Via::portOrDefault() const {
    return port != 0 ? port : (base::equalsIgnoreCase(transport, "TLS") ? 5061 : 5060);
}

std::string Via::toString() const {
    std::string out;
    out.reserve(32 + transport.size() + host.size() + params.length());
    out += "SIP/2.0/";
    out += transport;
    out += ' ';
    appendHost(out, host);
    if (port != 0) {
        out += ':';
        out += std::to_string(port);
    }
    params.appendTo(out);
    return out;
}

std::optional<base::SocketAddress> Via::responseAddress() const {
    const auto received = params.value("received");
    const auto ip = base::IpAddress::parse(received ? *received : std::string_view(host));
    if (!ip) {
        return std::nullopt;
    }
    const auto rport = params.value("rport");
    const auto behind = rport ? portFrom(*rport) : std::nullopt;
    return base::SocketAddress{*ip, behind.value_or(portOrDefault())};
}

}  // namespace siproxd::sip
