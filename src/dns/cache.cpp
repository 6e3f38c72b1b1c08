// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cache.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace siproxd::dns {

void Cache::storeAddresses(std::string_view host, base::Family family, Addresses addresses,
                           base::Duration ttl) {
    store(host, family, std::move(addresses), std::clamp(ttl, limits_.minTtl, limits_.maxTtl));
}

void Cache::storeNegative(std::string_view host, base::Family family, base::Error error) {
    store(host, family, std::unexpected(std::move(error)), limits_.negativeTtl);
}

void Cache::storeFailure(std::string_view host, base::Family family, base::Error error) {
    store(host, family, std::unexpected(std::move(error)), limits_.failureTtl);
}

const Answer* Cache::find(std::string_view host, base::Family family) {
    const auto found = byKey_.find(questionKey(host, family));
    if (found == byKey_.end()) {
        return nullptr;
    }
    const auto entry = found->second;
    if (entry->expires <= clock_.now()) {
        byKey_.erase(found);
        entries_.erase(entry);
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    return &entry->answer;
}

void Cache::clear() {
    byKey_.clear();
    entries_.clear();
}

void Cache::store(std::string_view host, base::Family family, Answer answer, base::Duration ttl) {
    std::string key = questionKey(host, family);
    const auto expires = clock_.now() + ttl;
    if (const auto found = byKey_.find(key); found != byKey_.end()) {
        found->second->answer = std::move(answer);
        found->second->expires = expires;
        entries_.splice(entries_.begin(), entries_, found->second);
        return;
    }
    entries_.push_front({std::move(key), std::move(answer), expires});
    byKey_.emplace(entries_.front().key, entries_.begin());
    while (entries_.size() > limits_.entries) {
        byKey_.erase(entries_.back().key);
        entries_.pop_back();
    }
}

std::string questionKey(std::string_view host, base::Family family) {
    std::string key = base::toLower(host);
    switch (family) {
        case base::Family::V4:
            return key + "/A";
        case base::Family::V6:
            return key + "/AAAA";
        case base::Family::None:
            break;
    }
    return key + "/*";
}

}  // namespace siproxd::dns
