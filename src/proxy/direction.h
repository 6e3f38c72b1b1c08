// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "base/flow.h"
#include "plugin/chain.h"
#include "proxy/addresses.h"
#include "proxy/call.h"
#include "proxy/local_registrar.h"
#include "registrar/contact_alias.h"
#include "registrar/location_table.h"
#include "sip/message.h"

namespace siproxd::proxy {

/// A phone that a request is meant for.
struct InsideTarget {
    sip::Uri uri;           ///< becomes the request URI
    base::IpAddress local;  ///< our address that the phone talks to; none: the inbound one
    std::vector<sip::NameAddr> routes{};  ///< proxies on the way to the phone, nearest to us first
    std::optional<base::Flow> flow{};  ///< its connection, or the way through its NAT: goes first
    bool natted = false;               ///< nothing but `flow` reaches it
    Side side = Side::Inside;          ///< where the phone is
    std::uint32_t rank = 0;            ///< lower ones are tried first
    bool isPhone = true;               ///< one that we know; else whoever the URI names
};

/// Which way a request goes, and to whom.
struct Located {
    /// Unknown: nobody was found, and `targets` is empty.
    plugin::Direction direction = plugin::Direction::Unknown;
    /// RequestIncoming: at least one; RequestOutgoing: phones of ours that are registered here.
    std::vector<InsideTarget> targets;
};

/// Decides which way a request goes. In this order:
///
/// 1. what comes from the inside (by the interface it came by; with a single interface by the
///    subnet and the registered phones) goes out, or to whom it names that is registered here;
/// 2. else the token of a Contact that we have shown outside names the phone;
/// 3. else the dialog does (a provider that loses URI parameters);
/// 4. else, when it is for one of our own users, the phones of that user; a number (tel:) is for
///    the user of that name, if there is one, and a caller inside is a user of ours;
/// 5. else the registered phones that user, address-of-record and provider fit;
/// 6. else what this machine sends itself goes out; everything else is unknown.
class DirectionFinder {
public:
    DirectionFinder(const registrar::LocationTable& locations, registrar::ContactAliases& aliases,
                    CallTable& calls, const Addresses& addresses, const LocalRegistrar& registrar)
        : locations_(locations), aliases_(aliases), calls_(calls), addresses_(addresses),
          registrar_(registrar) {}

    [[nodiscard]] Located find(const sip::Message& request, const base::Flow& from,
                               unsigned interfaceIndex);

    /// Where a request of a user outside, or of a relay network, goes that is for somebody outside.
    [[nodiscard]] static Located relayed(const sip::Message& request);

    /// The phone whose Contact we have shown outside as this URI.
    [[nodiscard]] std::optional<InsideTarget> byToken(const sip::Uri& uri, bool inDialog = false);
    /// Whether the request names a phone in a way that only those know who were shown it: by the
    /// token of its Contact. (A Contact from an original's file has none; its provider is not known
    /// either, so everybody may have been shown it.)
    [[nodiscard]] bool isByToken(const sip::Message& request, const base::SocketAddress& source);

    /// The phone with that Contact: as it is registered, else by the Contact alone.
    [[nodiscard]] InsideTarget targetAt(const sip::Uri& contact) const;
    [[nodiscard]] InsideTarget targetOf(const registrar::Binding& binding) const;

    /// Phones may register here from outside: with a single interface a public address is then outside,
    /// whoever is registered from there.
    void setUsersOutside(bool users) { usersOutside_ = users; }

    /// Phones of ours that a plugin's choice of a target names: those that the sender of the
    /// request would have reached by it, and for one outside also those of an address-of-record at
    /// a provider. Empty: it names none.
    [[nodiscard]] std::vector<InsideTarget>
    named(const sip::Message& request, const sip::Uri& target, plugin::Direction direction);

    /// The side that a packet came from.
    [[nodiscard]] Side sideOf(const base::Flow& from, unsigned interfaceIndex) const;

private:
    [[nodiscard]] Side sideOfPhone(const base::Flow& flow) const;
    [[nodiscard]] InsideTarget targetOf(const registrar::ContactAlias& alias) const;
    [[nodiscard]] std::vector<InsideTarget> fromInside(const sip::Message& request);
    /// `numbers`: tel: URIs may mean our users.
    [[nodiscard]] std::vector<InsideTarget> ownUsers(const sip::Message& request,
                                                     bool numbers) const;
    [[nodiscard]] std::vector<InsideTarget> insideTargets(const sip::Message& request,
                                                          const base::SocketAddress& source);

    const registrar::LocationTable& locations_;
    registrar::ContactAliases& aliases_;
    CallTable& calls_;
    const Addresses& addresses_;
    const LocalRegistrar& registrar_;
    bool usersOutside_ = false;
};

}  // namespace siproxd::proxy
