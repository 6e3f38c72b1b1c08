// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "config/settings.h"

#include <string_view>
#include <vector>

namespace siproxd::config {

/// What SIGHUP makes of freshly loaded settings.
struct Reloaded {
    Settings settings;  ///< the running ones with the new values of all reloadable directives
    std::vector<std::string_view> changed;  ///< directives that take effect now
    /// Directives whose new value waits for a restart; `plugin_*` stands for plugins' options.
    std::vector<std::string_view> needRestart;
};

/// Merges `fresh`, which must have been loaded without errors, into the running settings.
[[nodiscard]] Reloaded reload(const Settings& running, const Settings& fresh);

}  // namespace siproxd::config
