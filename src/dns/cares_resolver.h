// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "dns/cache.h"
#include "dns/resolver.h"
#include "event/loop.h"

namespace siproxd::dns {

struct ResolverSettings {
    /// Name servers to ask. Empty: those of /etc/resolv.conf, with its search list, read again when
    /// the file changes.
    std::vector<base::SocketAddress> servers{};

    /// Longest time until a query is answered, with an error if need be.
    base::Duration deadline = std::chrono::seconds(5);

    /// How long one server has for its first answer; the second try waits twice as long.
    base::Duration tryTimeout = std::chrono::milliseconds(1500);

    /// Tries per server.
    int tries = 2;

    /// Lookups on their way at once; what is more is answered with an error.
    std::size_t maxLookups = 256;

    CacheLimits cache{};
};

/// A resolver on c-ares: /etc/hosts first, then DNS. Queries for one name share a lookup. The loop
/// must outlive it. /etc/resolv.conf is read here, so call it before a chroot.
[[nodiscard]] base::Result<std::unique_ptr<Resolver>> makeCaresResolver(event::Loop& loop,
                                                                        ResolverSettings settings);

}  // namespace siproxd::dns
