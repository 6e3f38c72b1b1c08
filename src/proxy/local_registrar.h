// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "event/loop.h"
#include "proxy/addresses.h"
#include "registrar/location_table.h"
#include "sip/message.h"

namespace siproxd::proxy {

/// The registrar of this proxy (RFC 3261 §10.3): answers what is registered at one of our own
/// addresses or at a local domain, and knows where its users are. A user name is one user in all of
/// them: who has registered at 192.168.1.1 is called at home.example too.
class LocalRegistrar {
public:
    struct Options {
        std::vector<std::string> domains;  ///< besides our own addresses
        std::chrono::seconds defaultExpires{600};
        std::chrono::seconds minExpires{10};  ///< 423 below; never asked of an hour and more
        std::chrono::seconds maxExpires{86400};
        std::size_t mostContacts = 16;  ///< of one user
    };

    /// Who has sent a REGISTER, as far as it matters.
    struct Client {
        base::Flow flow;
        std::string user;     ///< authenticated; empty: nobody asked for a password
        bool natted = false;  ///< only `flow` reaches it
    };

    LocalRegistrar(Options options, registrar::LocationTable& locations, const Addresses& addresses,
                   const base::Clock& clock, base::Random& random)
        : options_(std::move(options)), locations_(locations), addresses_(addresses),
          clock_(clock), random_(random) {}

    void setOptions(Options options) { options_ = std::move(options); }

    /// A name that phones register at has turned out to be ours. A few are remembered.
    void learn(std::string_view host);

    /// Whether the URI's host is one of ours: an own address or a local domain.
    [[nodiscard]] bool isLocal(const sip::Uri& uri) const;
    /// Whether it is a local domain by name.
    [[nodiscard]] bool isLocalDomain(std::string_view host) const;

    /// The domain of the users here: the first of the configuration; else what the URI has.
    [[nodiscard]] std::string domainOf(const sip::Uri& uri) const {
        return options_.domains.empty() ? uri.host : options_.domains.front();
    }

    /// Executes a REGISTER for a local URI and says what to answer: all of it or nothing.
    [[nodiscard]] sip::Message answer(const sip::Message& request, const Client& client);

    /// Where the user of this URI is, the most wanted first (RFC 3261 §16.6: by q); empty: nowhere,
    /// or the URI is not local. Good until the table changes.
    [[nodiscard]] std::vector<const registrar::Binding*> bindingsOf(const sip::Uri& uri) const;

    /// The user name that a tel: URI stands for here: its number, without what only makes it
    /// readable (RFC 3966 §5.1.1) and without parameters; empty: it is none.
    [[nodiscard]] static std::string userOfNumber(const sip::Uri& uri);
    /// Likewise where that user is.
    [[nodiscard]] std::vector<const registrar::Binding*> bindingsOfNumber(
        const sip::Uri& uri) const;

private:
    /// What is to become of one Contact.
    struct Change {
        sip::NameAddr contact;
        std::uint32_t expires = 0;
        const registrar::Binding* known = nullptr;
    };

    [[nodiscard]] std::vector<const registrar::Binding*> bindingsOfUser(
        std::string_view user) const;
    [[nodiscard]] sip::Message reply(const sip::Message& request, int status,
                                     std::string_view reason = {}) const;
    /// What has been registered here for an address-of-record, which may also be of a domain that we
    /// do not know as ours.
    [[nodiscard]] std::vector<const registrar::Binding*> registeredFor(const sip::Uri& aor) const;
    [[nodiscard]] const registrar::Binding* bindingOf(const sip::Uri& aor,
                                                      const sip::Uri& contact) const;
    [[nodiscard]] std::uint32_t lifetimeOf(const sip::Message& request,
                                           const sip::NameAddr& contact) const;
    /// Status of the answer when the request cannot be executed; 0: it can.
    [[nodiscard]] int check(const sip::Message& request, const Client& client) const;
    [[nodiscard]] int removeAll(const sip::Message& request);
    [[nodiscard]] int read(const sip::Message& request, std::vector<Change>& changes) const;
    [[nodiscard]] int apply(const sip::Message& request, const Client& client,
                            const std::vector<Change>& changes);
    [[nodiscard]] sip::Message success(const sip::Message& request) const;

    Options options_;
    std::vector<std::string> learned_;
    registrar::LocationTable& locations_;
    const Addresses& addresses_;
    const base::Clock& clock_;
    base::Random& random_;
};

}  // namespace siproxd::proxy
