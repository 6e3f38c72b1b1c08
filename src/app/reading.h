// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "access/policy.h"
#include "app/options.h"
#include "base/file.h"
#include "base/result.h"
#include "config/load.h"
#include "net/tls_context.h"
#include "proxy/gate.h"
#include "proxy/nat_keeper.h"

/// What the start and each SIGHUP read from files.
namespace siproxd::app {

/// What settles access.
struct AccessOptions {
    access::Policy policy;
    proxy::Gate::Options gate;
    proxy::NatKeeper::Options nat;
};

/// Reads lists and passwords too; blocks. The error tells everything that is wrong, a line each.
[[nodiscard]] base::Result<AccessOptions> readAccess(const config::Settings& settings);

/// The configuration. What the command line says (key=value, --pid-file, --debug) goes before the
/// file, each time that it is read. An empty `file`: there is only the command line.
[[nodiscard]] config::LoadResult readConfiguration(const std::string& file, const Options& options);

/// The configuration with the files that it names.
struct Reading {
    config::LoadResult fresh;
    base::Result<AccessOptions> access;
    base::Result<net::TlsContext> certificates;
    base::FileIdentity passwords;  ///< the version that is in `access`, or an older one

    /// Blocks. `file` as for readConfiguration().
    [[nodiscard]] static Reading of(const std::string& file, const Options& options);
};

}  // namespace siproxd::app
