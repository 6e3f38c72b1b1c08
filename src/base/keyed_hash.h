// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace siproxd::base {

/// SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012): who does not know the
/// key can neither tell a hash in advance nor choose texts that collide. `key` as 16 bytes, little
/// endian.
[[nodiscard]] std::uint64_t sipHash(const std::array<std::uint64_t, 2>& key, std::string_view text);

/// With a random key of this process: for tables whose keys strangers choose, and for what they must
/// not guess. Another one in each run.
[[nodiscard]] std::uint64_t keyedHash(std::string_view text);

}  // namespace siproxd::base
