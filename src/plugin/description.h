// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "siproxd/plugin.h"

namespace siproxd::plugin {

/// Why a module's exported data is not that of a plugin which can run here.
struct Refusal {
    bool wrongVersion = false;  ///< it is a plugin, but of another version of the interface
    std::string why;            ///< for the log
};

/// A plugin's description in the host's own layout: what the plugin's version of the interface does
/// not have yet is zero. Pointers still lead into the module.
struct Description {
    siproxd_plugin plugin;
    std::vector<siproxd_option> options;
};

/// Reads and checks what a module exports. Runs none of its code, and reads no member before those
/// in front of it have told that it is there.
[[nodiscard]] std::expected<Description, Refusal> readDescription(const siproxd_plugin* exported);

}  // namespace siproxd::plugin
