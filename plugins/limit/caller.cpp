// SPDX-License-Identifier: GPL-2.0-or-later
#include "caller.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace limit {

using siproxd::api::Bindings;
using siproxd::api::Host;
using siproxd::api::Part;
using siproxd::api::orEmpty;

namespace {

/// user@domain, the domain in lower case; empty when it is no such URI.
std::string userAtDomain(const Host& host, const std::string& uri) {
    const auto parsed = host.uri(uri);
    if (!parsed) {
        return "";
    }
    return std::string(orEmpty(parsed->part(Part::UserPlain))) + "@" +
           siproxd::api::lowered(orEmpty(parsed->part(Part::Host)));
}

/// Without port and brackets.
std::string ipOf(std::string_view source) {
    if (source.starts_with('[')) {
        return std::string(source.substr(1, source.find(']') - 1));
    }
    return std::string(source.substr(0, source.rfind(':')));
}

/// Into that which comes first by the alphabet.
void keepFirst(std::string& first, std::string name) {
    if (!name.empty() && (first.empty() || name < first)) {
        first = std::move(name);
    }
}

}  // namespace

Caller Callers::of(const siproxd_call& call) const {
    const std::string user = orEmpty(call.user);
    const std::string ip = orEmpty(call.source_ip);
    if (!user.empty()) {
        return proven(user, orEmpty(call.caller));
    }
    if (const auto registered = registeredAt(ip, orEmpty(call.caller))) {
        return {*registered, accountOf(*registered), {*registered, registered->substr(0, registered->rfind('@')), "*"}};
    }
    const auto source = sourceName(ip);
    Caller caller{source, source, {ip, source}};
    if (call.direction != SIPROXD_REQUEST_INCOMING) {
        caller.names.emplace_back("*");  // a provider is not one of all users
    }
    return caller;
}

Caller Callers::owner(const std::string& user, const std::string& from) const {
    auto owner = proven(user, from);
    // Who is named without a domain does not stand in From.
    if (const auto aor = userAtDomain(host_, from); aor.starts_with(user + "@")) {
        owner.account = accountOf(aor);
    }
    return owner;
}

/// Of From no more than the domain is believed.
Caller Callers::proven(const std::string& user, const std::string& from) const {
    const auto own = host_.ownUser(from);
    const auto aor = own ? std::string(*own) : userAtDomain(host_, from);
    const auto at = aor.rfind('@');
    return {user, user, {user + (at == std::string::npos ? "" : aor.substr(at)), user, "*"}};
}

std::string Callers::accountOf(const std::string& aor) const {
    const auto own = host_.ownUser("sip:" + aor);
    return own ? std::string(own->substr(0, own->rfind('@'))) : aor;
}

std::optional<std::string> Callers::registeredAt(const std::string& ip, const std::string& from) const {
    for (const auto& binding : host_.bindings(Bindings::OfAor, from)) {
        if (ipOf(binding.source) == ip) {
            return userAtDomain(host_, binding.aor);
        }
    }
    // Another of his accounts, or a From that he has made up.
    std::string first;
    for (const auto& binding : host_.bindings(Bindings::OfContactHost, ip)) {
        if (ipOf(binding.source) == ip) {
            keepFirst(first, userAtDomain(host_, binding.aor));
        }
    }
    return first.empty() ? std::nullopt : std::optional(std::move(first));
}

std::string sourceName(const std::string& ip) {
    in6_addr address{};
    if (::inet_pton(AF_INET6, ip.c_str(), &address) != 1) {
        return ip;
    }
    std::fill(std::begin(address.s6_addr) + 8, std::end(address.s6_addr), std::uint8_t{0});
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET6, &address, text, sizeof text);
    return std::string(text) + "/64";
}

}  // namespace limit
