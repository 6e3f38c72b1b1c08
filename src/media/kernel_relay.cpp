// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/kernel_relay.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cerrno>

#include "base/log.h"
#include "base/text.h"

namespace siproxd::media {

namespace {

/// In front of the classifiers that administrators have, which begin at 49152 when they do not say.
constexpr std::uint16_t kPriority = 50;
constexpr std::string_view kName = "siproxd relay of process ";

std::string nameOf(pid_t process) {
    return std::string(kName) + std::to_string(process);
}

/// Whether a filter is that of a relay whose process is not there any more.
bool isLeftover(const net::IngressFilter& filter) {
    if (!filter.name.starts_with(kName)) {
        return false;
    }
    const auto process = base::parseUnsigned(
        std::string_view(filter.name).substr(kName.size()), INT32_MAX);
    return process && (static_cast<pid_t>(*process) == ::getpid() ||
                       (::kill(static_cast<pid_t>(*process), 0) != 0 && errno == ESRCH));
}

kernel::Side sideOf(Leg leg) {
    return leg == Leg::A ? kernel::Side::A : kernel::Side::B;
}

}  // namespace

base::Result<std::unique_ptr<KernelRelay>> KernelRelay::create(std::uint16_t portLow,
                                                               std::uint16_t portHigh,
                                                               base::Worker& worker) {
    // Pairs begin with an even port.
    const auto first = static_cast<std::uint16_t>(portLow + portLow % 2);
    auto table = kernel::FlowTable::load(first, portHigh);
    if (!table) {
        return std::unexpected(std::move(table.error()));
    }
    auto filters = net::IngressFilters::open();
    if (!filters) {
        return std::unexpected(std::move(filters.error()));
    }
    auto routes = net::RouteQuestions::open();
    if (!routes) {
        return std::unexpected(std::move(routes.error()));
    }
    // No two relays share a port, so none shares the handle.
    const net::IngressFilter ours{kPriority, first, nameOf(::getpid())};
    return std::unique_ptr<KernelRelay>(new KernelRelay(
        std::move(*table), std::move(*filters), std::move(*routes), ours, worker));
}

KernelRelay::KernelRelay(std::unique_ptr<kernel::FlowTable> table, net::IngressFilters filters,
                         net::RouteQuestions routes, net::IngressFilter ours,
                         base::Worker& worker)
    : table_(std::move(table)), filters_(std::move(filters)), routes_(std::move(routes)),
      ours_(std::move(ours)), worker_(worker) {}

KernelRelay::~KernelRelay() {
    worker_.drain();
    if (const auto gone = watch({}); !gone) {
        log::warning("the relay in the kernel cannot be taken away: {}", gone.error().message);
    }
}

base::Result<void> KernelRelay::watch(const std::vector<unsigned>& interfaces) {
    base::Result<void> result;
    const auto note = [&result](base::Result<void> one) {
        if (!one && result) {
            result = std::move(one);
        }
    };
    std::vector<unsigned> watched;
    for (const auto interface : watched_) {
        if (std::ranges::find(interfaces, interface) != interfaces.end()) {
            watched.push_back(interface);
        } else {
            // Of an interface that is gone its filters are gone as well.
            note(filters_.remove(interface, ours_));
        }
    }
    for (const auto interface : interfaces) {
        if (std::ranges::find(watched, interface) != watched.end()) {
            continue;
        }
        removeLeftovers(interface);
        if (auto attached = attach(interface); attached) {
            watched.push_back(interface);
        } else {
            note(std::move(attached));
        }
    }
    watched_ = std::move(watched);
    return result;
}

base::Result<void> KernelRelay::attach(unsigned interface) {
    switch (net::linkHeaderOf(interface)) {
        case net::LinkHeader::Ethernet:
            return filters_.attach(interface, ours_, table_->ethernetProgram());
        case net::LinkHeader::None:
            return filters_.attach(interface, ours_, table_->l3Program());
        case net::LinkHeader::Other: break;
    }
    return base::fail("interface " + std::to_string(interface) + " is of a kind it does not know");
}

void KernelRelay::removeLeftovers(unsigned interface) {
    const auto filters = filters_.list(interface);
    if (!filters) {
        return;
    }
    for (const auto& filter : *filters) {
        if (isLeftover(filter)) {
            log::info("the relay in the kernel of a siproxd that has died is taken away ({})",
                      filter.name);
            [[maybe_unused]] const auto gone = filters_.remove(interface, filter);
        }
    }
}

void KernelRelay::findRoute(const base::IpAddress& source, const base::IpAddress& destination,
                            OnRoute onRoute) {
    worker_.start([this, source, destination, onRoute = std::move(onRoute)] {
        onRoute(routes_.find(source, destination));
    });
}

void KernelRelay::put(Leg leg, const kernel::Flow& flow, const siproxd_reception& reception) {
    table_->put(sideOf(leg), flow, reception);
}

void KernelRelay::learn(Leg leg, std::uint16_t port, std::uint32_t clock) {
    table_->learn(sideOf(leg), port, clock);
}

void KernelRelay::setReception(Leg leg, std::uint16_t port, const siproxd_reception& reception) {
    table_->setReception(sideOf(leg), port, reception);
}

void KernelRelay::take(Leg leg, std::uint16_t port) {
    table_->take(sideOf(leg), port);
}

kernel::FlowFigures KernelRelay::figures(Leg leg, std::uint16_t port) const {
    return table_->figures(sideOf(leg), port);
}

siproxd_reception KernelRelay::reception(Leg leg, std::uint16_t port) const {
    return table_->reception(sideOf(leg), port);
}

}  // namespace siproxd::media
