// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <optional>

#include "base/address.h"
#include "kernel/flow_table.h"
#include "media/leg.h"
#include "net/route.h"

namespace siproxd::media {

/// What the streams need of the relay in the kernel. Its table may be used by all media threads, each
/// for the ports of its own streams.
class KernelFlows {
public:
    using OnRoute = std::function<void(std::optional<net::Route>)>;

    virtual ~KernelFlows() = default;

    /// Finds the way from our address to a peer's. `onRoute` comes from another thread, perhaps before
    /// this returns.
    virtual void findRoute(const base::IpAddress& source, const base::IpAddress& destination,
                           OnRoute onRoute) = 0;

    /// Returns when no onRoute is going to be called any more for what has been asked.
    virtual void drain() = 0;

    /// What comes to `leg` (its port is that of flow.local), as kernel::FlowTable has it.
    virtual void put(Leg leg, const kernel::Flow& flow, const siproxd_reception& reception) = 0;
    virtual void learn(Leg leg, std::uint16_t port, std::uint32_t clock) = 0;
    virtual void setReception(Leg leg, std::uint16_t port, const siproxd_reception& reception) = 0;
    /// Any thread.
    virtual void take(Leg leg, std::uint16_t port) = 0;
    [[nodiscard]] virtual kernel::FlowFigures figures(Leg leg, std::uint16_t port) const = 0;
    [[nodiscard]] virtual siproxd_reception reception(Leg leg, std::uint16_t port) const = 0;
};

}  // namespace siproxd::media
