// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

namespace siproxd::disk {

/// What the file has, 16 MB at most. Nothing when it cannot be read: `why` says so, empty when there is none.
[[nodiscard]] std::optional<std::string> contentOf(const std::string& path, std::string& why);

}  // namespace siproxd::disk
