// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/playout.h"

#include <algorithm>

namespace siproxd::media {

namespace {

/// Packets of a voice are 20 ms long, some 10 ms.
constexpr std::chrono::milliseconds kShortestPacket{10};
constexpr std::size_t kSpare = 8;

/// A packet that is so much too early or too late does not go on with what came before.
constexpr std::chrono::seconds kJump{1};

/// How much of a packet's error moves the others.
constexpr int kSlowness = 128;

/// Timestamps are seen from a new zero before their differences get too large for 32 bits.
constexpr std::int64_t kFarFromZero = std::int64_t{1} << 28U;

}  // namespace

Playout::Playout(base::Duration delay) : delay_(delay) {
    const auto packets = static_cast<std::size_t>(delay / kShortestPacket) + kSpare;
    bytes_.resize(packets * kMaxDatagram);
    held_.reserve(packets);
    free_.reserve(packets);
    for (std::size_t i = packets; i-- > 0;) {
        free_.push_back(static_cast<std::uint16_t>(i));
    }
}

std::optional<base::TimePoint> Playout::hold(const Packet& packet,
                                             std::span<const std::uint8_t> datagram,
                                             std::uint32_t clock, base::TimePoint now) {
    if (free_.empty() || datagram.size() > kMaxDatagram) {
        return std::nullopt;
    }
    const auto due = dueOf(packet, clock, now);
    const auto index = free_.back();
    free_.pop_back();
    std::ranges::copy(datagram, bytes_.begin() + static_cast<std::ptrdiff_t>(index * kMaxDatagram));
    // Behind those that are due at the same time.
    const auto place = std::ranges::find_if(held_, [due](const Place& held) { return held.due <= due; });
    held_.insert(place, {due, static_cast<std::uint16_t>(datagram.size()), index});
    return due;
}

std::optional<base::TimePoint> Playout::next() const {
    return held_.empty() ? std::nullopt : std::optional(held_.back().due);
}

std::span<const std::uint8_t> Playout::take() {
    const auto place = held_.back();
    held_.pop_back();
    free_.push_back(place.index);
    return std::span<const std::uint8_t>(bytes_).subspan(place.index * kMaxDatagram, place.length);
}

base::TimePoint Playout::dueOf(const Packet& packet, std::uint32_t clock, base::TimePoint now) {
    const bool goesOn = clock == clock_ && packet.ssrc == ssrc_;
    if (goesOn && packet.timestamp == last_) {
        return now + delay_;  // of one picture, or of one key that is held
    }
    last_ = packet.timestamp;
    if (goesOn) {
        const auto ahead =
            std::int64_t{static_cast<std::int32_t>(packet.timestamp - zero_)};
        const auto due = zeroDue_ + std::chrono::nanoseconds(ahead * 1'000'000'000 / clock_);
        const auto error = now + delay_ - due;
        if (error <= delay_ + kJump && error >= -kJump) {
            zeroDue_ += error / kSlowness;
            if (ahead > kFarFromZero || ahead < -kFarFromZero) {
                zero_ = packet.timestamp;
                zeroDue_ = due;
            }
            return std::max(due, now);
        }
    }
    restart(packet, clock, now);
    return zeroDue_;
}

void Playout::restart(const Packet& packet, std::uint32_t clock, base::TimePoint now) {
    clock_ = clock;
    ssrc_ = packet.ssrc;
    zero_ = packet.timestamp;
    zeroDue_ = now + delay_;
}

}  // namespace siproxd::media
