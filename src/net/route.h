// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>

#include "base/address.h"
#include "base/result.h"
#include "net/route_socket.h"

namespace siproxd::net {

/// The way that packets of ours take.
struct Route {
    unsigned interface = 0;  ///< index of the one they leave by
    unsigned mtu = 0;        ///< longest IP packet that goes that way

    friend bool operator==(const Route&, const Route&) = default;
};

/// Asks the kernel for routes, with all its rules. Waits for the answer: not for the signalling
/// thread nor for one that relays media.
class RouteQuestions {
public:
    [[nodiscard]] static base::Result<RouteQuestions> open();

    /// From our address `source` to `destination`, of the same family. Nothing: there is no route, or
    /// it ends on this machine.
    [[nodiscard]] std::optional<Route> find(const base::IpAddress& source,
                                            const base::IpAddress& destination);

private:
    explicit RouteQuestions(RouteSocket socket) : socket_(std::move(socket)) {}

    RouteSocket socket_;
    std::uint32_t sequence_ = 0;
};

}  // namespace siproxd::net
