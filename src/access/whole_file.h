// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace siproxd::access {

/// The content of a regular file of at most `most` bytes. Blocks. The error names the path and the
/// system's reason.
[[nodiscard]] base::Result<std::string> readWholeFile(const std::string& path, std::size_t most);

}  // namespace siproxd::access
