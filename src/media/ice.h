// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/random.h"

namespace siproxd::media {

/// What the connectivity checks of one party are known by (RFC 8839 §5.4).
struct IceCredentials {
    std::string fragment;  ///< a=ice-ufrag
    std::string password;  ///< a=ice-pwd

    friend bool operator==(const IceCredentials&, const IceCredentials&) = default;
};

/// Nobody guesses them.
[[nodiscard]] IceCredentials newIceCredentials(base::Random& random);

/// RFC 8445 §5.1.2.1, of a candidate of ours, the only one: `component` 1 is RTP, 2 RTCP.
[[nodiscard]] constexpr std::uint32_t icePriority(unsigned component) {
    constexpr std::uint32_t kHost = 126;
    constexpr std::uint32_t kOnly = 65535;
    return kHost << 24U | kOnly << 8U | (256 - component);
}

/// An ICE-lite agent (RFC 8445 §2.5) on one side of a stream: answers the checks of whoever has our
/// credentials, and says nothing to anybody else. Makes none itself.
class IceLite {
public:
    /// Answers to these from now on, and to the ones before, which a party uses until it has heard
    /// of the new ones. Returns whether they are new.
    bool expect(const IceCredentials& ours);

    struct Check {
        std::vector<std::uint8_t> answer;
        bool succeeded = false;  ///< the source is the party
        bool nominated = false;  ///< and wants media to go this way
        std::uint32_t priority = 0;
    };
    /// Nothing: no check, or not one for us; no answer is due.
    [[nodiscard]] std::optional<Check> receive(std::span<const std::uint8_t> datagram,
                                               const base::SocketAddress& source) const;

private:
    IceCredentials ours_;
    IceCredentials before_;
};

/// Where the party is, of all the places that its checks have come from.
class CheckedPlace {
public:
    /// Nothing has been checked yet, or anew.
    void restart() { place_ = {}; }

    /// A check has come from `source`. Returns whether the party is there: the first of all is
    /// believed, then the one that is nominated, then another one that is nominated with at least its
    /// priority (RFC 5245 §8.1.1.2, where every check nominates), or with any when the party is
    /// silent there.
    bool take(const base::SocketAddress& source, const IceLite::Check& check, bool silent);

    /// No address: not known yet.
    [[nodiscard]] const base::SocketAddress& source() const { return place_.source; }

private:
    struct Place {
        base::SocketAddress source;
        bool nominated = false;
        std::uint32_t priority = 0;
    };
    Place place_;
};

}  // namespace siproxd::media
