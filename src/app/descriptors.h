// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

#include "base/result.h"
#include "config/settings.h"

namespace siproxd::app {

/// How many files a daemon with these settings may have open at once: sockets of the relay, connections
/// and some for everything else.
[[nodiscard]] std::size_t descriptorsNeeded(const config::Settings& settings);

/// How many calls with one stream, two addresses of ours, can be relayed when so many files may be open.
[[nodiscard]] std::size_t callsPossible(const config::Settings& settings, std::size_t descriptors);

/// To how many the limit of open files can be raised by this process.
[[nodiscard]] std::size_t descriptorsPossible();

/// Raises the limit of open files to `wanted` where it is lower, or as far as possible. The error says how
/// many there are.
[[nodiscard]] base::Result<void> raiseDescriptorLimit(std::size_t wanted);

}  // namespace siproxd::app
