// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/text.h"
#include "registrar/binding.h"

namespace siproxd::registrar {

/// What a REGISTER says about one of its Contacts.
struct Registration {
    sip::Uri aor;      ///< To
    sip::Uri contact;  ///< as the phone wrote it
    base::Flow flow;   ///< it came by this one
    base::SocketAddress provider{};  ///< none: we are the registrar
    std::string callId{};
    std::uint32_t cseq = 0;
    std::vector<sip::NameAddr> path{};
    bool natted = false;
    std::uint16_t q = 1000;
};

/// Why a binding is thought to be meant by a request from outside; the surest first.
enum class Match : std::uint8_t {
    Token,            ///< the request URI carries its token
    UserAndAor,       ///< its user is in the request URI, its address-of-record in To
    UserAndProvider,  ///< its user is in the request URI, its provider's socket sent the packet
    UserAndDomain,    ///< its user is in the request URI, its domain there or in To, or its
                      ///< provider's address sent the packet from another port
    Aor,              ///< its address-of-record is in To, another user in the request URI
    User,             ///< its user is in the request URI, that is all
    ToUser,           ///< its user is in To, that is all
};

struct Candidate {
    const Binding* binding;
    Match match;
};

/// Who is where: all bindings, found by hash whatever is known of them. No look-up resolves names.
///
/// A binding is *prepared* when its REGISTER goes out and *confirmed* by the 2xx. Unless a look-up
/// says otherwise it finds only *live* bindings: confirmed, and not more than kGrace past their
/// expiry. Pointers are good until the next call that is not const.
///
/// Life times are kept on the monotonic clock, so that a router whose wall clock jumps (no battery,
/// NTP) forgets nobody; Binding::expires is the wall time as of the confirmation.
class LocationTable {
public:
    static constexpr std::size_t kDefaultCapacity = 100'000;
    /// Contacts of one address-of-record that one registrar may have.
    static constexpr std::size_t kMostContacts = 32;
    static constexpr std::chrono::seconds kGrace{5};
    /// How long a binding waits for its confirmation: timer F of the REGISTER and as much again.
    static constexpr std::chrono::seconds kUnconfirmedLifetime{64};

    /// Is told of all that is to be written down, which is confirmed bindings only. Must not change
    /// the table from within.
    class Listener {
    public:
        virtual ~Listener() = default;
        /// Newly confirmed, refreshed or otherwise changed. `serial` rises with each new binding
        /// and stays the same for its life. `expiry` is the time of Binding::expires.
        virtual void bindingChanged(std::uint64_t serial, const Binding& binding,
                                    base::TimePoint expiry) = 0;
        /// Removed or expired; the last sight of it.
        virtual void bindingGone(std::uint64_t serial, const Binding& binding) = 0;
    };

    LocationTable(const base::Clock& clock, base::Random& random,
                  std::size_t capacity = kDefaultCapacity);
    ~LocationTable();
    LocationTable(const LocationTable&) = delete;
    LocationTable& operator=(const LocationTable&) = delete;

    void addListener(Listener& listener);
    void removeListener(Listener& listener);

    // --- the life of a binding

    /// The binding as it will be once this REGISTER is answered with 2xx; `masqueraded` is what to
    /// send as Contact, as `outside` says (see masqueradedContact()). A new
    /// one is entered unconfirmed. A known one (same AoR and Contact, parameters aside) keeps its
    /// token and, when confirmed, its present state until confirm(). One that was loaded from an
    /// original's file keeps its masqueraded Contact without a token as long as the outbound
    /// address is the same. Fails when the table is full, or the address-of-record has kMostContacts
    /// at that provider.
    [[nodiscard]] base::Result<Binding> prepare(const Registration& registration,
                                                const Outside& outside);

    /// The registrar has said 2xx: the prepared state counts from now on, for `expiresIn` seconds.
    /// 0 removes the binding. Returns it; nothing when the token is unknown or it has been removed.
    const Binding* confirm(std::string_view token, std::uint32_t expiresIn);

    /// The REGISTER has failed for good (not: been challenged by 401 or 407, since the phone's next
    /// try should find the same token): drops what was prepared. A confirmed binding stays.
    void abandon(std::string_view token);

    /// False when there is none.
    bool remove(std::string_view token);

    /// Enters a binding read from a file, with its `expires` taken by the wall clock; it counts as
    /// confirmed. The token is taken from its masqueraded Contact or, without one there, made up.
    /// Fails when it has expired, when the table is full, or when AoR and Contact are there
    /// already.
    [[nodiscard]] base::Result<void> restore(Binding binding);

    /// Removes what is past its time; to be called at nextExpiry() or every few seconds. Look-ups
    /// do not depend on it. How many were removed.
    std::size_t expire();
    [[nodiscard]] std::optional<base::TimePoint> nextExpiry() const;

    /// That connection is no more. A binding behind a NAT goes with it; others are from now on
    /// reached by their Contact. How many are concerned.
    std::size_t connectionClosed(std::uint64_t connection);

