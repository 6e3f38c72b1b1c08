// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/location_table.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "registrar/location_entry.h"

namespace siproxd::registrar {

using location::hashAddress;
using location::hashHost;
using location::hashPair;
using location::hashText;
using location::tokenNumber;

namespace {

/// steady_clock counts nanoseconds in 64 bits; this keeps sums of it far from the end.
constexpr base::WallSeconds kLongest = UINT32_MAX;

std::chrono::seconds lifetime(base::WallSeconds expires, base::WallSeconds now) {
    return std::chrono::seconds(std::clamp(expires, now, now + kLongest) - now);
}

template <class Index, class Entry>
void eraseFrom(Index& index, std::size_t hash, Entry* entry) {
    const auto [first, last] = index.equal_range(hash);
    const auto found =
        std::find_if(first, last, [&](const auto& each) { return each.second == entry; });
    if (found != last) {
        index.erase(found);
    }
}

base::Family familyOf(std::string_view host) {
    const auto ip = base::IpAddress::parse(host);
    return ip ? ip->family() : base::Family::None;
}

/// Which of our addresses takes the place of a Contact's host; nothing: none can.
std::optional<Outside> standsFor(const std::string& host, std::span<const Outside> ours) {
    const auto same = std::ranges::find_if(
        ours, [&](const Outside& one) { return base::equalsIgnoreCase(one.host, host); });
    if (same != ours.end()) {
        return *same;
    }
    const auto family = familyOf(host);
    const auto similar = std::ranges::find_if(ours, [family](const Outside& one) {
        const auto other = familyOf(one.host);
        return family == base::Family::None || other == base::Family::None || other == family;
    });
    return similar != ours.end() ? std::optional(*similar) : std::nullopt;
}

}  // namespace

LocationTable::LocationTable(const base::Clock& clock, base::Random& random, std::size_t capacity)
    : clock_(clock), random_(random), capacity_(capacity) {}

LocationTable::~LocationTable() = default;

void LocationTable::addListener(Listener& listener) {
    listeners_.push_back(&listener);
}

void LocationTable::removeListener(Listener& listener) {
    std::erase(listeners_, &listener);
}

base::Result<Binding> LocationTable::prepare(const Registration& registration,
                                             const Outside& outside) {
    Entry* known = entry(registration.aor, registration.contact);
    if (known == nullptr) {
        if (contactsAt(registration.aor, registration.provider.ip) >= kMostContacts) {
            return base::fail(base::printable(registration.aor.userAtHost()) + " has " +
                              std::to_string(kMostContacts) + " contacts");
        }
        if (auto full = makeRoom()) {
            return std::unexpected(*std::move(full));
        }
    }
    Binding next;
    next.aor = registration.aor;
    next.contact = registration.contact;
    next.flow = registration.flow;
    next.path = registration.path;
    next.natted = registration.natted;
    next.q = registration.q;
    next.provider = registration.provider;
    next.callId = registration.callId;
    next.cseq = registration.cseq;
    next.token = known != nullptr ? known->binding.token : freshToken();
    next.masqueraded =
        masqueradedContact(userOf(next.aor), outside, next.token, next.contact.isSips());
    if (known != nullptr) {
        // A provider that knows this Contact without a token would take one with it for a second
        // phone.
        const auto& old = known->binding.masqueraded;
        if (tokenOf(old).empty() && old.sameAddress(next.masqueraded)) {
            next.masqueraded = old;
        }
        if (live(*known)) {
            next.expires = known->binding.expires;
            next.confirmed = true;
            known->pending = std::make_unique<Binding>(next);
            return next;
        }
        // What has expired or was never confirmed begins anew, under the same token.
        erase(*known);
    }
    setDeadline(insert(next), clock_.now() + kUnconfirmedLifetime);
    return next;
}

const Binding* LocationTable::confirm(std::string_view token, std::uint32_t expiresIn) {
    Entry* const found = entry(token);
    if (found == nullptr) {
        return nullptr;
    }
    if (expiresIn == 0) {
        erase(*found);
        return nullptr;
    }
    if (found->binding.confirmed) {
        unpublish(*found);
    }
    if (found->pending) {
        found->binding = std::move(*found->pending);
        found->pending.reset();
    }
    found->binding.confirmed = true;
    found->binding.expires = clock_.wallNow() + expiresIn;
    setDeadline(*found, clock_.now() + std::chrono::seconds(expiresIn));
    publish(*found);
    notifyChanged(*found);
    return &found->binding;
}

void LocationTable::abandon(std::string_view token) {
    Entry* const found = entry(token);
    if (found == nullptr) {
        return;
    }
    if (found->binding.confirmed) {
        found->pending.reset();
    } else {
        erase(*found);
    }
}

bool LocationTable::remove(std::string_view token) {
    Entry* const found = entry(token);
    if (found == nullptr) {
        return false;
    }
    erase(*found);
    return true;
}

std::size_t LocationTable::contactsAt(const sip::Uri& aor, const base::IpAddress& provider) const {
    const auto [first, last] = byAor_.equal_range(hashAddress(aor));
    return static_cast<std::size_t>(std::count_if(first, last, [&](const auto& known) {
        const auto& binding = known.second->binding;
        return binding.aor.sameAddress(aor) && binding.provider.ip == provider;
    }));
}

base::Result<void> LocationTable::restore(Binding binding) {
    const auto left = lifetime(binding.expires, clock_.wallNow());
    if (left == left.zero()) {
        return base::fail("registration of " + binding.aor.userAtHost() + " has expired");
    }
    if (entry(binding.aor, binding.contact) != nullptr) {
        return base::fail("registration of " + binding.aor.userAtHost() + " is there already");
    }
    if (auto full = makeRoom()) {
        return std::unexpected(*std::move(full));
    }
    binding.token = tokenOf(binding.masqueraded);
    if (const auto number = tokenNumber(binding.token); !number || byToken_.contains(*number)) {
        const bool damaged = !binding.token.empty();
        binding.token = freshToken();
        if (damaged) {
            binding.masqueraded.params.set(kTokenParam, binding.token);
        }
    }
    binding.confirmed = true;
    binding.expires = clock_.wallNow() + left.count();
    Entry& added = insert(std::move(binding));
    setDeadline(added, clock_.now() + left);
    publish(added);
    notifyChanged(added);
    return {};
}

std::size_t LocationTable::expire() {
    const auto now = clock_.now();
    std::size_t count = 0;
    while (!expiry_.empty() && expiry_.begin()->first < now) {
        erase(*expiry_.begin()->second);
        ++count;
    }
    return count;
}

std::optional<base::TimePoint> LocationTable::nextExpiry() const {
    if (expiry_.empty()) {
        return std::nullopt;
    }
    return expiry_.begin()->first + base::Duration(1);
}

std::size_t LocationTable::connectionClosed(std::uint64_t connection) {
    std::vector<Entry*> all;
    const auto [first, last] = byConnection_.equal_range(connection);
    for (auto it = first; it != last; ++it) {
        all.push_back(it->second);
    }
    for (Entry* each : all) {
        if (each->binding.natted) {
            erase(*each);
            continue;
        }
        eraseFrom(byConnection_, connection, each);
        each->binding.flow.connection = 0;
        notifyChanged(*each);
    }
    return all.size();
}

void LocationTable::readdress(std::span<const Outside> ours) {
    for (const auto& [token, each] : byToken_) {
        for (Binding* binding : {&each->binding, each->pending.get()}) {
            if (binding == nullptr) {
                continue;
            }
            const auto& old = binding->masqueraded;
            auto same = standsFor(old.host, ours);
            if (!same) {
                continue;
            }
            same->protocol = base::protocolFromVia(old.params.value("transport").value_or("udp"))
                                .value_or(base::Protocol::Udp);
            const auto next =
                masqueradedContact(userOf(old), *same, binding->token, old.isSips());
            if (!binding->masqueraded.sameAddress(next)) {
                binding->masqueraded = next;
                if (binding == &each->binding && binding->confirmed) {
                    notifyChanged(*each);
                }
            }
        }
    }
}

LocationTable::Entry& LocationTable::insert(Binding binding) {
    auto made = std::make_unique<Entry>();
    Entry& added = *made;
    added.binding = std::move(binding);
    added.serial = ++lastSerial_;
    added.queued = expiry_.end();
    byPair_.emplace(hashPair(added.binding.aor, added.binding.contact), &added);
    byToken_.emplace(*tokenNumber(added.binding.token), std::move(made));
    return added;
}

void LocationTable::erase(Entry& entry) {
    const bool wasConfirmed = entry.binding.confirmed;
    if (wasConfirmed) {
        unpublish(entry);
    }
    eraseFrom(byPair_, hashPair(entry.binding.aor, entry.binding.contact), &entry);
    expiry_.erase(entry.queued);
    // Out of the map, but alive until the listeners have seen it.
    const auto gone = byToken_.extract(*tokenNumber(entry.binding.token));
    if (wasConfirmed) {
        for (Listener* each : listeners_) {
            each->bindingGone(entry.serial, entry.binding);
        }
    }
}

void LocationTable::setDeadline(Entry& entry, base::TimePoint deadline) {
    if (entry.queued != expiry_.end()) {
        expiry_.erase(entry.queued);
    }
    entry.deadline = deadline;
    const auto grace = entry.binding.confirmed ? kGrace : std::chrono::seconds::zero();
    entry.queued = expiry_.emplace(deadline + grace, &entry);
}

/// Enters a confirmed binding where calls find it.
void LocationTable::publish(Entry& entry) {
    const Binding& binding = entry.binding;
    ++confirmed_;
    entry.confirmation = ++lastConfirmation_;
    byAor_.emplace(hashAddress(binding.aor), &entry);
    byContact_.emplace(hashAddress(binding.contact), &entry);
    byContactHost_.emplace(hashHost(binding.contact.host), &entry);
    byUser_.emplace(hashText(userOf(binding.masqueraded)), &entry);
    if (!binding.provider && binding.flow.remote) {
        bySource_.emplace(base::AddressHash{}(binding.flow.remote), &entry);
    } else if (binding.provider) {
        ++providers_[binding.provider.ip];
    }
    if (binding.flow.connection != 0) {
        byConnection_.emplace(binding.flow.connection, &entry);
    }
    entry.sourceHost = binding.flow.remote.ip;
    entry.contactHost = base::IpAddress::parse(binding.contact.host).value_or(base::IpAddress{});
    if (entry.contactHost == binding.provider.ip || entry.contactHost == entry.sourceHost ||
        base::equalsIgnoreCase(binding.contact.host, binding.masqueraded.host)) {
        entry.contactHost = {};
    }
    for (const auto& ip : {entry.sourceHost, entry.contactHost}) {
        if (ip) {
            ++hosts_[ip];
        }
    }
}

void LocationTable::unpublish(Entry& entry) {
    const Binding& binding = entry.binding;
    --confirmed_;
    eraseFrom(byAor_, hashAddress(binding.aor), &entry);
    eraseFrom(byContact_, hashAddress(binding.contact), &entry);
    eraseFrom(byContactHost_, hashHost(binding.contact.host), &entry);
    eraseFrom(byUser_, hashText(userOf(binding.masqueraded)), &entry);
    eraseFrom(bySource_, base::AddressHash{}(binding.flow.remote), &entry);
    eraseFrom(byConnection_, binding.flow.connection, &entry);
    if (const auto found = providers_.find(binding.provider.ip);
        binding.provider && found != providers_.end() && --found->second == 0) {
        providers_.erase(found);
    }
    for (const auto& ip : {entry.sourceHost, entry.contactHost}) {
        if (const auto host = hosts_.find(ip); host != hosts_.end() && --host->second == 0) {
            hosts_.erase(host);
        }
    }
}

void LocationTable::notifyChanged(const Entry& entry) {
    for (Listener* each : listeners_) {
        each->bindingChanged(entry.serial, entry.binding, entry.deadline);
    }
}

std::string LocationTable::freshToken() {
    auto token = random_.hex(kTokenBytes);
    while (byToken_.contains(*tokenNumber(token))) {
        token = random_.hex(kTokenBytes);
    }
    return token;
}

std::optional<base::Error> LocationTable::makeRoom() {
    if (byToken_.size() >= capacity_) {
        expire();
    }
    if (byToken_.size() >= capacity_) {
        return base::Error{"URLMAP is full - registration failed (" + std::to_string(capacity_) +
                           " bindings)"};
    }
    return std::nullopt;
}

}  // namespace siproxd::registrar
