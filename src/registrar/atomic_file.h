// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace siproxd::registrar {

enum class Replaced : std::uint8_t {
    Atomically,
    /// The directory does not let us, so the old content was overwritten: a crash meanwhile would
    /// leave a mixture.
    InPlace,
};

/// Gives a file new content, all or nothing: writes `<path>.new`, flushes it to the disk and
/// renames it. A new file is for owner and group (0640); an existing one keeps its mode and, where
/// we may, its owner. Symbolic links are followed; what is not a regular file is just written to.
/// Blocks. Errors name the path and the system's reason.
[[nodiscard]] base::Result<Replaced> replaceFile(const std::string& path, std::string_view content);

}  // namespace siproxd::registrar
