// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/clock.h"
#include "plugin/call_view.h"
#include "proxy/call.h"

namespace siproxd::proxy {

/// A call as plugins see it, with its media so far. `wallNow` goes with `now`.
[[nodiscard]] plugin::CallView reportOf(const Call& call, base::TimePoint now,
                                        base::WallSeconds wallNow);

}  // namespace siproxd::proxy
