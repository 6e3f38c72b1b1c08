// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "access/ban_list.h"
#include "base/clock.h"
#include "base/result.h"

namespace siproxd::access {

/// Writes bans as commands for `nft -f -`, for two sets with timeouts of the packet filter: what is
/// banned then costs this process nothing any more. Running the program is somebody else's job.
class NftExport {
public:
    /// `family table set`, e.g. `inet siproxd banned`: IPv4 senders go to the set `banned4`, the
    /// first addresses of IPv6 /64 networks to `banned6` (sets of intervals do not take what is
    /// there already). Families with both versions only: `inet`, `bridge`, `netdev`. Rules:
    ///
    ///     ip saddr @banned4 drop
    ///     ip6 saddr & ffff:ffff:ffff:ffff:: @banned6 drop
    [[nodiscard]] static base::Result<NftExport> parse(std::string_view text);

    /// Commands that make the table and the sets where they are missing, and empty them.
    [[nodiscard]] std::string setup() const;

    /// Collects a ban. One that may be due to forged packets is left out: the packet filter would cut
    /// off everything that comes from there, and four datagrams are enough for one. So are those over
    /// `kMost` uncollected ones: the list of bans still has them.
    void add(const Ban& ban, base::TimePoint now);
    void remove(const Ban& ban);

    /// The commands since the last call, one transaction; empty: none. They also work when an
    /// element is there already, or not any more.
    [[nodiscard]] std::string take();

    static constexpr std::size_t kMost = 1024;

private:
    [[nodiscard]] std::string element(std::string_view verb, const base::IpAddress& source,
                                      std::string_view timeout) const;
    [[nodiscard]] bool admit();

    std::string table_;  ///< family and name
    std::string set_;
    std::string pending_;
    std::size_t count_ = 0;
};

}  // namespace siproxd::access
