// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "siproxd/plugin.hpp"

namespace stats {

/// One direction of a media stream.
struct Flow {
    std::string client;  ///< user@host of the party inside
    std::string callId;  ///< number@host
    bool isCallIncoming = false;
    bool isIncoming = false;  ///< towards the inside
    std::string localIp;      ///< where it comes to us
    std::string remoteIp;     ///< where we send it
};

/// What there is at one moment.
struct Report {
    std::size_t registeredClients = 0;
    std::size_t activeClients = 0;  ///< with a call that has media
    std::size_t activeCalls = 0;    ///< that have media
    std::vector<Flow> flows;

    [[nodiscard]] static Report of(const siproxd::api::Host& host);

    /// For the log. Log watchers know it by heart.
    [[nodiscard]] std::string line() const;
    /// For the file, whose form scripts know. `date` as asctime() writes it, without the line's end.
    [[nodiscard]] std::string text(const std::string& date, long process) const;
};

}  // namespace stats
