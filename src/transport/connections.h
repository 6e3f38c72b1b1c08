// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/flow.h"
#include "base/result.h"

namespace siproxd::transport {

/// What is to be done with connections besides sending by them.
class Connections {
public:
    virtual ~Connections() = default;

    /// A connection from `flow.local.ip` to `flow.remote` by `flow.protocol`: the one that is there,
    /// else a new one, which need not be open yet (a later onFlowFailed() tells if it never is).
    /// `name` is the SIP domain that the certificate of a TLS peer must be for (RFC 5922); an empty
    /// one: the address. Returns the flow with the number of the connection, to be used for sending.
    [[nodiscard]] virtual base::Result<base::Flow> open(const base::Flow& flow,
                                                        std::string_view name) = 0;

    /// Lets requests to the connection's peer address with `port` go by it (RFC 5923 §5): where the
    /// peer asked for it in its Via. On TLS only for the domains that the peer's certificate has
    /// proven; on TCP nothing proves that the port is the peer's, so that only peers on the inside
    /// should be believed. False when there is no such connection, or nothing was proven, or it has
    /// too many.
    virtual bool alias(std::uint64_t connection, std::uint16_t port) = 0;

    /// A phone has registered over that connection, from its end or to its provider: it is kept
    /// alive, and not closed to make room for strangers.
    virtual void keep(std::uint64_t connection) = 0;

    /// Closes a connection once what was sent is out.
    virtual void close(std::uint64_t connection) = 0;

    /// Of a connection that somebody else has opened: the index of the interface it came by, 0 when
    /// that is unknown.
    using Selection = std::function<bool(const base::Flow& flow, unsigned interfaceIndex)>;

    /// Closes at once, and says nothing on, all connections that others have opened and for which
    /// `unwanted` holds; not from inside the call.
    virtual void drop(const Selection& unwanted) = 0;

    [[nodiscard]] virtual bool isOpen(std::uint64_t connection) const = 0;
};

}  // namespace siproxd::transport
