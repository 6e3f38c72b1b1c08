// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace siproxd::dns {

using Addresses = std::vector<base::IpAddress>;

/// The addresses of a host (at least one, in the order the name server gave them), or why there are
/// none.
using Answer = base::Result<Addresses>;

/// A question under way. Destroying it cancels: the callback never runs after that. It may be kept
/// when it has been answered, it may be destroyed by its own callback, and it may outlive the
/// resolver (which then never answers).
class Query {
public:
    Query() = default;
    /// For resolvers: the answer is wanted as long as `waiter` lives.
    explicit Query(std::shared_ptr<void> waiter) : waiter_(std::move(waiter)) {}
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    Query(Query&&) noexcept = default;
    Query& operator=(Query&&) noexcept = default;
    ~Query() = default;

    void cancel() { waiter_.reset(); }

private:
    // Shared, because the resolver holds on to it while it runs the callback.
    std::shared_ptr<void> waiter_;
};

/// Turns host names into addresses without ever blocking.
class Resolver {
public:
    using Callback = std::function<void(const Answer&)>;

    virtual ~Resolver() = default;

    /// Asks for addresses of `host`: a name, or an address as in a SIP URI (brackets or not), which
    /// is its own answer. `family` V4 or V6 chooses A or AAAA records; None wants both, IPv4 first.
    ///
    /// `callback` runs exactly once unless the query is cancelled, always later from the loop,
    /// never inside this call, and within the resolver's deadline. It may do anything, destroying
    /// the resolver included.
    [[nodiscard]] virtual Query resolve(std::string_view host, base::Family family,
                                        Callback callback) = 0;

    /// The answer, if no waiting is needed for it: the host is an address or no valid name, or its
    /// answer (good or bad) is cached. Saves the common case a turn of the loop.
    [[nodiscard]] virtual std::optional<Answer> known(std::string_view host,
                                                      base::Family family) = 0;
};

/// Whether `name` may be looked up: RFC 1035 lengths, labels of letters, digits, hyphens (not at
/// the ends) and underscores, an optional dot behind the last, which is not all digits.
[[nodiscard]] bool isHostName(std::string_view name);

}  // namespace siproxd::dns
