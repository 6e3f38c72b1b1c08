// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "dns/resolv_conf.h"

namespace siproxd::dns {

/// The resolv.conf of the machine, and whether it has changed.
class SystemNames {
public:
    /// Reads the file. The clock must outlive this object.
    explicit SystemNames(const base::Clock& clock, std::string path = "/etc/resolv.conf");

    /// What the file says, or said when it could be read last. There is always a server.
    [[nodiscard]] const SystemConfiguration& configuration() const { return configuration_; }

    /// Whether the file has been read anew because it has changed. Looks at it every 5 s at most.
    [[nodiscard]] bool changed();

private:
    void read();

    const base::Clock& clock_;
    std::string path_;
    base::FileWatch watch_;
    SystemConfiguration configuration_;
    base::TimePoint checked_;
};

}  // namespace siproxd::dns
