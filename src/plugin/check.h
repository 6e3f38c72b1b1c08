// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "base/result.h"

namespace siproxd::plugin {

/// `siproxd --check-plugin FILE`: loads a module and reads its description, runs none of its
/// callbacks. A text for the user (several lines, each with its end), or why it is no plugin.
[[nodiscard]] base::Result<std::string> checkPlugin(const std::string& file);

}  // namespace siproxd::plugin
