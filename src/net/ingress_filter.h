// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/route_socket.h"

namespace siproxd::net {

/// A BPF program that looks at what comes in by an interface (a tc classifier of the clsact queueing
/// discipline that decides by itself).
struct IngressFilter {
    std::uint16_t priority = 0;  ///< the lowest is asked first
    std::uint32_t handle = 0;    ///< with the priority its identity
    std::string name;            ///< as whoever attached it called it

    friend bool operator==(const IngressFilter&, const IngressFilter&) = default;
};

/// What the packets of an interface have in front of their IP header.
enum class LinkHeader : std::uint8_t {
    Ethernet,
    None,   ///< tun, ppp, wireguard and other tunnels
    Other,
};

[[nodiscard]] LinkHeader linkHeaderOf(unsigned interface);

/// Attaches filters to the interfaces of this network namespace. Everything but listing takes
/// CAP_NET_ADMIN. Waits for the kernel: not for the signalling thread at work.
class IngressFilters {
public:
    [[nodiscard]] static base::Result<IngressFilters> open();

    /// Attaches the program, and makes the interface's clsact discipline where there is none. Error:
    /// that priority and handle are taken, no such interface, no right.
    [[nodiscard]] base::Result<void> attach(unsigned interface, const IngressFilter& filter,
                                            int program);

    /// The filters that are BPF programs, by priority.
    [[nodiscard]] base::Result<std::vector<IngressFilter>> list(unsigned interface);

    /// Takes it away, and the clsact discipline too when nothing uses it any more, in either
    /// direction. That it is not there any more is no error.
    [[nodiscard]] base::Result<void> remove(unsigned interface, const IngressFilter& filter);

private:
    explicit IngressFilters(RouteSocket socket) : socket_(std::move(socket)) {}

    struct Request;
    struct Found {
        bool any = false;  ///< filters of any kind
        std::vector<IngressFilter> filters;
    };
    [[nodiscard]] base::Result<void> order(Request& request, int harmless);
    [[nodiscard]] base::Result<Found> look(unsigned interface, std::uint32_t hook);

    RouteSocket socket_;
    std::uint32_t sequence_ = 0;
};

}  // namespace siproxd::net
