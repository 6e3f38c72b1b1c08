// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace siproxd::app {

enum class Action : std::uint8_t {
    Run,
    Help,
    Version,
    CheckConfig,        ///< says what is wrong with the configuration, exit status 1 on errors
    DumpConfig,         ///< prints every directive with its value
    CheckPlugin,        ///< loads a module without running it
    RouteTest,          ///< prints what would become of a number, and why
    SuggestInterfaces,  ///< prints if_inbound and if_outbound as found on this machine
};

/// What the command line says.
struct Options {
    Action action = Action::Run;
    std::string configFile;                  ///< empty: searched for
    std::string pidFile;                     ///< empty: as configured
    std::optional<std::uint32_t> debugLevel; ///< replaces debug_level
    std::string plugin;                      ///< file for CheckPlugin
    std::string number;                      ///< for RouteTest
    std::string caller;                      ///< likewise: user@domain
    bool showFirewall = false;               ///< print what is listened on and the firewall rules
    std::vector<std::string> overrides;      ///< `key=value`
    std::vector<std::string> unknown;        ///< short options and words that nobody knows; the
                                             ///< original ignores them too
};

/// Reads the command line; nothing is printed. Errors: an option without its argument, a number
/// that is none, an unknown option that begins with `--` (a mistyped --check-config must not start
/// a daemon).
[[nodiscard]] base::Result<Options> parseOptions(int argc, char* argv[]);

/// The text of `--help`.
[[nodiscard]] std::string helpText();

}  // namespace siproxd::app
