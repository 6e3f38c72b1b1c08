// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "dns/cares_channel.h"
#include "dns/records.h"
#include "event/loop.h"

namespace siproxd::dns {

/// The name servers and how long they are waited for.
struct NameServerSettings {
    std::vector<base::SocketAddress> servers;  ///< at least one; what is over 8 is left out
    base::Duration firstTimeout{};             ///< 1 ms to 1 min
    int tries = 1;                             ///< 1 to 10
    bool rotate = false;                       ///< begin each question with another server
    std::vector<std::string> search;           ///< domains for short names
    int dots = 1;                              ///< names with fewer dots are short
};

/// A list of name servers. A question goes to one of them at a time: when it does not answer within
/// the first timeout, or cannot say, the next one is asked; the second try has twice the time, the
/// third three times, and so on. A server that has been silent is for 30 s asked after the others.
class NameServers {
public:
    using Done = CaresChannel::Done;

    /// The loop must outlive it.
    [[nodiscard]] static base::Result<std::unique_ptr<NameServers>>
    open(event::Loop& loop, NameServerSettings settings);

    NameServers(const NameServers&) = delete;
    NameServers& operator=(const NameServers&) = delete;
    ~NameServers();

    /// `done` runs once, possibly inside this call, unless this object is destroyed before. It must
    /// not destroy it.
    void ask(const Question& question, Done done);

private:
    /// A question under way.
    struct Asking;

    NameServers(event::Loop& loop, NameServerSettings settings);

    /// The one that asks `server` as the `number`th try; null when it cannot be opened.
    [[nodiscard]] CaresChannel* channelFor(std::size_t server, std::size_t number);
    [[nodiscard]] base::Result<std::unique_ptr<CaresChannel>> openChannel(std::size_t server,
                                                                          std::size_t number) const;
    [[nodiscard]] std::vector<std::size_t> serverOrder();
    void tryNext(const std::shared_ptr<Asking>& asking);
    void answered(const std::shared_ptr<Asking>& asking, std::size_t server, Outcome outcome);

    event::Loop& loop_;
    NameServerSettings settings_;
    std::vector<base::TimePoint> silentUntil_;  ///< by server
    std::size_t next_ = 0;                      ///< where to begin when rotating
    /// By try and server, made when first needed: c-ares has one timeout for a channel.
    std::vector<std::unique_ptr<CaresChannel>> channels_;
};

}  // namespace siproxd::dns
