// SPDX-License-Identifier: GPL-2.0-or-later
#include "sip/via.h"

#include <osipparser2/headers/osip_via.h>
#include <osipparser2/osip_port.h>
#include <osipparser2/osip_message.h>

#include <memory>

#include "base/text.h"
#include "sip/scan.h"

namespace siproxd::sip {

namespace {

struct OsipViaFree {
    void operator()(osip_via_t* via) const { ::osip_via_free(via); }
};

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

/// Host and port of `SIP / 2.0 / transport host[:port]`, and only of such text.
std::optional<HostPort> sentBy(std::string_view text) {
    const auto protocol = takePart(text);
    const auto version = takePart(text);
    const auto space = text.find_first_of(" \t");
    if (!protocol || !base::equalsIgnoreCase(*protocol, "SIP") || !version || version != "2.0" ||
        space == std::string_view::npos || !isToken(text.substr(0, space))) {
        return std::nullopt;
    }
    return readHostPort(base::trim(text.substr(space)));
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
    // libosip2 keeps what stands behind the sent-by as parameters only when it is well-formed;
    // ours are read by ourselves so that nothing of them is lost. It gets to see nothing that is not
    // as the grammar wants it.
    const auto semicolon = value.find(';');
    const auto sender = sentBy(value.substr(0, semicolon));
    osip_via_t* raw = nullptr;
    if (value.size() > 4096 || !sender || ::osip_via_init(&raw) != 0) {
        return std::nullopt;
    }
    const std::unique_ptr<osip_via_t, OsipViaFree> osip(raw);
    if (::osip_via_parse(raw, std::string(value.substr(0, semicolon)).c_str()) != 0 ||
        osip->protocol == nullptr) {
        return std::nullopt;
    }
    Via via;
    via.transport = osip->protocol;
    via.host = sender->host;
    via.port = sender->port;
    if (semicolon != std::string_view::npos) {
        auto params = Params::parse(value.substr(semicolon));
        if (!params) {
            return std::nullopt;
        }
        via.params = std::move(*params);
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
    std::string out = "SIP/2.0/" + transport + " ";
    out += host.find(':') != std::string::npos ? "[" + host + "]" : host;
    if (port != 0) {
        out += ':';
        out += std::to_string(port);
    }
    return out + params.toString();
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
