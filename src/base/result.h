// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace siproxd::base {

/// Why something failed, in words that an administrator can act on.
struct Error {
    std::string message;
};

/// A value, or the reason why there is none. Nothing of ours throws.
template <class T>
using Result = std::expected<T, Error>;

/// Shorthand for the failing side of a Result.
inline std::unexpected<Error> fail(std::string message) {
    return std::unexpected(Error{std::move(message)});
}

}  // namespace siproxd::base
