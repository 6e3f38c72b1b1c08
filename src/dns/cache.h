// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "dns/records.h"

namespace siproxd::dns {

/// How much is remembered, and for how long. minTtl is at most maxTtl.
struct CacheLimits {
    std::size_t entries = 1024;  ///< 0: nothing is remembered
    /// A shorter or longer time to live is taken for these.
    base::Duration minTtl = std::chrono::seconds(1);
    base::Duration maxTtl = std::chrono::hours(24);
    base::Duration negativeTtl = std::chrono::seconds(30);  ///< the name does not exist
    base::Duration failureTtl = std::chrono::seconds(5);    ///< no name server could say

    friend bool operator==(const CacheLimits&, const CacheLimits&) = default;
};

/// Answers by name and type, each for its time to live. When it is full the one that was not asked
/// for the longest time goes. Names are compared without case.
class Cache {
public:
    /// The clock must outlive the cache.
    Cache(const base::Clock& clock, const CacheLimits& limits) : clock_(clock), limits_(limits) {}

    /// `ttl` is taken into the limits. `records` are of the question's type and not empty.
    void storeRecords(const Question& question, Records records, base::Duration ttl);
    /// The name has no such records, as a name server says.
    void storeNegative(const Question& question, base::Error error);
    /// It could not be found out.
    void storeFailure(const Question& question, base::Error error);

    /// Null when there is none or its time is over. Good until the next store.
    [[nodiscard]] const RecordAnswer* find(const Question& question);

    void clear();
    /// Holds for what is stored from now on.
    void setLimits(const CacheLimits& limits);
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::string key;
        RecordAnswer answer;
        base::TimePoint expires;
    };
    using Entries = std::list<Entry>;

    void store(const Question& question, RecordAnswer answer, base::Duration ttl);
    void trim();

    const base::Clock& clock_;
    CacheLimits limits_;
    Entries entries_;  ///< the most recently used one in front
    std::unordered_map<std::string_view, Entries::iterator> byKey_;  ///< views of Entry::key
};

}  // namespace siproxd::dns
