// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/resting_ports.h"

#include <algorithm>

namespace siproxd::media {

std::unique_ptr<StreamPorts> RestingPorts::put(std::unique_ptr<StreamPorts> ports,
                                               base::TimePoint now) {
    queue_.push_back({std::move(ports), now});
    return queue_.size() > kMost ? takeAny() : nullptr;
}

std::unique_ptr<StreamPorts> RestingPorts::take(const PerLeg<base::IpAddress>& local) {
    if (queue_.size() <= kYoung) {
        return nullptr;
    }
    const auto count = queue_.size() - kYoung;
    // From anywhere in the queue on: neither the next ports nor their order can be foreseen.
    const auto start = random_.below(static_cast<std::uint32_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
        const auto index = (start + i) % count;
        if (queue_[index].ports->areOn(local)) {
            return takeFrom(index);
        }
    }
    return nullptr;
}

std::unique_ptr<StreamPorts> RestingPorts::takeOldest(const PerLeg<base::IpAddress>& local) {
    const auto found = std::ranges::find_if(
        queue_, [&local](const Resting& resting) { return resting.ports->areOn(local); });
    return found == queue_.end() ? nullptr
                                 : takeFrom(static_cast<std::size_t>(found - queue_.begin()));
}

std::unique_ptr<StreamPorts> RestingPorts::takeExpired(base::TimePoint now) {
    return queue_.empty() || now - queue_.front().since < kKept ? nullptr : takeAny();
}

std::unique_ptr<StreamPorts> RestingPorts::takeAny() {
    return queue_.empty() ? nullptr : takeFrom(0);
}

std::size_t RestingPorts::pairs() const {
    std::size_t pairs = 0;
    for (const auto& resting : queue_) {
        const auto numbers = resting.ports->numbers();
        pairs += numbers[Leg::A] == numbers[Leg::B] ? 1 : 2;
    }
    return pairs;
}

std::unique_ptr<StreamPorts> RestingPorts::takeFrom(std::size_t index) {
    const auto place = queue_.begin() + static_cast<std::ptrdiff_t>(index);
    auto ports = std::move(place->ports);
    queue_.erase(place);
    return ports;
}

}  // namespace siproxd::media
