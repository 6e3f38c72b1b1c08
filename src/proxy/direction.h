// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "base/flow.h"
#include "plugin/chain.h"
#include "proxy/addresses.h"
#include "proxy/call.h"
#include "registrar/contact_alias.h"
#include "registrar/location_table.h"
#include "sip/message.h"

namespace siproxd::proxy {

/// A phone that a request from outside is meant for.
struct InsideTarget {
    sip::Uri uri;           ///< becomes the request URI
    base::IpAddress local;  ///< our address that the phone talks to; none: the inbound one
    std::vector<sip::NameAddr> routes{};  ///< proxies on the way to the phone, nearest to us first
    std::optional<base::Flow> flow{};  ///< its connection, or the way through its NAT: goes first
    bool natted = false;               ///< nothing but `flow` reaches it
};

/// What direction() found.
struct Located {
    plugin::Direction direction = plugin::Direction::Unknown;
    std::vector<InsideTarget> targets;  ///< RequestIncoming: at least one
};

/// Decides which way a request goes. In this order:
///
/// 1. what comes from the inside (by the interface it came by; with a single interface by the
///    subnet and the registered phones) goes out;
/// 2. else the token of a Contact that we have shown outside names the phone;
/// 3. else the dialog does (a provider that loses URI parameters);
/// 4. else the registered phones that user, address-of-record and provider fit;
/// 5. else what this machine sends itself goes out; everything else is unknown.
class DirectionFinder {
public:
    DirectionFinder(const registrar::LocationTable& locations, registrar::ContactAliases& aliases,
                    CallTable& calls, const Addresses& addresses)
        : locations_(locations), aliases_(aliases), calls_(calls), addresses_(addresses) {}

    [[nodiscard]] Located find(const sip::Message& request, const base::Flow& from,
                               unsigned interfaceIndex);

    /// The phone whose Contact we have shown outside as this URI.
    [[nodiscard]] std::optional<InsideTarget> byToken(const sip::Uri& uri, bool inDialog = false);

    /// The side that a packet came from.
    [[nodiscard]] Side sideOf(const base::Flow& from, unsigned interfaceIndex) const;

private:
    [[nodiscard]] std::vector<InsideTarget> insideTargets(const sip::Message& request,
                                                          const base::SocketAddress& source);

    const registrar::LocationTable& locations_;
    registrar::ContactAliases& aliases_;
    CallTable& calls_;
    const Addresses& addresses_;
};

}  // namespace siproxd::proxy
