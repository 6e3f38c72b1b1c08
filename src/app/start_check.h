// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "config/problem.h"
#include "config/settings.h"

namespace siproxd::app {

/// What would hinder a daemon with these settings on this machine, started by this user: users,
/// directories and modules that are not there, ports that are taken twice. Errors are what it does not
/// start with, warnings what it does without. Each has the place of its directive. Changes nothing.
/// For the start and --check-config only: in a jail there is less to see.
[[nodiscard]] std::vector<config::Problem> checkStart(const config::Settings& settings);

}  // namespace siproxd::app
