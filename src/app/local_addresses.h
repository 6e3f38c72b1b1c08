// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "config/settings.h"
#include "dns/resolver.h"
#include "net/interface_selection.h"
#include "proxy/addresses.h"

namespace siproxd::app {

/// Who we are on the interfaces that are there. `announced` are the addresses of host_outbound when
/// that is a name, none while they are not known; `learned` is what a plugin has found out, and goes before it. An address of host_outbound stands for the
/// endpoints of its own IP version, a name for those that it has addresses for.
[[nodiscard]] proxy::Addresses localAddresses(const net::SelectedInterfaces& selected,
                                              const config::Settings& settings,
                                              const dns::Addresses& announced = {},
                                              const std::optional<base::IpAddress>& learned = {});

/// What is to be said of neighbours: with a single interface its subnet counts as inside, which on a
/// rented server is everybody in the rack. Empty: they are at home.
[[nodiscard]] std::string neighbourWarning(const proxy::Addresses& addresses);

}  // namespace siproxd::app
