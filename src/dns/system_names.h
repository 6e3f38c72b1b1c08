// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
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
    /// Tells one state of a file from another.
    struct Stamp {
        dev_t device = 0;
        ino_t inode = 0;
        std::int64_t seconds = 0;
        std::int64_t nanoseconds = 0;
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };

    [[nodiscard]] std::optional<Stamp> stamp() const;
    void read();

    const base::Clock& clock_;
    std::string path_;
    SystemConfiguration configuration_;
    std::optional<Stamp> stamp_;
    base::TimePoint checked_;
};

}  // namespace siproxd::dns
