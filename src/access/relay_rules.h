// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

#include "access/address_list.h"
#include "base/address.h"

namespace siproxd::access {

/// On which side of us somebody is.
enum class Side : std::uint8_t { Inside, Outside };

/// Where a request would go.
enum class Target : std::uint8_t {
    /// A phone that has a binding with us, or that a dialog or alias leads to; and, of requests
    /// from the inside, a user of a local domain, be he there or not.
    Registered,
    Elsewhere,   ///< anywhere else: passing it on is relaying
    Ourselves,   ///< the proxy itself (OPTIONS, REGISTER as registrar)
};

/// What there is to know of a request that begins something; requests inside a dialog that we have
/// let through are not asked about.
struct RelayQuestion {
    Side from = Side::Outside;
    base::IpAddress source;
    std::string_view user;  ///< authenticated; empty: nobody
    Target target = Target::Elsewhere;
    bool isCall = true;  ///< INVITE; other methods need no credentials from the inside
    /// A phone of ours has registered with the source, or hosts_allow_reg or hosts_allow_sip names
    /// it.
    bool isKnown = false;
};

enum class RelayAnswer : std::uint8_t {
    Allow,
    Authenticate,  ///< allowed with credentials: challenge
    Refuse,        ///< 403
    Ignore,        ///< no answer, for a stranger learns from any
};

/// Who may call whom through us. Comes after Policy, which decides who may talk at all.
struct RelayRules {
    /// What strangers outside may do without credentials.
    enum class Anonymous : std::uint8_t {
        Nothing,     ///< only who is known or in trunkNetworks reaches the phones
        Registered,  ///< everybody reaches registered phones, and nothing else
    };

    AddressList relayNetworks{};  ///< who may call out; empty: all on the inside
    AddressList trunkNetworks{};  ///< outside, may call phones whatever `anonymous` says
    Anonymous anonymous = Anonymous::Registered;
    bool authenticateCalls = false;  ///< calls from the inside need credentials
    /// Users may come from the outside, with credentials: register, call phones and call out.
    bool usersOutside = false;

    [[nodiscard]] RelayAnswer decide(const RelayQuestion& question) const;

private:
    [[nodiscard]] RelayAnswer decideInside(const RelayQuestion& question) const;
    [[nodiscard]] RelayAnswer decideOutside(const RelayQuestion& question) const;
};

}  // namespace siproxd::access
