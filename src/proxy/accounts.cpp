// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/accounts.h"

#include <algorithm>

#include "registrar/binding.h"

namespace siproxd::proxy {

Account& Accounts::obtain(std::string_view label) {
    if (auto* known = find(label)) {
        return *known;
    }
    auto made = std::make_unique<Account>(
        Account{.label = std::string(label), .token = random_.hex(registrar::kTokenBytes), .realm = {}});
    auto& account = *made;
    byToken_.emplace(account.token, &account);
    accounts_.emplace(account.label, std::move(made));
    return account;
}

Account* Accounts::find(std::string_view label) {
    const auto found = accounts_.find(label);
    return found == accounts_.end() ? nullptr : found->second.get();
}

void Accounts::learn(Account& account, const base::IpAddress& ip) {
    auto& known = account.addresses;
    if (known.empty() || known.back() != ip) {
        std::erase(known, ip);
        known.push_back(ip);
    }
    byAddress_[ip] = &account;
    if (known.size() > kMostAddresses) {
        if (const auto oldest = byAddress_.find(known.front());
            oldest != byAddress_.end() && oldest->second == &account) {
            byAddress_.erase(oldest);
        }
        known.pop_front();
    }
}

const Account* Accounts::byContact(const sip::Uri& contact) const {
    const auto found = byToken_.find(std::string(registrar::tokenOf(contact)));
    return found == byToken_.end() ? nullptr : found->second;
}

const Account* Accounts::byAddress(const base::IpAddress& ip) const {
    const auto found = byAddress_.find(ip);
    return found == byAddress_.end() ? nullptr : found->second;
}

}  // namespace siproxd::proxy
