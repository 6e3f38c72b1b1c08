// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"
#include "config/settings.h"
#include "net/interface_table.h"
#include "proxy/addresses.h"

namespace siproxd::app {

/// Finds our addresses on the interfaces (or addresses) that if_inbound and if_outbound name.
/// `announced` is unknown when host_outbound is a name: it has to be resolved. Errors name the
/// directive.
[[nodiscard]] base::Result<proxy::Addresses> findAddresses(const net::InterfaceTable& table,
                                                           const config::NetworkSettings& settings);

}  // namespace siproxd::app
