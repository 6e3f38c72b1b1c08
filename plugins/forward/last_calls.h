// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace forward {

/// With whom each user has last been in touch. Who was not for the longest time is forgotten first.
class LastCalls {
public:
    void note(const std::string& user, const std::string& other) {
        if (const auto known = index_.find(user); known != index_.end()) {
            order_.erase(known->second);
            index_.erase(known);
        }
        order_.emplace_front(user, other);
        index_.emplace(user, order_.begin());
        if (order_.size() > kMost) {
            index_.erase(order_.back().first);
            order_.pop_back();
        }
    }
    [[nodiscard]] std::optional<std::string> of(const std::string& user) const {
        const auto known = index_.find(user);
        return known == index_.end() ? std::nullopt : std::optional(known->second->second);
    }
    [[nodiscard]] std::size_t size() const { return order_.size(); }

private:
    static constexpr std::size_t kMost = 10'000;
    using Order = std::list<std::pair<std::string, std::string>>;

    Order order_;  ///< user and other, the latest first
    std::unordered_map<std::string, Order::iterator> index_;
};

}  // namespace forward
