// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar/location_table.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

#include "base/text.h"

namespace siproxd::registrar {

namespace {

std::size_t mix(std::size_t seed, std::size_t value) {
    return seed ^ (value + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2));
}

std::size_t hashText(std::string_view text) {
    return std::hash<std::string_view>{}(text);
}

/// Alike for all URIs that sameAddress() calls the same.
std::size_t hashAddress(const sip::Uri& uri) {
    if (!uri.isSip()) {
        return hashText(uri.opaque);
    }
    return mix(mix(hashText(uri.user), hashText(base::toLower(uri.host))), uri.portOrDefault());
}

std::size_t hashPair(const sip::Uri& aor, const sip::Uri& contact) {
    return mix(hashAddress(aor), hashAddress(contact));
}

/// Tokens as numbers; nothing for what is no token of ours. A peer may have changed their case.
std::optional<std::uint64_t> tokenNumber(std::string_view token) {
    std::uint64_t number = 0;
    const auto [end, error] =
        std::from_chars(token.data(), token.data() + token.size(), number, 16);
    static_assert(2 * kTokenBytes == 2 * sizeof number);
    if (token.size() != 2 * kTokenBytes || error != std::errc{} ||
        end != token.data() + token.size()) {
        return std::nullopt;
    }
    return number;
}

/// steady_clock counts nanoseconds in 64 bits; this keeps sums of it far from the end.
constexpr base::WallSeconds kLongest = UINT32_MAX;

std::chrono::seconds lifetime(base::WallSeconds expires, base::WallSeconds now) {
    return std::chrono::seconds(std::clamp(expires, now, now + kLongest) - now);
}

/// How well a request fits a binding whose user is in its request URI.
Match matchOfUser(const Binding& binding, const sip::Uri& requestUri, const sip::Uri& to,
                  const base::SocketAddress& source) {
    if (binding.aor.sameAddress(to)) {
        return Match::UserAndAor;
    }
    if (binding.provider && binding.provider == source) {
        return Match::UserAndProvider;
    }
    const bool sameDomain = base::equalsIgnoreCase(binding.aor.host, to.host) ||
                            base::equalsIgnoreCase(binding.aor.host, requestUri.host) ||
                            (binding.provider && binding.provider.ip == source.ip);
    return sameDomain ? Match::UserAndDomain : Match::User;
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

}  // namespace

struct LocationTable::Entry {
    Binding binding;
    std::unique_ptr<Binding> pending;  ///< what the next 2xx will make of a confirmed binding
    base::TimePoint deadline;          ///< unconfirmed: end of waiting; confirmed: expiry
    ExpiryQueue::iterator queued;
    std::uint64_t serial = 0;
    std::uint64_t confirmation = 0;  ///< rises from one confirmation to the next
    /// What this entry has added to hosts_; may be none.
    base::IpAddress sourceHost;
    base::IpAddress contactHost;
};

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
                                             std::string_view outboundHost,
                                             std::uint16_t outboundPort) {
    Entry* known = entry(registration.aor, registration.contact);
    if (known == nullptr) {
        if (auto full = makeRoom()) {
            return std::unexpected(*std::move(full));
        }
    }
    Binding next;
    next.aor = registration.aor;
    next.contact = registration.contact;
    next.source = registration.source;
    next.local = registration.local;
    next.provider = registration.provider;
    next.callId = registration.callId;
    next.cseq = registration.cseq;
    next.token = known != nullptr ? known->binding.token : freshToken();
    next.masqueraded =
        masqueradedContact(userOf(next.aor), outboundHost, outboundPort, next.token);
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

std::size_t LocationTable::removeAll(const sip::Uri& aor) {
    std::vector<Entry*> all;
    const auto [first, last] = byAor_.equal_range(hashAddress(aor));
    for (auto it = first; it != last; ++it) {
        if (it->second->binding.aor.sameAddress(aor)) {
            all.push_back(it->second);
        }
    }
    for (Entry* each : all) {
        erase(*each);
    }
    return all.size();
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

void LocationTable::readdress(std::string_view outboundHost, std::uint16_t outboundPort) {
    for (const auto& [token, each] : byToken_) {
        for (Binding* binding : {&each->binding, each->pending.get()}) {
            if (binding == nullptr) {
                continue;
            }
            const auto next = masqueradedContact(userOf(binding->masqueraded), outboundHost,
                                                 outboundPort, binding->token);
            if (!binding->masqueraded.sameAddress(next)) {
                binding->masqueraded = next;
                if (binding == &each->binding && binding->confirmed) {
                    notifyChanged(*each);
                }
            }
        }
    }
}

const Binding* LocationTable::find(std::string_view token) const {
    const Entry* const found = entry(token);
    return found == nullptr ? nullptr : &found->binding;
}

const Binding* LocationTable::find(const sip::Uri& aor, const sip::Uri& contact) const {
    const Entry* const found = entry(aor, contact);
    return found == nullptr ? nullptr : &found->binding;
}

bool LocationTable::isLive(const Binding& binding) const {
    const Entry* const found = entry(binding.token);
    return found != nullptr && live(*found);
}

/// Last confirmed first.
template <class Accept>
std::vector<LocationTable::Entry*> LocationTable::liveIn(const Index& index, std::size_t hash,
                                                         Accept accept) const {
    std::vector<Entry*> found;
    const auto [first, last] = index.equal_range(hash);
    for (auto it = first; it != last; ++it) {
        if (live(*it->second) && accept(it->second->binding)) {
            found.push_back(it->second);
        }
    }
    std::sort(found.begin(), found.end(), [](const Entry* a, const Entry* b) {
        return a->confirmation > b->confirmation;
    });
    return found;
}

std::vector<const Binding*> LocationTable::byAor(const sip::Uri& aor) const {
    std::vector<const Binding*> found;
    for (const Entry* each : liveIn(byAor_, hashAddress(aor), [&](const Binding& binding) {
             return binding.aor.sameAddress(aor);
         })) {
        found.push_back(&each->binding);
    }
    return found;
}

const Binding* LocationTable::byContact(const sip::Uri& contact, const sip::Uri* aor) const {
    if (aor != nullptr) {
        const Entry* const found = entry(*aor, contact);
        return found != nullptr && live(*found) ? &found->binding : nullptr;
    }
    const auto found = liveIn(byContact_, hashAddress(contact), [&](const Binding& binding) {
        return binding.contact.sameAddress(contact);
    });
    return found.empty() ? nullptr : &found.front()->binding;
}

const Binding* LocationTable::byMasqueraded(const sip::Uri& masqueraded,
                                            const sip::Uri& aor) const {
    if (const Entry* const found = entry(tokenOf(masqueraded)); found != nullptr && live(*found)) {
        return &found->binding;
    }
    const auto found = liveIn(byAor_, hashAddress(aor), [&](const Binding& binding) {
        return binding.aor.sameAddress(aor) && binding.masqueraded.sameAddress(masqueraded);
    });
    return found.empty() ? nullptr : &found.front()->binding;
}

std::vector<Candidate> LocationTable::candidates(const sip::Uri& requestUri, const sip::Uri& to,
                                                 const base::SocketAddress& source) const {
    if (const Entry* const named = entry(tokenOf(requestUri)); named != nullptr && live(*named)) {
        return {{&named->binding, Match::Token}};
    }
    const auto user = userOf(requestUri);
    const auto toUser = userOf(to);
    const auto isRequested = [user](const Binding& binding) {
        return userOf(binding.masqueraded) == user;
    };
    std::vector<Candidate> found;
    for (const Entry* each : liveIn(byUser_, hashText(user), isRequested)) {
        found.push_back({&each->binding, matchOfUser(each->binding, requestUri, to, source)});
    }
    for (const Binding* binding : byAor(to)) {
        if (!isRequested(*binding)) {
            found.push_back({binding, Match::Aor});
        }
    }
    for (const Entry* each : liveIn(byUser_, hashText(toUser), [&](const Binding& binding) {
             return userOf(binding.masqueraded) == toUser && !isRequested(binding) &&
                    !binding.aor.sameAddress(to);
         })) {
        found.push_back({&each->binding, Match::ToUser});
    }
    // Stable: within one Match they stand in the order of confirmation, last first.
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.match < b.match; });
    return found;
}

