// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/random.h"
#include "registrar/binding.h"
#include "sip/name_addr.h"

namespace siproxd::registrar {

/// A phone's Contact in dialogs that its binding does not stand for, and the token that stands for it
/// outside.
struct ContactAlias {
    std::string token;
    sip::Uri contact;            ///< as the phone wrote it
    base::Flow flow;             ///< by which the phone talks to us
    /// Proxies between us and the phone that want to see the dialog, nearest to us first.
    std::vector<sip::NameAddr> routes;
    /// It comes from a registration that is over: dialogs go on, but nobody calls the phone by it.
    bool formerBinding = false;
    bool natted = false;  ///< nothing but `flow` reaches it
};

/// Contacts of dialogs whose phone is not registered (or no longer), or is behind proxies that stay in
/// the dialog. Bounded, those of the inside
/// and those of the outside each for themselves: the least recently used goes when it is full, and
/// what has not been used for kLifetime.
class ContactAliases {
public:
    static constexpr std::size_t kDefaultCapacity = 10'000;
    static constexpr std::chrono::hours kLifetime{24};

    /// `capacity` is that of each side.
    ContactAliases(const base::Clock& clock, base::Random& random,
                   std::size_t capacity = kDefaultCapacity);

    /// The alias of a Contact, made when there is none. The whole URI, the address that it comes from
    /// and the routes count. `flow` is brought up to date. The reference is good until the next call.
    const ContactAlias& obtain(const sip::Uri& contact, const base::Flow& flow,
                               const std::vector<sip::NameAddr>& routes = {});

    /// The alias of a Contact behind a NAT: one for each address outside of the NAT, since different
    /// NATs hide the same addresses.
    const ContactAlias& obtainNatted(const sip::Uri& contact, const base::Flow& flow);

    /// Keeps the token of a binding that goes, so that requests within its dialogs still find the
    /// phone.
    void adopt(const Binding& binding);

    /// By token; counts as a use. nullptr: none. Good until the next call.
    [[nodiscard]] const ContactAlias* find(std::string_view token);

    [[nodiscard]] std::size_t size() const { return byToken_.size(); }

private:
    struct Entry {
        ContactAlias alias;
        std::string key;  ///< Contact, source and routes as text
        bool isFar;       ///< outside: strangers can have as many made as they like
        base::TimePoint lastUse;
    };
    using Entries = std::list<Entry>;

    [[nodiscard]] Entries& listOf(bool isFar) { return isFar ? far_ : near_; }
    void touch(Entries::iterator entry);
    void dropOld();
    void drop(Entries::iterator entry);
    Entries::iterator add(ContactAlias alias, std::string key, bool isFar);

    const base::Clock& clock_;
    base::Random& random_;
    std::size_t capacity_;
    Entries near_;  ///< last used first
    Entries far_;   ///< likewise
    /// Keys are views of the entries' own strings.
    std::unordered_map<std::string_view, Entries::iterator> byToken_;
    std::unordered_map<std::string_view, Entries::iterator> byContact_;
};

}  // namespace siproxd::registrar
