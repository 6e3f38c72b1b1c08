// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <deque>
#include <memory>

#include "base/clock.h"
#include "media/stream_ports.h"

namespace siproxd::media {

/// Ports of streams that have ended, still bound and watched. Who makes calls one after the other does not
/// pay for opening and closing four sockets each time.
class RestingPorts {
public:
    /// Nobody gets them before, as long as there are others: what is still under way for the old stream
    /// must not come to the new one.
    static constexpr std::chrono::seconds kRest{1};
    /// After that they are closed.
    static constexpr std::chrono::seconds kKept{3};
    /// When calls come that fast, all but so many of the youngest count as rested.
    static constexpr std::size_t kYoung = 64;
    /// So many sets rest at most.
    static constexpr std::size_t kMost = 2 * kYoung;

    explicit RestingPorts(base::Random& random) : random_(random) {}

    /// Returns what is to be closed because too many rest; nullptr: nothing.
    [[nodiscard]] std::unique_ptr<StreamPorts> put(std::unique_ptr<StreamPorts> ports,
                                                   base::TimePoint now);

    /// Rested ones on these addresses, picked at random; nullptr: none.
    [[nodiscard]] std::unique_ptr<StreamPorts> take(const PerLeg<base::IpAddress>& local,
                                                    base::TimePoint now);

    /// The oldest on these addresses, rested or not; nullptr: none.
    [[nodiscard]] std::unique_ptr<StreamPorts> takeOldest(const PerLeg<base::IpAddress>& local);

    /// The oldest, if they have rested for kKept; nullptr: none has.
    [[nodiscard]] std::unique_ptr<StreamPorts> takeExpired(base::TimePoint now);

    /// The oldest; nullptr: there are none.
    [[nodiscard]] std::unique_ptr<StreamPorts> takeAny();

    /// How many pairs of port numbers rest.
    [[nodiscard]] std::size_t pairs() const;

private:
    struct Resting {
        std::unique_ptr<StreamPorts> ports;
        base::TimePoint since;
    };
    using Queue = std::deque<Resting>;

    [[nodiscard]] std::size_t rested(base::TimePoint now) const;
    std::unique_ptr<StreamPorts> takeFrom(std::size_t index);

    base::Random& random_;
    Queue queue_;  ///< oldest first
};

}  // namespace siproxd::media