bool LocationTable::knowsHost(const base::IpAddress& ip) const {
    return hosts_.contains(ip);
}

std::vector<Binding> LocationTable::snapshot() const {
    std::vector<const Entry*> entries;
    entries.reserve(confirmed_);
    for (const auto& [token, each] : byToken_) {
        if (each->binding.confirmed) {
            entries.push_back(each.get());
        }
    }
    std::sort(entries.begin(), entries.end(),
              [](const Entry* a, const Entry* b) { return a->serial < b->serial; });
    std::vector<Binding> bindings;
    bindings.reserve(entries.size());
    for (const Entry* each : entries) {
        bindings.push_back(each->binding);
        bindings.back().expires = expiryOnWall(each->binding.expires,
                                               each->deadline - clock_.now(), clock_.wallNow());
    }
    return bindings;
}

LocationTable::Entry* LocationTable::entry(std::string_view token) const {
    const auto number = tokenNumber(token);
    const auto found = number ? byToken_.find(*number) : byToken_.end();
    return found == byToken_.end() ? nullptr : found->second.get();
}

LocationTable::Entry* LocationTable::entry(const sip::Uri& aor, const sip::Uri& contact) const {
    const auto [first, last] = byPair_.equal_range(hashPair(aor, contact));
    for (auto it = first; it != last; ++it) {
        const Binding& binding = it->second->binding;
        if (binding.aor.sameAddress(aor) && binding.contact.sameAddress(contact)) {
            return it->second;
        }
    }
    return nullptr;
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
    byUser_.emplace(hashText(userOf(binding.masqueraded)), &entry);
    entry.sourceHost = binding.source.ip;
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
    eraseFrom(byUser_, hashText(userOf(binding.masqueraded)), &entry);
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

bool LocationTable::live(const Entry& entry) const {
    return entry.binding.confirmed && clock_.now() <= entry.deadline + kGrace;
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
