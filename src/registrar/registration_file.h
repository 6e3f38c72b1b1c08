// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registrar/binding.h"

/// The registration file, in the format of the original siproxd:
///
///     ****:1:<expires>          an active record: seconds since 1970,
///     <Contact of the phone>    then three URIs, one a line
///     <Contact shown outside>
///     <address-of-record>
///     ****:0:0                  an empty record
///
/// There are at least 512 records, the active ones first. What the original does not keep follows
/// behind the last record, where its readers (they take four lines an active record and one an
/// empty one) have stopped or skip it, one line a binding:
///
///     # binding <id> source=<address> local=<address> provider=<address> cseq=<n> call-id=<x>
///
/// An `<address>` is `ip,port`. `<id>` is a hash of the record's three URI lines: when somebody has
/// edited the record, the line is ignored. Bytes other than letters, digits, `.`, `-` and `_` are
/// written as `%XX`, so that such a line has no `:` and no `@`. Attributes may be missing; unknown
/// ones are ignored. Bindings that are not confirmed are not written.
namespace siproxd::registrar {

inline constexpr std::size_t kLeastRecords = 512;

/// A binding's lines but for the first, which tells the expiry.
struct RecordText {
    std::string text;            ///< three URIs and the comment line; empty: cannot be written
    std::size_t urisLength = 0;  ///< the comment line begins there
};

[[nodiscard]] RecordText encodeRecord(const Binding& binding);

/// Puts a whole file together.
class FileText {
public:
    /// The record is read by finish().
    void add(base::WallSeconds expires, const RecordText& record);
    [[nodiscard]] std::string finish() const;

private:
    struct Part {
        base::WallSeconds expires;
        const RecordText* record;
    };
    std::vector<Part> parts_;
};

/// The whole file for these bindings.
[[nodiscard]] std::string encode(std::span<const Binding> bindings);

struct Decoded {
    /// Confirmed; without tokens unless the masqueraded Contact has one. Expired ones are there
    /// too.
    std::vector<Binding> bindings;
    /// What was wrong, with line numbers; at most 20 lines.
    std::vector<std::string> warnings;
    /// Damaged, or of fewer records than the original would write.
    bool suspicious = false;
};

/// Reads any text without harm: what cannot be understood is skipped with a warning.
[[nodiscard]] Decoded decode(std::string_view text);

}  // namespace siproxd::registrar
