// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "transport/stream_framer.h"

namespace siproxd::transport {

/// Times and limits of SIP over TCP and TLS. Times are longer than 0 where nothing else is said, sizes
/// and counts at least 1; the defaults of what has a directive are those of the directive.
struct StreamSettings {
    base::Duration connectTimeout = std::chrono::milliseconds(500);  ///< tcp_connect_timeout
    base::Duration handshakeTimeout = std::chrono::seconds(5);       ///< TLS, once connected
    base::Duration idleTimeout = std::chrono::seconds(600);  ///< tcp_timeout, nothing comes; 0: off
    base::Duration keepalive{0};  ///< tcp_keepalive: time between two pings to a phone; 0: off
    base::Duration pongTimeout = std::chrono::seconds(10);  ///< for the answer, RFC 5626 §4.4.1
    /// For those who connect to us and say nothing.
    base::Duration firstMessageTimeout = std::chrono::seconds(60);
    base::Duration messageTimeout = std::chrono::seconds(10);  ///< from its first byte to its last
    base::Duration stallTimeout = std::chrono::seconds(10);    ///< what we send is not taken
    base::Duration lingerTimeout = std::chrono::seconds(2);    ///< for a last answer to be read

    std::size_t perAddress = 32;         ///< accepted from an IPv4 address or IPv6 /64
    std::size_t connections = 4096;      ///< of both directions
    std::size_t queueBytes = 256 * 1024; ///< bytes that wait to be sent by one connection
    std::size_t messagesPerWakeUp = 32;  ///< taken from one connection before others get a turn
    unsigned dscp = 0;                   ///< sip_dscp, 0–63
    FramerLimits framer = {};            ///< how long a message may be
    /// For strangers, until something has been sent to them.
    FramerLimits strangerFramer = {.head = 16 * 1024, .body = 16 * 1024, .message = 16 * 1024};
    /// Of messages not complete yet, on all connections that may be closed to make room.
    std::size_t partialBytes = 16 * 1024 * 1024;
};

/// What has happened since the start.
struct StreamCounters {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;  ///< over a cap, or not admitted
    std::uint64_t evicted = 0;  ///< closed to make room
    std::uint64_t dropped = 0;  ///< closed because their peers are no longer admitted
    std::uint64_t hoarded = 0;  ///< closed because too much was half sent
    std::uint64_t opened = 0;   ///< by us, with success
    std::uint64_t failed = 0;   ///< connects and handshakes, of both directions
    std::uint64_t broken = 0;   ///< open ones that ended in disorder
    std::uint64_t received = 0; ///< messages handed up
    std::uint64_t receivedBytes = 0;
    std::uint64_t malformed = 0;
    std::uint64_t slow = 0;  ///< messages that were not complete in time
    std::uint64_t idle = 0;  ///< closed because nothing came
    std::uint64_t pings = 0; ///< from peers
    std::uint64_t pongs = 0;
    std::uint64_t sent = 0;  ///< messages taken for sending
    std::uint64_t sentBytes = 0;
    std::uint64_t sendErrors = 0;

    friend bool operator==(const StreamCounters&, const StreamCounters&) = default;
};

}  // namespace siproxd::transport
