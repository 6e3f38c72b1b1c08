// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/flow.h"
#include "base/random.h"
#include "base/result.h"
#include "dns/dead_servers.h"
#include "dns/records.h"
#include "dns/resolver.h"
#include "event/loop.h"

namespace siproxd::dns {

/// Where a request may be sent.
struct Service {
    base::Protocol protocol = base::Protocol::Udp;
    base::SocketAddress address;
    /// The name that a TLS certificate must be for: the domain that was asked for, whatever NAPTR
    /// and SRV made of it (RFC 5922 §4).
    std::string host;

    friend bool operator==(const Service&, const Service&) = default;
};

/// What a request's next hop says of where to send it, and what we can do.
struct Wanted {
    std::string host;                           ///< a name, or an address (brackets or not)
    std::uint16_t port = 0;                     ///< 0: none
    std::optional<base::Protocol> transport{};  ///< the URI's `transport` parameter
    bool secure = false;                        ///< the URI is `sips`: TLS only
    /// The request is too long for UDP (RFC 3261 §18.1.1): TCP and TLS come before UDP, and TCP is
    /// tried even where only UDP would be. Has no effect when `transport` is given.
    bool large = false;
    /// What we can send by, the best first. It decides where the domain leaves the choice to us.
    std::vector<base::Protocol> protocols{base::Protocol::Udp, base::Protocol::Tcp,
                                          base::Protocol::Tls};
    base::Family families = base::Family::None;  ///< the only one that we can use; None: both
    base::Family preferred = base::Family::V4;   ///< the one that comes first, where there are both
};

/// At least one service, in the order to try them in; at most 16. Or why there is none.
using Located = base::Result<std::vector<Service>>;

/// Finds the servers of a SIP URI (RFC 3263 §4): by NAPTR, SRV with its weights, and addresses.
/// Servers that are known to be dead come last, but are never left out.
class Locator {
public:
    using Callback = std::function<void(const Located&)>;

    virtual ~Locator() = default;

    /// `callback` runs exactly once unless the query is cancelled, always later from the loop,
    /// never inside this call, and within the locator's deadline. It may do anything. A query that
    /// outlives the locator is never answered.
    [[nodiscard]] virtual Query locate(const Wanted& wanted, Callback callback) = 0;

    /// The answer, if all that is needed for it is cached. Weights are drawn anew each time.
    [[nodiscard]] virtual std::optional<Located> known(const Wanted& wanted) = 0;
};

struct LocatorSettings {
    /// Longest time until locate() answers, with what it has or an error.
    base::Duration deadline = std::chrono::seconds(5);
    /// What name servers have of it to say whether there are NAPTR and SRV records; then it goes on
    /// as if there were none. (Some forwarders never answer such questions.)
    base::Duration recordPatience = std::chrono::seconds(3);
    /// How long the servers that have an address wait for those that have none yet.
    base::Duration targetPatience = std::chrono::seconds(1);
};

/// All references must outlive the locator.
[[nodiscard]] std::unique_ptr<Locator> makeLocator(event::Loop& loop, RecordResolver& resolver,
                                                   const DeadServers& dead, base::Random& random,
                                                   const LocatorSettings& settings = {});

}  // namespace siproxd::dns
