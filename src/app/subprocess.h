// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace siproxd::app {

/// Runs a program that is found in PATH, gives it `input` and returns what it says on standard output and
/// standard error, up to `most` bytes. Blocks, for `patience` at most: then it is killed. Error: it could
/// not be run, has failed (with the beginning of what it has said), or did not end.
[[nodiscard]] base::Result<std::string> runProgram(const std::vector<std::string>& words,
                                                   std::string_view input, std::size_t most,
                                                   std::chrono::milliseconds patience);

}  // namespace siproxd::app
