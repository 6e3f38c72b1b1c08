// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/random.h"
#include "dns/records.h"

namespace siproxd::dns {

/// The records in the order to try them in (RFC 2782, "Usage rules"): by priority, and drawn by lot
/// within a priority, each with a chance that is proportional to its weight.
[[nodiscard]] SrvRecords drawOrder(SrvRecords records, base::Random& random);

}  // namespace siproxd::dns
