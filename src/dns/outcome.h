// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/clock.h"
#include "dns/records.h"

struct ares_addrinfo;

namespace siproxd::dns {

/// What became of a question to the hosts file and a name server.
struct Outcome {
    enum class Kind : std::uint8_t {
        Found,
        Negative,  ///< there are none
        Failure,   ///< the name server could not say
        Silence,   ///< it did not answer
    };
    Kind kind = Kind::Failure;
    Records records;       ///< not empty when Found, at most kMaxRecords
    base::Duration ttl{};  ///< of the records; 0 for those of the hosts file
    std::string reason;    ///< why there are none
};

/// From what c-ares says about addresses: IPv4 first, otherwise in the server's order. Addresses
/// that are no host's (unspecified, multicast, broadcast) are left out. `info` may be null.
[[nodiscard]] Outcome addressOutcome(int status, const ares_addrinfo* info);

/// From a message with SRV records, by priority. What cannot be connected to (port 0, a target that
/// is no host name) is left out.
[[nodiscard]] Outcome srvOutcome(int status, std::span<const std::uint8_t> message);

/// From a message with NAPTR records, by order and preference. Those that have neither or both of a replacement and a regular
/// expression, or a replacement that is no name, are left out.
[[nodiscard]] Outcome naptrOutcome(int status, std::span<const std::uint8_t> message);

/// The least time to live in the answer section of a DNS message (RFC 1035 §4.1); 0 when the
/// message is broken or has no answers. c-ares does not tell it for all types.
[[nodiscard]] base::Duration leastTtl(std::span<const std::uint8_t> message);

}  // namespace siproxd::dns
