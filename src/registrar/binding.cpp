// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/binding.h"

#include "base/text.h"

namespace siproxd::registrar {

namespace {

constexpr std::uint16_t kDefaultPort = 5060;
constexpr std::uint16_t kDefaultTlsPort = 5061;

/// Of RFC 3261 §25.1 (unreserved, user-unreserved), without `;` and `?`, which readers take for others.
constexpr std::string_view kUserCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789-_.!~*'()&=+$,/";

}  // namespace

sip::Uri masqueradedContact(std::string_view user, std::string_view host, std::uint16_t port,
                            std::string_view token, base::Protocol protocol) {
    const bool tls = protocol == base::Protocol::Tls;
    sip::Uri uri;
    uri.user = user;
    uri.host = host;
    uri.port = port == (tls ? kDefaultTlsPort : kDefaultPort) ? std::uint16_t{0} : port;
    if (protocol != base::Protocol::Udp) {
        uri.params.set("transport", std::string(tls ? "tls" : "tcp"));
    }
    if (!token.empty()) {
        uri.params.set(kTokenParam, std::string(token));
    }
    return uri;
}

sip::Uri masqueradedContact(std::string_view user, const Outside& outside, std::string_view token,
                            bool secure) {
    const auto protocol = secure ? base::Protocol::Tls : outside.protocol;
    const auto port = protocol == base::Protocol::Tls ? outside.tlsPort : outside.port;
    auto uri = masqueradedContact(user, outside.host, port, token, protocol);
    if (secure) {
        uri.scheme = "sips";
        uri.params.remove("transport");
    }
    return uri;
}

std::string_view tokenOf(const sip::Uri& uri) {
    return uri.params.value(kTokenParam).value_or(std::string_view{});
}

std::string_view userOf(const sip::Uri& uri) {
    if (uri.isSip()) {
        return uri.user;
    }
    // The rest of an unknown scheme may hold what a user may not, or what ends one.
    return uri.opaque.view().substr(0, uri.opaque.view().find_first_not_of(kUserCharacters));
}

base::WallSeconds expiryOnWall(base::WallSeconds expires, base::Duration remaining,
                               base::WallSeconds wallNow) {
    // Two clocks that are read one after the other and rounded differ by that much.
    constexpr base::WallSeconds kRounding = 2;
    const auto now = wallNow + std::chrono::round<std::chrono::seconds>(remaining).count();
    return now - expires <= kRounding && expires - now <= kRounding ? expires : now;
}

}  // namespace siproxd::registrar
