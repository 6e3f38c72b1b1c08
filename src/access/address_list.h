// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace siproxd::access {

/// An address list of the configuration: `address/prefix,address/prefix`, where an address may be a
/// host name. Look-ups cost one hash probe for each prefix length that occurs.
///
/// Names are not resolved here. The owner asks for names(), resolves them in its own time (again
/// when their TTL is over) and hands the addresses to resolve(). An entry whose name has not been
/// resolved matches nobody; who must not err on that side asks pending().
class AddressList {
public:
    /// Reads a list; spaces and empty entries do not matter, an empty text is an empty list. The
    /// error names every bad entry: a list is never half understood.
    [[nodiscard]] static base::Result<AddressList> parse(std::string_view text);

    /// No entry at all (entries with names count).
    [[nodiscard]] bool empty() const { return entries_ == 0; }

    /// IPv4 addresses mapped into IPv6 (::ffff:192.0.2.1) are looked up as IPv4.
    [[nodiscard]] bool contains(const base::IpAddress& address) const;

    /// Host names in the list, each once, in lower case.
    [[nodiscard]] std::vector<std::string> names() const;

    /// What a name stands for from now on: replaces earlier addresses. No addresses is an answer as
    /// well (the name does not exist). When the name servers do not answer, do not call: the last
    /// known addresses stay. The prefix of the entry is that of an IPv4 address when it is up to
    /// 32, an IPv6 address then gets as many host bits; a prefix over 32 is for IPv6, and IPv4
    /// addresses count whole. Unknown names are ignored.
    void resolve(std::string_view name, std::span<const base::IpAddress> addresses);

    /// Some name has never been resolved.
    [[nodiscard]] bool pending() const;

private:
    /// Blocks of one family and prefix length.
    struct Bucket {
        base::Family family;
        unsigned prefix;
        std::unordered_set<base::IpAddress, base::AddressHash> blocks;
    };
    struct Named {
        std::string name;
        unsigned prefix;
        bool resolved = false;
        std::vector<base::IpAddress> addresses;
    };

    [[nodiscard]] base::Result<void> addEntry(std::string_view entry);
    static void addBlock(std::vector<Bucket>& buckets, const base::Network& network);

    std::size_t entries_ = 0;
    std::vector<Bucket> literal_;
    std::vector<Bucket> resolved_;  ///< of named_; built anew when a name changes
    std::vector<Named> named_;
};

}  // namespace siproxd::access
