// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>

#include "app/options.h"
#include "app/process.h"
#include "base/random.h"
#include "base/result.h"
#include "config/settings.h"

namespace siproxd::app {

/// Whether lists, passwords and what else settles access can be read; the error has a line for each
/// that cannot, with its place.
[[nodiscard]] base::Result<void> checkAccess(const config::Settings& settings);

/// The daemon: builds every object, joins them by references, and runs until it is told to end.
/// There is nothing global beside it but the log.
class Application {
public:
    /// Sets everything up that does not need the network: loads plugins, opens sockets and files,
    /// gives privileges up. `background` is told when all is ready.
    [[nodiscard]] static base::Result<std::unique_ptr<Application>> create(
        const Options& options, config::Settings settings, std::string configFile);
    ~Application();
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    /// Runs until SIGTERM or SIGINT.
    void run();

    /// What it listens on and the firewall rules to add, for people.
    [[nodiscard]] std::string firewallText() const;

private:
    Application();

    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace siproxd::app
