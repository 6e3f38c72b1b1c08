// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "config/settings.h"

#include <string>

namespace siproxd::config {

/// The settings as the text of a configuration file: every directive with its meaning, those
/// without a value commented out. read() gives the same settings from it. Passwords are not left
/// out.
[[nodiscard]] std::string dump(const Settings& settings);

}  // namespace siproxd::config
