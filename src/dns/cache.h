// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/address.h"
#include "base/clock.h"
#include "dns/resolver.h"

namespace siproxd::dns {

struct CacheLimits {
    std::size_t entries = 1024;
    base::Duration minTtl = std::chrono::seconds(1);
    base::Duration maxTtl = std::chrono::hours(24);
    base::Duration negativeTtl = std::chrono::seconds(30);  ///< the name does not exist
    base::Duration failureTtl = std::chrono::seconds(5);    ///< no name server could say
};

/// Answers by host name and family, each for its time to live. When it is full the one that was
/// not asked for the longest time goes. Names are compared without case.
class Cache {
public:
    /// The clock must outlive the cache.
    Cache(const base::Clock& clock, const CacheLimits& limits) : clock_(clock), limits_(limits) {}

    /// `ttl` is taken into the limits. `addresses` is not empty.
    void storeAddresses(std::string_view host, base::Family family, Addresses addresses,
                        base::Duration ttl);
    /// The name has no such addresses, as a name server says.
    void storeNegative(std::string_view host, base::Family family, base::Error error);
    /// It could not be found out.
    void storeFailure(std::string_view host, base::Family family, base::Error error);

    /// Null when there is none or its time is over. Good until the next store.
    [[nodiscard]] const Answer* find(std::string_view host, base::Family family);

    void clear();
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::string key;
        Answer answer;
        base::TimePoint expires;
    };
    using Entries = std::list<Entry>;

    void store(std::string_view host, base::Family family, Answer answer, base::Duration ttl);

    const base::Clock& clock_;
    CacheLimits limits_;
    Entries entries_;  ///< the most recently used one in front
    std::unordered_map<std::string_view, Entries::iterator> byKey_;  ///< views of Entry::key
};

/// How a cache or a table of lookups names a question.
[[nodiscard]] std::string questionKey(std::string_view host, base::Family family);

}  // namespace siproxd::dns
