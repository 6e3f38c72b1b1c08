// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>

#include "app/options.h"
#include "base/random.h"
#include "base/result.h"

namespace siproxd::app {

struct Reading;

/// The daemon: builds every object, joins them by references, and runs until it is told to end.
/// There is nothing global beside it but the log.
class Application {
public:
    /// Sets everything up that does not need the network: loads plugins, opens sockets and files,
    /// gives privileges up. `reading` is what `configFile` and the options say, without errors.
    [[nodiscard]] static base::Result<std::unique_ptr<Application>> create(
        const Options& options, Reading reading, std::string configFile);
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
