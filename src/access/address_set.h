// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/address.h"

namespace siproxd::access {

/// Addresses of one family from the first to the last, both included.
struct AddressRange {
    base::IpAddress first;
    base::IpAddress last;

    [[nodiscard]] static AddressRange of(const base::Network& network);
    /// Nothing when the families differ or the last is before the first.
    [[nodiscard]] static std::optional<AddressRange> between(const base::IpAddress& first,
                                                             const base::IpAddress& last);
};

/// A set of addresses as sorted ranges that do not touch. A value.
class AddressSet {
public:
    AddressSet() = default;

    /// In logarithmic time.
    [[nodiscard]] bool contains(const base::IpAddress& address) const;
    [[nodiscard]] bool empty() const { return ranges_.empty(); }
    [[nodiscard]] const std::vector<AddressRange>& ranges() const { return ranges_; }

private:
    friend class AddressSetBuilder;
    std::vector<AddressRange> ranges_;
};

/// Composes a set; each step takes amortised logarithmic time.
class AddressSetBuilder {
public:
    void add(const AddressRange& range);
    void remove(const AddressRange& range);
    [[nodiscard]] AddressSet build() const;

private:
    std::map<base::IpAddress, base::IpAddress> ranges_;  ///< first to last
};

}  // namespace siproxd::access
