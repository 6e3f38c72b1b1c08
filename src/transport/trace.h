// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>

#include "base/flow.h"

namespace siproxd::transport {

enum class Direction : bool { In, Out };

/// Shows a message in the debug log (class NetTraffic): a line on the way it takes, then its own
/// lines, made printable. Costs nothing when nobody listens.
void trace(Direction direction, const base::Flow& flow, std::string_view bytes);

}  // namespace siproxd::transport
