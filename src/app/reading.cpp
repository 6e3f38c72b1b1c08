// SPDX-License-Identifier: GPL-2.0-or-later
#include "app/reading.h"

#include <utility>

#include "app/access_options.h"
#include "app/module_settings.h"

namespace siproxd::app {

base::Result<AccessOptions> readAccess(const config::Settings& settings) {
    auto policy = readPolicy(settings.access);
    auto gate = readGate(settings);
    auto nat = readNat(settings);
    std::string errors;
    for (const auto* error : {policy ? nullptr : &policy.error(), gate ? nullptr : &gate.error(),
                              nat ? nullptr : &nat.error()}) {
        if (error != nullptr) {
            errors += (errors.empty() ? "" : "\n") + error->message;
        }
    }
    if (!errors.empty()) {
        return base::fail(errors);
    }
    return AccessOptions{std::move(*policy), std::move(*gate), std::move(*nat)};
}

config::LoadResult readConfiguration(const std::string& file, const Options& options) {
    auto loaded = file.empty() ? config::read("", "", options.overrides)
                               : config::load(file, options.overrides);
    const config::Origin origin{"command line", 0};
    if (!options.pidFile.empty()) {
        loaded.settings.process.pidFile = options.pidFile;
        loaded.settings.origins.insert_or_assign("pid_file", origin);
    }
    if (options.debugLevel) {
        loaded.settings.log.debugLevel = *options.debugLevel;
        loaded.settings.origins.insert_or_assign("debug_level", origin);
    }
    return loaded;
}

Reading Reading::of(const std::string& file, const Options& options) {
    auto fresh = readConfiguration(file, options);
    // First, so that a change meanwhile is noticed afterwards.
    const auto passwords = base::FileIdentity::of(fresh.settings.access.proxyAuthPwfile);
    auto access = readAccess(fresh.settings);
    auto certificates = readTls(fresh.settings);
    return {std::move(fresh), std::move(access), std::move(certificates), passwords};
}

}  // namespace siproxd::app
