// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "media/packet.h"
#include "media/statistics.h"

namespace siproxd::media {

/// Evens out the arrival of the RTP of one direction: each packet is held back until it is its turn by its
/// timestamp, so that the first one leaves `delay` after it has come. Packets that overtook each other
/// get into line again. Who comes late leaves at once. The difference between the sender's clock and ours is
/// followed slowly.
///
/// Memory is taken when it is made, none for a packet. Pure: no clock, no socket.
class Playout {
public:
    /// `delay` above 0.
    explicit Playout(base::Duration delay);

    /// Takes a packet whose timestamps count in `clock` Hz (not 0) and returns when it is to leave.
    /// Nothing: there is no room, and it has to leave now.
    std::optional<base::TimePoint> hold(const Packet& packet, std::span<const std::uint8_t> datagram,
                                        std::uint32_t clock, base::TimePoint now);

    /// When the first packet is to leave; nothing: none is held.
    [[nodiscard]] std::optional<base::TimePoint> next() const;

    /// The first packet, which is not held any more; it is good until the next hold(). Only while there
    /// is a next().
    [[nodiscard]] std::span<const std::uint8_t> take();

private:
    struct Place {
        base::TimePoint due{};
        std::uint16_t length = 0;
        std::uint16_t index = 0;  ///< of its bytes
    };

    [[nodiscard]] base::TimePoint dueOf(const Packet& packet, std::uint32_t clock,
                                        base::TimePoint now);
    void restart(const Packet& packet, std::uint32_t clock, base::TimePoint now);

    const base::Duration delay_;
    std::vector<std::uint8_t> bytes_;    ///< kMaxDatagram for each packet
    std::vector<Place> held_;            ///< the next to leave last; its capacity is never exceeded
    std::vector<std::uint16_t> free_;    ///< indices

    std::uint32_t clock_ = 0;            ///< 0: nothing has come yet
    std::uint32_t ssrc_ = 0;
    std::uint32_t last_ = 0;             ///< timestamp of the packet before
    std::uint32_t zero_ = 0;             ///< timestamp of a packet that is due at `zeroDue_`
    base::TimePoint zeroDue_{};
};

}  // namespace siproxd::media
