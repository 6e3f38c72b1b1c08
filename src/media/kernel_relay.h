// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/worker.h"
#include "media/kernel_flows.h"
#include "net/ingress_filter.h"

namespace siproxd::media {

/// The relay in the kernel: its program and table, and the interfaces that it watches. Must outlive the
/// Relay that uses it. Nothing of it is left on the interfaces when it has been destroyed, and
/// what a process has left behind that was killed is cleaned up by watch().
class KernelRelay final : public KernelFlows {
public:
    /// For the ports of RelaySettings. `worker` does what waits for the kernel, and must outlive it.
    /// Error: why this machine does not take it.
    [[nodiscard]] static base::Result<std::unique_ptr<KernelRelay>> create(std::uint16_t portLow,
                                                                           std::uint16_t portHigh,
                                                                           base::Worker& worker);
    ~KernelRelay() override;

    /// Forwards what comes in by these interfaces (indexes) from now on, and by no others. Returns what
    /// could not be done. Takes CAP_NET_ADMIN. Waits for the kernel.
    [[nodiscard]] base::Result<void> watch(const std::vector<unsigned>& interfaces);

    void findRoute(const base::IpAddress& source, const base::IpAddress& destination,
                   OnRoute onRoute) override;
    void drain() override { worker_.drain(); }
    void put(Leg leg, const kernel::Flow& flow, const siproxd_reception& reception) override;
    void learn(Leg leg, std::uint16_t port, std::uint32_t clock) override;
    void setReception(Leg leg, std::uint16_t port, const siproxd_reception& reception) override;
    void take(Leg leg, std::uint16_t port) override;
    [[nodiscard]] kernel::FlowFigures figures(Leg leg, std::uint16_t port) const override;
    [[nodiscard]] siproxd_reception reception(Leg leg, std::uint16_t port) const override;

private:
    KernelRelay(std::unique_ptr<kernel::FlowTable> table, net::IngressFilters filters,
                net::RouteQuestions routes, net::IngressFilter ours, base::Worker& worker);

    [[nodiscard]] base::Result<void> attach(unsigned interface);
    void removeLeftovers(unsigned interface);

    const std::unique_ptr<kernel::FlowTable> table_;
    net::IngressFilters filters_;
    net::RouteQuestions routes_;  ///< the worker's
    const net::IngressFilter ours_;
    base::Worker& worker_;
    std::vector<unsigned> watched_;
};

}  // namespace siproxd::media
