// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <charconv>
#include <functional>

#include "base/text.h"
#include "registrar/location_entry.h"

namespace siproxd::registrar {

namespace location {

namespace {

std::size_t mix(std::size_t seed, std::size_t value) {
    return seed ^ (value + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2));
}

}  // namespace

std::size_t hashText(std::string_view text) {
    return base::StringHash{}(text);
}

std::size_t hashHost(std::string_view host) { return hashText(base::toLower(host)); }

std::size_t hashAddress(const sip::Uri& uri) {
    if (!uri.isSip()) {
        return hashText(uri.opaque);
    }
    return mix(mix(hashText(uri.user), hashText(base::toLower(uri.host))), uri.portOrDefault());
}

std::size_t hashPair(const sip::Uri& aor, const sip::Uri& contact) {
    return mix(hashAddress(aor), hashAddress(contact));
}

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

}  // namespace location

using location::hashAddress;
using location::hashHost;
using location::hashPair;
using location::hashText;
using location::tokenNumber;

namespace {

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

}  // namespace

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
    std::sort(found.begin(), found.end(),
              [](const Entry* a, const Entry* b) { return a->confirmation > b->confirmation; });
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

std::vector<const Binding*> LocationTable::byContactHost(std::string_view host) const {
    std::vector<const Binding*> found;
    for (const Entry* each : liveIn(byContactHost_, hashHost(host), [host](const Binding& binding) {
             return base::equalsIgnoreCase(binding.contact.host, host);
         })) {
        found.push_back(&each->binding);
    }
    return found;
}

std::vector<const Binding*> LocationTable::ownByUser(std::string_view user) const {
    std::vector<const Binding*> found;
    for (const Entry* each : liveIn(byUser_, hashText(user), [user](const Binding& binding) {
             return !binding.provider && userOf(binding.aor) == user;
         })) {
        found.push_back(&each->binding);
    }
    return found;
}

bool LocationTable::knowsProvider(const base::IpAddress& ip) const {
    return providers_.contains(ip);
}

const Binding* LocationTable::ownBySource(const base::SocketAddress& source) const {
    const auto found =
        liveIn(bySource_, base::AddressHash{}(source),
               [&source](const Binding& binding) { return binding.flow.remote == source; });
    return found.empty() ? nullptr : &found.front()->binding;
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
        bindings.back().expires =
            expiryOnWall(each->binding.expires, each->deadline - clock_.now(), clock_.wallNow());
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

bool LocationTable::live(const Entry& entry) const {
    return entry.binding.confirmed && clock_.now() <= entry.deadline + kGrace;
}

}  // namespace siproxd::registrar
