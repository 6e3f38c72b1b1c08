// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/flow.h"

namespace siproxd::transport {

/// What the owner of the sockets knows about one of them (which side it is on); passed through.
using SocketTag = std::uint8_t;

/// What is known of somebody who connects, before he has said anything.
enum class Standing : std::uint8_t {
    Refused,    ///< closed at once
    Stranger,   ///< learns nothing, may send little, and goes first when there is no room
    Known,
    Ourselves,  ///< known, and may have any number of connections
};

/// The bytes of one message (not parsed yet) and the way they came. `bytes` lives for the call.
struct Received {
    std::string_view bytes;
    base::Flow flow;              ///< local is the address that it was sent to
    unsigned interfaceIndex = 0;  ///< 0: unknown, as on connections that we have opened
    bool openedByUs = false;      ///< a connection, from an address that we chose
    SocketTag tag = 0;
    base::TimePoint time;
};

/// Brings messages to peers and from them.
class Transport {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        /// One message has come. Sockets may be added and removed meanwhile, but the transport must
        /// not be destroyed.
        virtual void onReceived(const Received& received) = 0;

        /// A stream does not say where its message ends: `received.bytes` is the head as far as it
        /// was read. A request may be answered with `status` and `reason` (static text) now; then
        /// the connection is closed.
        virtual void onMalformed(const Received& /*received*/, int /*status*/,
                                 std::string_view /*reason*/) {}

        /// A connection could not be opened, or broke: what was sent by it and has not arrived is
        /// lost. Never called from inside send().
        virtual void onFlowFailed(const base::Flow& /*flow*/, const base::Error& /*error*/) {}

        /// An ICMP error says that a datagram has not arrived which began with `quoted`; that may be
        /// empty, and anybody can make up an error for what he knows. Never called from inside send().
        virtual void onUnreachable(const base::Flow& /*flow*/, std::string_view /*quoted*/,
                                   const base::Error& /*error*/) {}

        /// A connection that was open is no more; comes after onFlowFailed() where that is called.
        virtual void onConnectionClosed(const base::Flow& /*flow*/) {}
    };

    virtual ~Transport() = default;

    /// Sends one message, or queues it for a moment when the network is busy. The error names the
    /// peer. An error means that it has not left; success does not mean that it arrives.
    [[nodiscard]] virtual base::Result<void> send(std::string_view bytes,
                                                  const base::Flow& flow) = 0;
};

}  // namespace siproxd::transport
