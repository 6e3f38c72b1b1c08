// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <unordered_map>

#include "proxy/addresses.h"
#include "sip/message.h"

namespace siproxd::proxy {

/// Finds requests that go round in circles (RFC 3261 §16.3 step 4, RFC 5393 §4.2).
///
/// A request that comes back changed in nothing that decides where it goes has looped. Usually a
/// proxy finds that in its own Via; we take the Vias of the inside off what leaves, and compare with
/// the requests that are under way instead. One that comes back with another request URI, or from the
/// other side, spirals, which is allowed.
class LoopGuard {
public:
    /// What decides where a request goes.
    enum class Key : std::uint64_t {};

    /// To be asked before our own Routes are taken off.
    [[nodiscard]] static Key keyOf(const sip::Message& request, Side from);

    /// Whether the same request is under way already. (Retransmissions do not come here.)
    [[nodiscard]] bool isLoop(Key key) const { return underWay_.contains(key); }
    void enter(Key key) { ++underWay_[key]; }
    void leave(Key key);

    [[nodiscard]] std::size_t size() const { return underWay_.size(); }

private:
    std::unordered_map<Key, std::uint32_t> underWay_;
};

/// Parallel branches that a request may still be forked into (RFC 5393 §5): Max-Breadth, 60 where it
/// is missing or no number.
[[nodiscard]] std::uint32_t breadthOf(const sip::Message& request);

}  // namespace siproxd::proxy
