// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/datagram_waits.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace siproxd::proxy {

namespace {

constexpr std::size_t kMostWaits = 64;

}  // namespace

std::uint64_t DatagramWaits::wait(const base::SocketAddress& from, base::Duration patience,
                                  plugin::DatagramCallback done) {
    if (waits_.size() >= kMostWaits) {
        return 0;
    }
    const auto id = ++last_;
    auto timer = loop_.timer([this, id] {
        const auto node = waits_.extract(id);
        if (!node.empty()) {
            node.mapped().done(std::nullopt);
        }
    });
    timer->start(patience);
    waits_.emplace(id, Wait{from, std::move(done), std::move(timer)});
    return id;
}

bool DatagramWaits::find(const base::SocketAddress& from, std::string_view bytes) {
    std::vector<std::uint64_t> candidates;
    for (const auto& [id, one] : waits_) {
        if (one.from == from) {
            candidates.push_back(id);
        }
    }
    // Who is asked may forget any of them, itself included.
    return std::ranges::any_of(candidates, [&](std::uint64_t id) {
        auto node = waits_.extract(id);
        if (node.empty()) {
            return false;
        }
        asked_.insert(id);
        const bool isIt = node.mapped().done(bytes);
        const bool isForgotten = asked_.erase(id) == 0;
        if (!isIt && !isForgotten) {
            waits_.insert(std::move(node));
        }
        return isIt;
    });
}

}  // namespace siproxd::proxy
