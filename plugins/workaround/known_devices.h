// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace workaround {

/// What devices say that they are, by address. Who has not been heard of for the longest time is forgotten first.
class KnownDevices {
public:
    void note(std::string_view ip, std::string_view device) {
        if (ip.empty() || device.empty()) {
            return;
        }
        if (const auto known = index_.find(std::string(ip)); known != index_.end()) {
            order_.splice(order_.begin(), order_, known->second);
            if (order_.front().second != device) {
                order_.front().second = device;
            }
            return;
        }
        order_.emplace_front(ip, device);
        index_.emplace(order_.front().first, order_.begin());
        if (order_.size() > kMost) {
            index_.erase(order_.back().first);
            order_.pop_back();
        }
    }
    /// Empty: it is not known.
    [[nodiscard]] std::string_view at(std::string_view ip) const {
        const auto known = index_.find(std::string(ip));
        return known == index_.end() ? std::string_view() : std::string_view(known->second->second);
    }
    [[nodiscard]] std::size_t size() const { return order_.size(); }

private:
    static constexpr std::size_t kMost = 10'000;
    using Order = std::list<std::pair<std::string, std::string>>;

    Order order_;  ///< address and device, the latest first
    std::unordered_map<std::string, Order::iterator> index_;
};

}  // namespace workaround
