// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/address_set.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace siproxd::access {

namespace {

using Bytes = std::array<std::uint8_t, 16>;

std::size_t lengthOf(const base::IpAddress& address) {
    return address.isV4() ? 4 : 16;
}

base::IpAddress fromBytes(base::Family family, const Bytes& bytes) {
    if (family == base::Family::V4) {
        in_addr v4{};
        std::memcpy(&v4, bytes.data(), sizeof v4);
        return base::IpAddress(v4);
    }
    in6_addr v6{};
    std::memcpy(&v6, bytes.data(), sizeof v6);
    return base::IpAddress(v6);
}

/// The next address of the family; nothing behind the last.
std::optional<base::IpAddress> following(const base::IpAddress& address) {
    auto bytes = address.bytes();
    for (auto i = lengthOf(address); i-- > 0;) {
        if (++bytes[i] != 0) {
            return fromBytes(address.family(), bytes);
        }
    }
    return std::nullopt;
}

std::optional<base::IpAddress> preceding(const base::IpAddress& address) {
    auto bytes = address.bytes();
    for (auto i = lengthOf(address); i-- > 0;) {
        if (bytes[i]-- != 0) {
            return fromBytes(address.family(), bytes);
        }
    }
    return std::nullopt;
}

}  // namespace

AddressRange AddressRange::of(const base::Network& network) {
    auto bytes = network.address().bytes();
    const auto length = lengthOf(network.address());
    for (std::size_t bit = network.prefix(); bit < length * 8; ++bit) {
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | 0x80U >> bit % 8);
    }
    return {network.address(), fromBytes(network.address().family(), bytes)};
}

std::optional<AddressRange> AddressRange::between(const base::IpAddress& first,
                                                  const base::IpAddress& last) {
    if (!first || first.family() != last.family() || last < first) {
        return std::nullopt;
    }
    return AddressRange{first, last};
}

bool AddressSet::contains(const base::IpAddress& address) const {
    const auto after = std::ranges::upper_bound(ranges_, address, {}, &AddressRange::first);
    return after != ranges_.begin() && address <= std::prev(after)->last &&
           address.family() == std::prev(after)->last.family();
}

void AddressSetBuilder::add(const AddressRange& range) {
    auto merged = range;
    const auto touches = [&](const auto& it) {
        const auto next = following(it->second);
        return it->second >= merged.first || (next && *next == merged.first);
    };
    auto it = ranges_.upper_bound(merged.first);
    if (it != ranges_.begin() && touches(std::prev(it))) {
        it = std::prev(it);
        merged.first = it->first;
        merged.last = std::max(merged.last, it->second);
        it = ranges_.erase(it);
    }
    const auto next = following(merged.last);
    while (it != ranges_.end() && (it->first <= merged.last || (next && it->first == *next))) {
        merged.last = std::max(merged.last, it->second);
        it = ranges_.erase(it);
    }
    ranges_.emplace_hint(it, merged.first, merged.last);
}

void AddressSetBuilder::remove(const AddressRange& range) {
    auto it = ranges_.upper_bound(range.first);
    if (it != ranges_.begin() && std::prev(it)->second >= range.first) {
        it = std::prev(it);
    }
    while (it != ranges_.end() && it->first <= range.last) {
        const AddressRange old{it->first, it->second};
        it = ranges_.erase(it);
        if (old.first < range.first) {
            ranges_.emplace(old.first, *preceding(range.first));
        }
        if (old.last > range.last) {
            it = ranges_.emplace(*following(range.last), old.last).first;
            ++it;
        }
    }
}

AddressSet AddressSetBuilder::build() const {
    AddressSet set;
    set.ranges_.reserve(ranges_.size());
    for (const auto& [first, last] : ranges_) {
        set.ranges_.push_back({first, last});
    }
    return set;
}

}  // namespace siproxd::access
