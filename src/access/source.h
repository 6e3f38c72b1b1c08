// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/address.h"
#include "base/random.h"

namespace siproxd::access {

/// Bits of an IPv6 address that tell one customer from the next; the rest he chooses himself.
inline constexpr unsigned kV6SourcePrefix = 64;

/// What limits and bans count as one sender: an IPv4 address, or the /64 of an IPv6 address (host
/// bits 0).
[[nodiscard]] base::IpAddress sourceOf(const base::IpAddress& address);

/// Whether a packet can have come from the address that it names. TCP and TLS prove it; a datagram
/// does with a nonce of ours (Authenticator::Verdict::proven) or in a transaction that we answered.
enum class Proof : std::uint8_t { None, Shown };

/// Hashes addresses with a secret seed, so that nobody can choose addresses that collide.
class SourceHash {
public:
    explicit SourceHash(base::Random& random);
    [[nodiscard]] std::size_t operator()(const base::IpAddress& address) const;

private:
    std::uint64_t seed_[2];
};

}  // namespace siproxd::access
