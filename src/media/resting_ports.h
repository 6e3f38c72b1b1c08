// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <deque>
#include <memory>

#include "base/clock.h"
#include "media/stream_ports.h"

namespace siproxd::media {

/// Ports of streams that have ended, still bound and watched for a moment. Where calls come fast, some
/// hundred in a second, they do not pay for opening and closing four sockets each.
class RestingPorts {
public:
    /// After that they are to be closed.
    static constexpr std::chrono::milliseconds kKept{200};
    /// The youngest sets are given to nobody, as long as there are other ports: what is still under way for
    /// the old stream must not come to the new one.
    static constexpr std::size_t kYoung = 32;
    /// So many sets rest at most.
    static constexpr std::size_t kMost = 128;

    explicit RestingPorts(base::Random& random) : random_(random) {}

    /// Returns what is to be closed because too many rest; nullptr: nothing.
    [[nodiscard]] std::unique_ptr<StreamPorts> put(std::unique_ptr<StreamPorts> ports,
                                                   base::TimePoint now);

    /// Ones that have rested, on these addresses, picked at random; nullptr: none.
    [[nodiscard]] std::unique_ptr<StreamPorts> take(const PerLeg<base::IpAddress>& local);

    /// The oldest on these addresses, even of the youngest; nullptr: none.
    [[nodiscard]] std::unique_ptr<StreamPorts> takeOldest(const PerLeg<base::IpAddress>& local);

    /// The oldest, if they have been kept for kKept; nullptr: none has.
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

    std::unique_ptr<StreamPorts> takeFrom(std::size_t index);

    base::Random& random_;
    Queue queue_;  ///< oldest first
};

}  // namespace siproxd::media
