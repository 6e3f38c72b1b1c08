// SPDX-License-Identifier: GPL-2.0-or-later
#include "usage.h"

#include <algorithm>

namespace limit {

namespace {

constexpr double kMinute = 60'000;
/// Between two looks for those who use nothing, in ms.
constexpr std::int64_t kSweep = 1000;

}  // namespace

bool TokenBucket::take(std::uint32_t perMinute, std::int64_t now) {
    drain(now);
    perMinute_ = perMinute;
    if (perMinute == 0) {
        return true;
    }
    if (used_ + 1 > perMinute) {
        return false;
    }
    used_ += 1;
    return true;
}

bool TokenBucket::isFull(std::int64_t now) {
    drain(now);
    return used_ <= 0;
}

void TokenBucket::drain(std::int64_t now) {
    used_ = std::max(0.0, used_ - static_cast<double>(now - last_) * perMinute_ / kMinute);
    last_ = now;
}

std::shared_ptr<Usage> Usages::of(const std::string& name, std::int64_t now) {
    if (const auto found = all_.find(name); found != all_.end()) {
        return found->second;
    }
    if (all_.size() >= most_) {
        sweep(now);
    }
    return all_.size() >= most_ ? others_ : all_.emplace(name, std::make_shared<Usage>()).first->second;
}

/// Not for each of a flood: it is linear.
void Usages::sweep(std::int64_t now) {
    if (now >= nextSweep_) {
        nextSweep_ = now + kSweep;
        std::erase_if(all_, [now](const auto& entry) {
            return entry.second->calls == 0 && entry.second->bucket.isFull(now);
        });
    }
}

}  // namespace limit
