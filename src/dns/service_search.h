// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>

#include "dns/facts.h"
#include "dns/locator.h"

namespace siproxd::dns {

/// The rules of RFC 3263 §4.1 and §4.2 over what is known: the services in their order, or why
/// there are none. Nothing when more must be known: `facts` has noted what, and when that has been
/// learned this is called again.
[[nodiscard]] std::optional<Located> searchServices(const Wanted& wanted, Facts& facts);

}  // namespace siproxd::dns
