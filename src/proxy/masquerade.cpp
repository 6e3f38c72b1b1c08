// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/masquerade.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sip/scan.h"

namespace siproxd::proxy {

namespace {

/// A URI that the provider has given to this very phone (RFC 5627): it leads to us by itself.
bool isPublicGruu(const sip::Uri& uri) {
    return uri.params.has("gr") && !base::IpAddress::parse(uri.host);
}

using HostMember = std::string config::MaskedHost::*;

/// Whether the URI's host was to be replaced.
bool mapHost(sip::Uri& uri, const std::vector<config::MaskedHost>& hosts, HostMember from,
             HostMember to) {
    for (const auto& pair : hosts) {
        if (uri.isSip() && base::equalsIgnoreCase(uri.host, pair.*from)) {
            uri.host = pair.*to;
            return true;
        }
    }
    return false;
}

void mapParties(sip::Message& message, const std::vector<config::MaskedHost>& hosts,
                HostMember from, HostMember to) {
    if (hosts.empty()) {
        return;
    }
    if (auto party = message.from(); mapHost(party.uri, hosts, from, to)) {
        message.setFrom(party);
    }
    if (auto party = message.to(); mapHost(party.uri, hosts, from, to)) {
        message.setTo(party);
    }
}

}  // namespace

bool Masquerade::namesInside(const sip::Uri& uri) const {
    const auto ip = base::IpAddress::parse(uri.host);
    return uri.isSip() && ip && addresses_.isHidden(*ip);
}

sip::Uri Masquerade::shown(const registrar::Binding& binding, const SentBy& own) const {
    // One without a token is from an original's file: its provider knows it by every letter.
    return registrar::tokenOf(binding.masqueraded).empty()
               ? binding.masqueraded
               : registrar::masqueradedContact(binding.masqueraded.user, outside(own), binding.token,
                                               binding.contact.isSips());
}

sip::Uri Masquerade::contactOf(const sip::Uri& contact, const base::Flow& from, const SentBy& own,
                               const std::vector<sip::NameAddr>& routes) {
    const auto& alias = aliases_.obtain(contact, from, routes);
    auto uri = registrar::masqueradedContact(contact.user, outside(own), alias.token,
                                             contact.isSips());
    // The original names the port of such Contacts always.
    uri.port = contact.isSips() ? own.tlsPort : own.port;
    return uri;
}

sip::Uri Masquerade::farContactOf(const sip::Uri& contact, const base::Flow& from,
                                  const SentBy& own) {
    const auto& alias = aliases_.obtainNatted(contact, from);
    auto uri = registrar::masqueradedContact(contact.user, outside(own), alias.token,
                                             contact.isSips());
    uri.port = contact.isSips() ? own.tlsPort : own.port;
    return uri;
}

void Masquerade::contactsOut(sip::Message& message, const sip::Uri& aor,
                             const base::Flow& from, const SentBy& own,
                             const std::vector<sip::NameAddr>& routes) {
    if (message.contactIsStar()) {
        return;
    }
    auto contacts = message.contacts();
    for (auto& contact : contacts) {
        if (!contact.uri.isSip() || isPublicGruu(contact.uri)) {
            continue;
        }
        if (!routes.empty()) {
            // The token has to lead to these, too, as long as the dialog lives.
            contact.uri = contactOf(contact.uri, from, own, routes);
            continue;
        }
        const auto* binding = locations_.byContact(contact.uri, &aor);
        if (binding == nullptr) {
            binding = locations_.byContact(contact.uri);
        }
        contact.uri = binding != nullptr ? shown(*binding, own) : contactOf(contact.uri, from, own);
    }
    if (!contacts.empty()) {
        message.setContacts(contacts);
    }
}

void Masquerade::redirectOut(sip::Message& message, const base::Flow& from,
                             const SentBy& own) {
    auto contacts = message.contacts();
    for (auto& contact : contacts) {
        if (namesInside(contact.uri)) {
            const auto* binding = locations_.byContact(contact.uri);
            contact.uri = binding != nullptr ? shown(*binding, own) : contactOf(contact.uri, from, own);
        }
    }
    if (!contacts.empty()) {
        message.setContacts(contacts);
    }
}

void Masquerade::headersOut(sip::Message& message, const base::Flow& from,
                            const SentBy& own) {
    static constexpr std::array<std::string_view, 8> kUriHeaders{
        "Refer-To",      "Referred-By", "P-Asserted-Identity", "P-Preferred-Identity",
        "Remote-Party-ID", "Diversion", "History-Info",        "Reply-To",
    };
    partiesOut(message);
    for (const auto name : kUriHeaders) {
        uriHeaderOut(message, name, from, own);
    }
    warningsOut(message, own);
}

void Masquerade::partiesOut(sip::Message& message) const {
    mapParties(message, hosts_, &config::MaskedHost::maskHost, &config::MaskedHost::maskedHost);
}

void Masquerade::partiesIn(sip::Message& message) const {
    mapParties(message, hosts_, &config::MaskedHost::maskedHost, &config::MaskedHost::maskHost);
}

void Masquerade::uriHeaderOut(sip::Message& message, std::string_view name,
                              const base::Flow& from, const SentBy& own) {
    std::vector<std::string> values;
    for (const auto& field : message.headers(name)) {
        // What cannot be split is not understood by anybody and stays as it is.
        const auto parts = sip::splitValues(field).value_or(std::vector<std::string_view>{field});
        values.insert(values.end(), parts.begin(), parts.end());
    }
    bool changed = false;
    for (auto& value : values) {
        auto address = sip::NameAddr::parse(value);
        if (address && mapHost(address->uri, hosts_, &config::MaskedHost::maskHost,
                               &config::MaskedHost::maskedHost)) {
            value = address->toString();
            changed = true;
            continue;
        }
        if (address && namesInside(address->uri)) {
            const auto* binding = locations_.byContact(address->uri);
            const auto headers = address->uri.headers;
            address->uri =
                binding != nullptr ? shown(*binding, own) : contactOf(address->uri, from, own);
            address->uri.headers = headers;
            value = address->toString();
            changed = true;
        }
    }
    if (changed) {
        message.removeHeader(name);
        for (const auto& value : values) {
            message.addHeader(name, value);
        }
    }
}

void Masquerade::warningsOut(sip::Message& message, const SentBy& own) const {
    const auto fields = message.headers("Warning");
    if (fields.empty()) {
        return;
    }
    message.removeHeader("Warning");
    for (const auto& field : fields) {
        message.addHeader("Warning", textOut(field, own));
    }
}

std::string Masquerade::textOut(std::string_view text, const SentBy& own) const {
    // Agent and text of a warning are free to name addresses anywhere (RFC 3261 §20.43).
    const auto isPart = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
               c == '.' || c == ':';
    };
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && isPart(text[end])) {
            ++end;
        }
        if (end == at) {
            out += text[at++];
            continue;
        }
        // A port or the end of a sentence may stand behind the address.
        std::string_view word = text.substr(at, end - at);
        auto ip = base::IpAddress::parse(word);
        while (!ip && word.find_last_of(".:") != std::string_view::npos) {
            word = word.substr(0, word.find_last_of(".:"));
            ip = base::IpAddress::parse(word);
        }
        const bool inside = ip && addresses_.isHidden(*ip);
        // A lone dot or colon: an address may begin right behind it.
        word = word.empty() ? text.substr(at, 1) : word;
        out += inside ? std::string_view(own.host) : word;
        at += word.size();
    }
    return out;
}

