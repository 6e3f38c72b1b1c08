// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace siproxd::blacklist {

/// Who has sent something: from where, and as whom (the URI in From).
struct Sender {
    std::string ip;
    std::string uri;

    friend auto operator<=>(const Sender&, const Sender&) = default;
};

/// A row of the table `blacklist`. Times are seconds since 1970.
struct Entry {
    bool isByHand = false;  ///< type 1: blocked whatever happens
    std::int64_t failures = 0;
    std::int64_t lastFailure = 0;
    std::int64_t lastSeen = 0;
};

}  // namespace siproxd::blacklist
