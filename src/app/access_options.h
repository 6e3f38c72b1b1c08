// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "access/policy.h"
#include "access/users.h"
#include "base/result.h"
#include "config/settings.h"
#include "proxy/gate.h"
#include "proxy/local_registrar.h"
#include "proxy/nat_keeper.h"

namespace siproxd::app {

/// The lists of who may talk at all; the error has a line for each bad list, with its place.
[[nodiscard]] base::Result<access::Policy> readPolicy(const config::AccessSettings& settings);

/// Everything else that settles access. Reads files (lists, passwords): blocks. Errors name the
/// directive and its place, all at once.
[[nodiscard]] base::Result<proxy::Gate::Options> readGate(const config::Settings& settings);

/// The users of proxy_auth_pwfile or proxy_auth_passwd.
[[nodiscard]] base::Result<access::Users> readUsers(const config::Settings& settings);

[[nodiscard]] proxy::LocalRegistrar::Options registrarOptions(const config::Settings& settings);

[[nodiscard]] base::Result<proxy::NatKeeper::Options> readNat(const config::Settings& settings);

}  // namespace siproxd::app
