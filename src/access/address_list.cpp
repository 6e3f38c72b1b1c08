// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/address_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace siproxd::access {

namespace {

constexpr unsigned kV4Bits = 32;
constexpr unsigned kV6Bits = 128;
constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLargestFile = std::size_t{64} << 20;

unsigned bitsOf(const base::IpAddress& address) {
    return address.isV4() ? kV4Bits : kV6Bits;
}

/// Digits and dots alone are an address with a mistake, not a name.
bool isHostName(std::string_view text) {
    return text.size() <= kLongestName && base::hasHostCharacters(text) &&
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

std::optional<base::IpAddress> plainAddress(std::string_view text) {
    return base::IpAddress::parse(base::trim(text));
}

std::unexpected<base::Error> bad(std::string_view entry, std::string_view why) {
    return base::fail(fmt::format("CONFIG: accesslist [{}]- {}", base::printable(entry), why));
}

std::string withoutMask(std::string_view text) {
    std::string why = "no mask separator found";
    if (const auto address = plainAddress(text)) {
        why += fmt::format(" (for one address: {}/{})", address->toString(), bitsOf(*address));
    } else if (isHostName(text)) {
        why += fmt::format(" (for the address of a host: {}/{})", text, kV4Bits);
    }
    return why;
}

void note(std::string& problems, std::string_view separator, std::string_view problem) {
    problems += fmt::format("{}{}", problems.empty() ? "" : separator, problem);
}

}  // namespace

base::Result<AddressList> AddressList::parse(std::string_view text) {
    AddressList list;
    AddressSetBuilder set;
    std::string problems;
    for (const auto part : base::split(text, ',')) {
        const auto entry = base::trim(part);
        if (entry.empty()) {
            continue;
        }
        if (const auto added = list.addEntry(set, entry, Source::Line); !added) {
            note(problems, "; ", added.error().message);
        }
    }
    // Commas or exclusions alone would be an empty list, which allows everybody.
    if (problems.empty() && list.entries_ == list.exclusions_.size() && !base::trim(text).empty()) {
        problems = fmt::format("CONFIG: accesslist [{}]- no entries", base::printable(text));
    }
    if (!problems.empty()) {
        return base::fail(std::move(problems));
    }
    list.literal_ = set.build();
    return list;
}

base::Result<AddressList> AddressList::parseFile(std::string_view content, std::string_view file) {
    AddressList list;
    list.fromFile_ = true;
    AddressSetBuilder set;
    std::string problems;
    std::size_t number = 0;
    for (const auto line : base::split(content, '\n')) {
        ++number;
        for (const auto part : base::split(line.substr(0, line.find_first_of(";#")), ',')) {
            const auto entry = base::trim(part);
            if (entry.empty()) {
                continue;
            }
            if (const auto added = list.addEntry(set, entry, Source::File); !added) {
                note(problems, "\n", fmt::format("{}:{}: {}", file, number, added.error().message));
            }
        }
    }
    if (!problems.empty()) {
        return base::fail(std::move(problems));
    }
    list.literal_ = set.build();
    return list;
}

base::Result<AddressList> AddressList::load(std::string_view value) {
    constexpr std::string_view kScheme = "file:";
    auto path = base::trim(value);
    if (path.starts_with(kScheme)) {
        path = base::trim(path.substr(kScheme.size()));
    } else if (!path.starts_with('/')) {
        return parse(value);
    }
    const auto content = base::readWholeFile(std::string(path), kLargestFile);
    if (!content) {
        return base::fail(fmt::format("cannot read {}: {}", path, content.error().message));
    }
    return parseFile(*content, path);
}

base::Result<void> AddressList::addEntry(AddressSetBuilder& set, std::string_view entry,
                                         Source source) {
    const bool excluded = entry.starts_with('!');
    const auto text = excluded ? base::trim(entry.substr(1)) : entry;
    const auto dash = text.find('-');
    const bool isFirst = entries_ == exclusions_.size();
    if (text.find('/') != std::string_view::npos) {
        if (const auto added = addNetwork(set, entry, text, excluded); !added) {
            return added;
        }
    } else if (dash != std::string_view::npos && plainAddress(text.substr(0, dash))) {
        const auto first = plainAddress(text.substr(0, dash));
        const auto last = plainAddress(text.substr(dash + 1));
        const auto range = last ? AddressRange::between(*first, *last) : std::nullopt;
        if (!range) {
            return bad(entry, "not a range from one address to a later one");
        }
        addRange(set, *range, excluded);
    } else if (const auto address = plainAddress(text); address && source == Source::File) {
        addRange(set, {*address, *address}, excluded);
    } else if (source == Source::Line) {
        return bad(entry, withoutMask(text));
    } else {
        return bad(entry, "neither an address, a range nor a network");
    }
    ++entries_;
    if (excluded && isFirst) {
        idle_.emplace_back(entry);
    }
    return {};
}

base::Result<void> AddressList::addNetwork(AddressSetBuilder& set, std::string_view entry,
                                           std::string_view text, bool excluded) {
    const auto slash = text.find('/');
    const auto host = base::trim(text.substr(0, slash));
    const auto mask = base::trim(text.substr(slash + 1));
    const auto number = base::parseUnsigned(mask, kV6Bits);
    const auto network = base::Network::parse(fmt::format("{}/{}", host, mask));
    if (!number || (!network && plainAddress(host))) {
        return bad(entry, "mask is not a number of bits");
    }
    if (network) {
        addRange(set, AddressRange::of(*network), excluded);
    } else if (!isHostName(host)) {
        return bad(entry, "neither an address nor a host name");
    } else if (excluded) {
        // Until it is resolved it would exclude nobody: a list must not fail open.
        return bad(entry, "a host name cannot be excluded");
    } else {
        named_.push_back(
            {base::toLower(host), static_cast<unsigned>(*number), entries_, false, {}});
    }
    return {};
}

void AddressList::addRange(AddressSetBuilder& set, const AddressRange& range, bool excluded) {
    if (excluded) {
        set.remove(range);
        exclusions_.push_back({range, entries_});
    } else {
        set.add(range);
    }
}

bool AddressList::contains(const base::IpAddress& address) const {
    return literal_.contains(address) || resolved_.contains(address);
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
    AddressSetBuilder set;
    auto exclusion = exclusions_.begin();
    const auto excludeUpTo = [&](std::size_t position) {
        for (; exclusion != exclusions_.end() && exclusion->position < position; ++exclusion) {
            set.remove(exclusion->range);
        }
    };
    for (const auto& named : named_) {
        excludeUpTo(named.position);
        for (const auto& address : named.addresses) {
            set.add(AddressRange::of(base::Network(address, prefixFor(address, named.prefix))));
        }
    }
    excludeUpTo(entries_);
    resolved_ = set.build();
}

bool AddressList::pending() const {
    return std::any_of(named_.begin(), named_.end(),
                       [](const Named& named) { return !named.resolved; });
}

}  // namespace siproxd::access
