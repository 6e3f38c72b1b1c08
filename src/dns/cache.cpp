// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/cache.h"

#include <algorithm>
#include <utility>

namespace siproxd::dns {

void Cache::storeRecords(const Question& question, Records records, base::Duration ttl) {
    store(question, std::move(records), std::clamp(ttl, limits_.minTtl, limits_.maxTtl));
}

void Cache::storeNegative(const Question& question, base::Error error) {
    store(question, std::unexpected(std::move(error)), limits_.negativeTtl);
}

void Cache::storeFailure(const Question& question, base::Error error) {
    store(question, std::unexpected(std::move(error)), limits_.failureTtl);
}

const RecordAnswer* Cache::find(const Question& question) {
    const auto found = byKey_.find(question.key());
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

void Cache::setLimits(const CacheLimits& limits) {
    limits_ = limits;
    trim();
}

void Cache::store(const Question& question, RecordAnswer answer, base::Duration ttl) {
    std::string key = question.key();
    const auto expires = clock_.now() + ttl;
    if (const auto found = byKey_.find(key); found != byKey_.end()) {
        found->second->answer = std::move(answer);
        found->second->expires = expires;
        entries_.splice(entries_.begin(), entries_, found->second);
        return;
    }
    entries_.push_front({std::move(key), std::move(answer), expires});
    byKey_.emplace(entries_.front().key, entries_.begin());
    trim();
}

void Cache::trim() {
    while (entries_.size() > limits_.entries) {
        byKey_.erase(entries_.back().key);
        entries_.pop_back();
    }
}

}  // namespace siproxd::dns
