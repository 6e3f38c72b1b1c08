// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/source.h"

#include <cstring>

namespace siproxd::access {

namespace {

/// Finalizer of a 64-bit mixer: every bit of the input changes half of the output's.
std::uint64_t mix(std::uint64_t value) {
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93ULL;
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93ULL;
    return value ^ value >> 32;
}

}  // namespace

base::IpAddress sourceOf(const base::IpAddress& address) {
    return address.isV6() ? base::Network(address, kV6SourcePrefix).address() : address;
}

SourceHash::SourceHash(base::Random& random) : seed_{} {
    random.fill({reinterpret_cast<std::uint8_t*>(seed_), sizeof seed_});
}

std::size_t SourceHash::operator()(const base::IpAddress& address) const {
    std::uint64_t halves[2];
    std::memcpy(halves, address.bytes().data(), sizeof halves);
    return static_cast<std::size_t>(mix(mix(halves[0] ^ seed_[0]) ^ halves[1] ^ seed_[1]));
}

}  // namespace siproxd::access
