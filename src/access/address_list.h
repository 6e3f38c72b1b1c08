// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/address_set.h"
#include "base/address.h"
#include "base/result.h"

namespace siproxd::access {

/// An address list of the configuration. Entries are, IPv4 and IPv6 alike:
///
///     10.0.0.0/8               a network; a host name may stand for the address
///     10.0.0.5 - 10.0.0.9      a range, both ends included
///     !10.0.0.7/32             taken out of what the entries before it have put in; also ranges
///     10.0.0.5                 one address; only in a file, for in a line it is a forgotten prefix
///
/// A line of the configuration separates them by commas. A file has one or several on each of its
/// lines; `;` and `#` begin comments there. Look-ups take logarithmic time.
///
/// Names are not resolved here. The owner asks for names(), resolves them in its own time (again
/// when their TTL is over) and hands the addresses to resolve(). An entry whose name has not been
/// resolved matches nobody; who must not err on that side asks pending().
class AddressList {
public:
    /// Reads a line; spaces and empty entries do not matter, an empty text is an empty list. The
    /// error names every bad entry: a list is never half understood.
    [[nodiscard]] static base::Result<AddressList> parse(std::string_view text);

    /// Reads the content of a file; errors name `file`, line and entry. A file without entries is
    /// not an empty list, but one with nobody in it.
    [[nodiscard]] static base::Result<AddressList> parseFile(std::string_view content,
                                                             std::string_view file);

    /// What a directive says: `file:` and a path, or an absolute path, is a file (read at once, at
    /// most 64 MB); anything else is a line.
    [[nodiscard]] static base::Result<AddressList> load(std::string_view value);

    /// Nothing was configured (entries with names count).
    [[nodiscard]] bool empty() const { return entries_ == 0 && !fromFile_; }

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

    /// Exclusions, as they were written, that have no other entry before them: they take nothing out,
    /// which is hardly what was meant.
    [[nodiscard]] const std::vector<std::string>& idleExclusions() const { return idle_; }

private:
    struct Named {
        std::string name;
        unsigned prefix;
        std::size_t position;  ///< among the entries
        bool resolved = false;
        std::vector<base::IpAddress> addresses;
    };
    struct Exclusion {
        AddressRange range;
        std::size_t position;
    };
    enum class Source : bool { Line, File };

    [[nodiscard]] base::Result<void> addEntry(AddressSetBuilder& set, std::string_view entry,
                                              Source source);
    [[nodiscard]] base::Result<void> addNetwork(AddressSetBuilder& set, std::string_view entry,
                                                std::string_view text, bool excluded);
    void addRange(AddressSetBuilder& set, const AddressRange& range, bool excluded);

    std::size_t entries_ = 0;
    bool fromFile_ = false;
    AddressSet literal_;   ///< the entries without names
    AddressSet resolved_;  ///< those with, less the exclusions behind them
    std::vector<Named> named_;
    std::vector<Exclusion> exclusions_;
    std::vector<std::string> idle_;
};

}  // namespace siproxd::access
