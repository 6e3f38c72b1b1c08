// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <unordered_map>

#include "transaction/layer.h"

namespace siproxd::proxy {

/// Requests under way of sources that have not shown that they receive what is sent to them: anybody
/// can make any number of them, so that there is room for some only.
class UnprovenRequests {
public:
    static constexpr std::size_t kMost = 1000;
    static constexpr std::size_t kMostBytes = 4 * 1024 * 1024;

    /// A request of so many bytes. False: it has to be refused; it counts until forget() all the
    /// same.
    [[nodiscard]] bool add(transaction::ServerId id, std::size_t bytes) {
        const bool room = sizes_.size() < kMost && bytes_ + bytes <= kMostBytes;
        if (sizes_.emplace(id, bytes).second) {
            bytes_ += bytes;
        }
        return room;
    }
    void forget(transaction::ServerId id) {
        if (const auto known = sizes_.find(id); known != sizes_.end()) {
            bytes_ -= known->second;
            sizes_.erase(known);
        }
    }
    [[nodiscard]] bool contains(transaction::ServerId id) const { return sizes_.contains(id); }
    [[nodiscard]] std::size_t count() const { return sizes_.size(); }

private:
    std::unordered_map<transaction::ServerId, std::size_t> sizes_;
    std::size_t bytes_ = 0;  ///< of all of them
};

}  // namespace siproxd::proxy
