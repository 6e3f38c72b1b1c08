// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"

namespace siproxd::base {

/// The same for texts of the same length.
[[nodiscard]] bool equalLettersIgnoreCase(std::string_view a, std::string_view b);

/// ASCII case-insensitive comparison (SIP tokens, host names).
[[nodiscard]] inline bool equalsIgnoreCase(std::string_view a, std::string_view b) {
    return a.size() == b.size() && equalLettersIgnoreCase(a, b);
}
[[nodiscard]] bool startsWithIgnoreCase(std::string_view text, std::string_view prefix);

/// ASCII lower case; other bytes stay.
[[nodiscard]] std::string toLower(std::string_view text);

/// Without spaces, tabs, CR and LF at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

/// Letters, digits, `-`, `.` and, because they are in use, `_`; not empty. What a host name is made of
/// wherever one is read; what else it has to be differs.
[[nodiscard]] bool hasHostCharacters(std::string_view text);

/// Whether there is a byte below 32 or one that is 127.
[[nodiscard]] bool hasControlBytes(std::string_view text);

/// The parts between `separator`, empty ones included.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// The whole of `text` as an unsigned decimal number (digits only) not above `max`.
[[nodiscard]] std::optional<std::uint64_t> parseUnsigned(std::string_view text,
                                                         std::uint64_t max = UINT64_MAX);

/// Bytes of a stranger made fit for a log line: control characters and bytes over 126 become `\xNN`;
/// cut at `limit` bytes of input with `...` behind.
[[nodiscard]] std::string printable(std::string_view bytes, std::size_t limit = 256);

/// Hashes strings and views alike, so that tables keyed by string are searched without a copy.
struct StringHash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(std::string_view text) const {
        return static_cast<std::size_t>(keyedHash(text));
    }
};

}  // namespace siproxd::base
