// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace siproxd::app {

/// The program: reads the command line and the configuration and does what they say. Returns the
/// exit status.
[[nodiscard]] int run(int argc, char* argv[]);

}  // namespace siproxd::app