std::vector<sip::NameAddr> Masquerade::stripRecordRoutes(sip::Message& message) const {
    const auto routes = message.recordRoutes();
    if (routes.empty()) {
        return {};
    }
    const auto isOwn = [&](const sip::NameAddr& route) { return addresses_.isOwnRoute(route.uri); };
    // What stands above ours has been put there by proxies between us and the phone.
    const auto lastOwn = std::find_if(routes.rbegin(), routes.rend(), isOwn).base();
    std::vector<sip::NameAddr> inside;
    std::vector<sip::NameAddr> outside;
    for (auto route = routes.begin(); route != routes.end(); ++route) {
        if (isOwn(*route)) {
            continue;
        }
        if (message.isRequest() || route < lastOwn) {
            inside.push_back(*route);
        } else if (!namesInside(route->uri)) {
            outside.push_back(*route);
        }
    }
    if (outside.size() != routes.size()) {
        message.setRecordRoutes(outside);
    }
    return inside;
}

sip::NameAddr Masquerade::ownRecordRoute(const SentBy& own, bool secure) {
    sip::NameAddr route;
    const bool sips = secure && own.protocol == base::Protocol::Tls;
    route.uri.user = kRouteUser;
    route.uri.host = own.host;
    route.uri.port = own.port;
    if (sips) {
        route.uri.scheme = "sips";
    } else if (own.protocol != base::Protocol::Udp) {
        route.uri.params.set("transport", own.protocol == base::Protocol::Tls ? "tls" : "tcp");
    }
    route.uri.params.set("lr", std::nullopt);
    return route;
}

}  // namespace siproxd::proxy
