// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"
#include "config/settings.h"
#include "dns/cares_resolver.h"
#include "net/interface_selection.h"
#include "net/tls_context.h"
#include "transport/transports.h"

/// What the modules are told, made from the configuration. Errors name the place and the directive.
namespace siproxd::app {

[[nodiscard]] base::Result<net::InterfaceSelection> readSelection(const config::Settings& settings);

[[nodiscard]] base::Result<dns::ResolverSettings> readResolver(const config::Settings& settings);

/// Reads the certificates.
[[nodiscard]] base::Result<net::TlsContext> readTls(const config::Settings& settings);

[[nodiscard]] transport::StreamSettings streamSettings(const config::Settings& settings);

/// Whether all of the above can be read, certificates apart, which take their time; the error has a
/// line for each that cannot.
[[nodiscard]] base::Result<void> checkModuleSettings(const config::Settings& settings);

}  // namespace siproxd::app
