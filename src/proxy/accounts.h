// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/address.h"
#include "base/random.h"
#include "sip/uri.h"

namespace siproxd::proxy {

/// Somebody outside whom siproxd deals with in its own name, because a plugin says so: a gateway.
struct Account {
    std::string label;
    std::string token;  ///< of the Contacts that it has been told; nobody else knows it
    std::string realm;  ///< that has taken its password; empty: none has yet
    std::deque<base::IpAddress> addresses{};  ///< that have answered, the last one at the end
};

/// All of them, by label. There are as many as the configuration names, so they stay.
class Accounts {
public:
    /// Addresses of one that are known at once: a provider's servers. The oldest goes.
    static constexpr std::size_t kMostAddresses = 32;

    explicit Accounts(base::Random& random) : random_(random) {}

    /// The one with that label, made when there is none.
    Account& obtain(std::string_view label);
    /// nullptr: there is none.
    [[nodiscard]] Account* find(std::string_view label);

    /// It answers from there.
    void learn(Account& account, const base::IpAddress& ip);

    /// Whose Contact or address that is; nullptr: nobody's. Of an address that several answer from it is
    /// the one heard last.
    [[nodiscard]] const Account* byContact(const sip::Uri& contact) const;
    [[nodiscard]] const Account* byAddress(const base::IpAddress& ip) const;

    [[nodiscard]] bool knows(const base::IpAddress& ip) const { return byAddress_.contains(ip); }

private:
    base::Random& random_;
    std::map<std::string, std::unique_ptr<Account>, std::less<>> accounts_;
    std::unordered_map<std::string, const Account*> byToken_;
    std::unordered_map<base::IpAddress, const Account*, base::AddressHash> byAddress_;
};

}  // namespace siproxd::proxy
