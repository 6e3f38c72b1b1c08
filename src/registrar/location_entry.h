// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "registrar/location_table.h"

/// What the table's two source files share.
namespace siproxd::registrar {

struct LocationTable::Entry {
    Binding binding;
    std::unique_ptr<Binding> pending;  ///< what the next 2xx will make of a confirmed binding
    base::TimePoint deadline;          ///< unconfirmed: end of waiting; confirmed: expiry
    ExpiryQueue::iterator queued;
    std::uint64_t serial = 0;
    std::uint64_t confirmation = 0;  ///< rises from one confirmation to the next
    /// What this entry has added to hosts_; may be none.
    base::IpAddress sourceHost;
    base::IpAddress contactHost;
};

namespace location {

[[nodiscard]] std::size_t hashText(std::string_view text);
/// Alike for all URIs that sameAddress() calls the same.
[[nodiscard]] std::size_t hashHost(std::string_view host);
[[nodiscard]] std::size_t hashAddress(const sip::Uri& uri);
[[nodiscard]] std::size_t hashPair(const sip::Uri& aor, const sip::Uri& contact);

/// Tokens as numbers; nothing for what is no token of ours. A peer may have changed their case.
[[nodiscard]] std::optional<std::uint64_t> tokenNumber(std::string_view token);

}  // namespace location

}  // namespace siproxd::registrar
