// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/flow.h"
#include "sip/name_addr.h"
#include "sip/uri.h"

namespace siproxd::registrar {

/// Name of the URI parameter that carries a token in the Contacts that we show outside.
inline constexpr std::string_view kTokenParam = "siproxd";

/// A token has this many random bytes, written as twice as many hexadecimal digits.
inline constexpr std::size_t kTokenBytes = 8;

/// One Contact of one address-of-record: which phone is reached how, and as whom the provider knows
/// it. A plain value that can be written down and read back.
struct Binding {
    std::string token;     ///< opaque and unique in the table
    sip::Uri aor;          ///< To of the REGISTER
    sip::Uri contact;      ///< the phone's Contact as the phone wrote it
    sip::Uri masqueraded;  ///< the Contact as it is shown outside
    /// The REGISTER came by it. No addresses: not known (an original's file).
    base::Flow flow;
    base::SocketAddress provider;  ///< where the REGISTER was sent; none: we are the registrar
    /// Proxies between us and the phone, nearest to us first (RFC 3327).
    std::vector<sip::NameAddr> path;
    /// The phone is behind a NAT of its own: only `flow` reaches it.
    bool natted = false;
    std::uint16_t q = 1000;  ///< of the Contact, in thousandths (RFC 3261 §20.10)
    base::WallSeconds expires = 0;
    bool confirmed = false;  ///< the registrar has said 2xx; only then calls are taken
    std::string callId;      ///< of the last REGISTER
    std::uint32_t cseq = 0;  ///< of the last REGISTER

    friend bool operator==(const Binding&, const Binding&) = default;
};

/// The Contact that we show outside in place of a phone's: `user` (escaped as on the wire, may be
/// empty) at `host` (name or address, IPv6 without brackets), the port when it is not the
/// protocol's default, `transport` when it is not UDP (RFC 3261 §19.1.1), and the token as a URI
/// parameter; an empty token adds none.
[[nodiscard]] sip::Uri masqueradedContact(std::string_view user, std::string_view host,
                                          std::uint16_t port, std::string_view token,
                                          base::Protocol protocol = base::Protocol::Udp);

/// Who we are outside, in the Contacts that we show there.
struct Outside {
    std::string_view host;          ///< good for the call only
    std::uint16_t port = 5060;      ///< UDP and TCP
    std::uint16_t tlsPort = 5061;
    base::Protocol protocol = base::Protocol::Udp;  ///< that others are to reach us by
};

/// The Contact that stands outside for a phone's. A phone that wants TLS all the way (`secure`: its
/// own Contact is sips:, RFC 5630) gets a sips: URI.
[[nodiscard]] sip::Uri masqueradedContact(std::string_view user, const Outside& outside,
                                          std::string_view token, bool secure);

/// The token in a URI; empty: none.
[[nodiscard]] std::string_view tokenOf(const sip::Uri& uri);

/// The user part; of a tel: or other URI what stands between its scheme and its parameters.
[[nodiscard]] std::string_view userOf(const sip::Uri& uri);

/// The `expires` to be written down for something that ends `remaining` from now by the monotonic
/// clock: `expires` as it is or, when the wall clock has been set meanwhile, what fits it now.
[[nodiscard]] base::WallSeconds expiryOnWall(base::WallSeconds expires, base::Duration remaining,
                                             base::WallSeconds wallNow);

}  // namespace siproxd::registrar