    /// The outbound addresses have changed: rewrites the masqueraded Contacts that have none of them
    /// to the one of the same IP version (a name is of any); if there is none they stay for now. Each
    /// keeps its protocol, and its token, so that requests that still come by the old Contacts are
    /// told apart.
    void readdress(std::span<const Outside> ours);

    // --- look-ups; nullptr or empty: none

    /// Of any state.
    [[nodiscard]] const Binding* find(std::string_view token) const;
    /// Of any state. URI parameters do not count.
    [[nodiscard]] const Binding* find(const sip::Uri& aor, const sip::Uri& contact) const;

    [[nodiscard]] bool isLive(const Binding& binding) const;

    /// All live ones of an address-of-record, last confirmed first.
    [[nodiscard]] std::vector<const Binding*> byAor(const sip::Uri& aor) const;

    /// By the phone's Contact (user, host, port); with `aor` only one of that address-of-record,
    /// without it the one last confirmed (a phone may use one Contact for several accounts).
    [[nodiscard]] const Binding* byContact(const sip::Uri& contact,
                                           const sip::Uri* aor = nullptr) const;

    /// By a Contact that we have shown outside: by its token or, where the provider has lost that,
    /// the one last confirmed of `aor` whose masqueraded Contact has the same user, host and port.
    [[nodiscard]] const Binding* byMasqueraded(const sip::Uri& masqueraded,
                                               const sip::Uri& aor) const;

    /// Whom a request from outside may be meant for, best first: by Match, then last confirmed.
    /// Cost is that of the bindings with the user names in `requestUri` and `to`.
    [[nodiscard]] std::vector<Candidate> candidates(const sip::Uri& requestUri, const sip::Uri& to,
                                                    const base::SocketAddress& source) const;

    /// Whether a live binding came from this address or has it as the host of its Contact. (A
    /// Contact host that is the binding's provider or its outbound address does not count: what
    /// they send comes from outside.)
    [[nodiscard]] bool knowsHost(const base::IpAddress& ip) const;

    /// Live ones whose Contact has this host (without case, IPv6 without brackets), last confirmed
    /// first.
    [[nodiscard]] std::vector<const Binding*> byContactHost(std::string_view host) const;

    /// Live ones that we are the registrar of, by the user of their address-of-record, last
    /// confirmed first.
    [[nodiscard]] std::vector<const Binding*> ownByUser(std::string_view user) const;

    /// Whether a live binding is registered at a provider with this address.
    [[nodiscard]] bool knowsProvider(const base::IpAddress& ip) const;

    /// A live binding that we are the registrar of and whose REGISTER came from this address and
    /// port; nullptr: none.
    [[nodiscard]] const Binding* ownBySource(const base::SocketAddress& source) const;

    /// All confirmed bindings in the order of their serials, `expires` adjusted to the wall clock
    /// of now. Linear; for dumps.
    [[nodiscard]] std::vector<Binding> snapshot() const;

    [[nodiscard]] std::size_t size() const { return byToken_.size(); }
    [[nodiscard]] std::size_t confirmedCount() const { return confirmed_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }

private:
    struct Entry;
    /// From the hash of a key to those that have it; the key itself is compared in the entry.
    using Index = std::unordered_multimap<std::size_t, Entry*>;
    using ExpiryQueue = std::multimap<base::TimePoint, Entry*>;

    Entry* entry(std::string_view token) const;
    Entry* entry(const sip::Uri& aor, const sip::Uri& contact) const;
    [[nodiscard]] std::size_t contactsAt(const sip::Uri& aor, const base::IpAddress& provider) const;
    Entry& insert(Binding binding);
    void erase(Entry& entry);
    void setDeadline(Entry& entry, base::TimePoint deadline);
    void publish(Entry& entry);
    void unpublish(Entry& entry);
    void notifyChanged(const Entry& entry);
    [[nodiscard]] bool live(const Entry& entry) const;
    [[nodiscard]] std::string freshToken();
    [[nodiscard]] std::optional<base::Error> makeRoom();
    template <class Accept>
    [[nodiscard]] std::vector<Entry*> liveIn(const Index& index, std::size_t hash,
                                             Accept accept) const;

    const base::Clock& clock_;
    base::Random& random_;
    std::size_t capacity_;
    std::size_t confirmed_ = 0;
    std::uint64_t lastSerial_ = 0;
    std::uint64_t lastConfirmation_ = 0;
    std::vector<Listener*> listeners_;

    std::unordered_map<std::uint64_t, std::unique_ptr<Entry>> byToken_;  ///< token as a number
    ExpiryQueue expiry_;
    Index byPair_;  ///< AoR and Contact; all entries
    // Confirmed entries only:
    Index byAor_;
    Index byContact_;
    Index byContactHost_;
    Index byUser_;
    Index bySource_;      ///< those that we are the registrar of
    Index byConnection_;  ///< those that came by one
    std::unordered_map<base::IpAddress, std::uint32_t, base::AddressHash> hosts_;
    std::unordered_map<base::IpAddress, std::uint32_t, base::AddressHash> providers_;
};

}  // namespace siproxd::registrar
