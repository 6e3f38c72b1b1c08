// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "config/settings.h"

#include <cstdint>
#include <string>

namespace siproxd::config {

enum class Severity : std::uint8_t {
    Warning,  ///< the line is ignored or understood in a way that the user may not expect
    Error,    ///< the daemon must not start with it
};

/// Something wrong with the configuration.
struct Problem {
    Severity severity;
    Origin origin;
    std::string message;

    /// `/etc/siproxd.conf:12: sip_listen_port = 70000 is out of range (1 to 65535)`
    [[nodiscard]] std::string toString() const { return origin.toString() + ": " + message; }
};

}  // namespace siproxd::config
