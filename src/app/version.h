// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace siproxd::app {

/// `siproxd-1.0.0 x86_64-pc-linux-gnu`.
[[nodiscard]] std::string versionText();

}  // namespace siproxd::app
