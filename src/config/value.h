// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"
#include "config/schema.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace siproxd::config {

/// A number as a configuration file writes it.
struct Integer {
    std::int64_t value = 0;  ///< beyond 64 bits: the nearest that fits
    bool octal = false;      ///< written with a leading zero and therefore read as octal
};

/// The whole of `text` as decimal, `0x` hexadecimal or leading-zero octal number with an optional
/// sign; the same notation that plugins' options use.
[[nodiscard]] std::optional<Integer> parseInteger(std::string_view text);

/// A checked value and what the user should be told about it all the same.
struct Checked {
    Value value;
    std::string warning;  ///< empty: nothing
};

/// Checks the text against the type and range of the directive.
[[nodiscard]] base::Result<Checked> checkValue(const Directive& directive, std::string_view text,
                                               const Origin& origin);

}  // namespace siproxd::config
