// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/address_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/text.h"

namespace siproxd::access {

namespace {

constexpr unsigned kV4Bits = 32;
constexpr unsigned kV6Bits = 128;
constexpr std::size_t kLongestName = 253;

unsigned bitsOf(const base::IpAddress& address) {
    return address.isV4() ? kV4Bits : kV6Bits;
}

/// A dual-stack socket shows an IPv4 sender as ::ffff:a.b.c.d, which must not get around a list.
base::IpAddress unmapped(const base::IpAddress& address) {
    constexpr std::size_t kV4Offset = 12;
    const auto& bytes = address.bytes();
    if (!address.isV6() ||
        !std::all_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte == 0; }) ||
        bytes[10] != 0xff || bytes[11] != 0xff) {
        return address;
    }
    in_addr v4{};
    std::memcpy(&v4, bytes.data() + kV4Offset, sizeof v4);
    return base::IpAddress(v4);
}

/// Digits and dots alone are an address with a mistake, not a name.
bool isHostName(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName &&
           std::all_of(text.begin(), text.end(),
                       [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
                       }) &&
           std::any_of(text.begin(), text.end(),
                       [](char c) { return c != '.' && (c < '0' || c > '9'); });
}

/// The prefix that an entry's number means for an address of a name.
unsigned prefixFor(const base::IpAddress& address, unsigned number) {
    if (address.isV4()) {
        return std::min(number, kV4Bits);
    }
    return number <= kV4Bits ? number + (kV6Bits - kV4Bits) : number;
}

bool isIn(const base::IpAddress& address, base::Family family, unsigned prefix,
          const std::unordered_set<base::IpAddress, base::AddressHash>& blocks) {
    return address.family() == family && blocks.contains(base::Network(address, prefix).address());
}

}  // namespace

base::Result<AddressList> AddressList::parse(std::string_view text) {
    AddressList list;
    std::string problems;
    for (const auto part : base::split(text, ',')) {
        const auto entry = base::trim(part);
        if (entry.empty()) {
            continue;
        }
        if (const auto added = list.addEntry(entry); !added) {
            problems += (problems.empty() ? "" : "; ") + added.error().message;
        }
    }
    // Commas alone would be an empty list, which allows everybody.
    if (problems.empty() && list.empty() && !base::trim(text).empty()) {
        problems = fmt::format("CONFIG: accesslist [{}]- no entries", base::printable(text));
    }
    if (!problems.empty()) {
        return base::fail(std::move(problems));
    }
    return list;
}

base::Result<void> AddressList::addEntry(std::string_view entry) {
    const auto slash = entry.find('/');
    if (slash == std::string_view::npos) {
        return base::fail(fmt::format("CONFIG: accesslist [{}]- no mask separator found",
                                      base::printable(entry)));
    }
    const auto host = base::trim(entry.substr(0, slash));
    const auto number = base::parseUnsigned(base::trim(entry.substr(slash + 1)), kV6Bits);
    const auto written = base::IpAddress::parse(host);
    const auto address = written ? std::optional(unmapped(*written)) : std::nullopt;
    // Of ::ffff:192.0.2.0/120 the first 96 bits are not there any more.
    const unsigned gone = written ? bitsOf(*written) - bitsOf(*address) : 0;
    if (!number || (written && (*number > bitsOf(*written) || *number < gone))) {
        return base::fail(fmt::format("CONFIG: accesslist [{}]- mask is not a number of bits",
                                      base::printable(entry)));
    }
    const auto prefix = static_cast<unsigned>(*number) - gone;
    if (address) {
        addBlock(literal_, base::Network(*address, prefix));
    } else if (isHostName(host)) {
        named_.push_back({base::toLower(host), prefix, false, {}});
    } else {
        return base::fail(fmt::format("CONFIG: accesslist [{}]- neither an address nor a host name",
                                      base::printable(entry)));
    }
    ++entries_;
    return {};
}

void AddressList::addBlock(std::vector<Bucket>& buckets, const base::Network& network) {
    const auto family = network.address().family();
    const auto found = std::find_if(buckets.begin(), buckets.end(), [&](const Bucket& bucket) {
        return bucket.family == family && bucket.prefix == network.prefix();
    });
    auto& bucket = found != buckets.end()
                       ? *found
                       : buckets.emplace_back(Bucket{family, network.prefix(), {}});
    bucket.blocks.insert(network.address());
}

bool AddressList::contains(const base::IpAddress& address) const {
    const auto plain = unmapped(address);
    const auto matches = [&](const Bucket& bucket) {
        return isIn(plain, bucket.family, bucket.prefix, bucket.blocks);
    };
    return std::any_of(literal_.begin(), literal_.end(), matches) ||
           std::any_of(resolved_.begin(), resolved_.end(), matches);
}

std::vector<std::string> AddressList::names() const {
    std::vector<std::string> names;
    for (const auto& named : named_) {
        if (std::find(names.begin(), names.end(), named.name) == names.end()) {
            names.push_back(named.name);
        }
    }
    return names;
}

void AddressList::resolve(std::string_view name, std::span<const base::IpAddress> addresses) {
    for (auto& named : named_) {
        if (base::equalsIgnoreCase(named.name, name)) {
            named.resolved = true;
            named.addresses.assign(addresses.begin(), addresses.end());
        }
    }
    resolved_.clear();
    for (const auto& named : named_) {
        for (const auto& address : named.addresses) {
            const auto plain = unmapped(address);
            addBlock(resolved_, base::Network(plain, prefixFor(plain, named.prefix)));
        }
    }
}

bool AddressList::pending() const {
    return std::any_of(named_.begin(), named_.end(),
                       [](const Named& named) { return !named.resolved; });
}

}  // namespace siproxd::access
