// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "dns/cache.h"
#include "dns/records.h"
#include "event/loop.h"

namespace siproxd::dns {

/// How to ask. Times are longer than 0; the defaults of what has a directive (dns_servers,
/// dns_timeout, dns_tries, dns_dummy_addresses) are those of the directive.
struct ResolverSettings {
    /// Name servers to ask. Empty: those of /etc/resolv.conf (127.0.0.1 when it names none), with
    /// its search list, read again when the file changes.
    std::vector<base::SocketAddress> servers{};

    /// Longest time until a query is answered, with an error if need be.
    base::Duration deadline = std::chrono::seconds(5);

    /// How long a name server has for its answer. Each time that none comes the next server is
    /// asked and has longer: twice this time, three times, and so on, but `deadline` ends it all.
    base::Duration firstTimeout = std::chrono::milliseconds(800);

    /// How often a question is sent in all, 1 to 10.
    int tries = 3;

    /// Begin each question with another server. resolv.conf may ask for it as well.
    bool rotate = false;

    /// Whether an address is one of those that some name servers give for names that do not exist:
    /// a name whose first address is one is unknown. Empty: none is.
    std::function<bool(const base::IpAddress&)> isDummy{};

    /// The only family whose addresses are looked up; None: both.
    base::Family family = base::Family::None;

    /// Lookups on their way at once; what is more is answered with an error.
    std::size_t maxLookups = 512;

    CacheLimits cache{};  ///< of what is remembered
};

/// A resolver on c-ares: /etc/hosts first, then DNS, by TCP what is too long for UDP. Questions
/// that are alike share a lookup.
class CaresResolver : public RecordResolver {
public:
    /// Takes other settings and forgets all answers. Questions under way are asked again. On error
    /// the old settings stay.
    [[nodiscard]] virtual base::Result<void> setSettings(ResolverSettings settings) = 0;

    /// The machine has other addresses: what was learned, and which servers are silent, may not hold
    /// any more. All answers are forgotten, questions under way are asked again.
    virtual void networkChanged() = 0;
};

/// The loop must outlive the resolver. /etc/resolv.conf is read here, so call it before a chroot.
[[nodiscard]] base::Result<std::unique_ptr<CaresResolver>>
makeCaresResolver(event::Loop& loop, ResolverSettings settings);

}  // namespace siproxd::dns
