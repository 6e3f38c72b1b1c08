// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "harness.h"

namespace siproxd::test {

inline constexpr std::string_view kPhoneMedia = "10.0.0.10";
inline constexpr std::string_view kPeerMedia = "198.51.100.7";

/// A house with a relay that has so many pairs of ports.
inline HouseOptions withMedia(int pairs = 10) {
    HouseOptions options;
    options.media = true;
    options.portHigh = static_cast<std::uint16_t>(options.portLow + 2 * pairs - 1);
    return options;
}

/// The port of the first m= line of that type; -1: there is none.
inline int portOf(const Sent& sent, std::string_view type = "audio") {
    const auto line = sent.line("m=" + std::string(type));
    return line.empty() ? -1 : std::stoi(line.substr(3 + type.size()));
}

inline bool isRelayPort(int port) {
    return port >= 41000 && port <= 41019 && port % 2 == 0;
}

/// An INVITE of alice to bob.
inline Draft inviteWith(const std::string& sdp, int number = 1) {
    return fromAlice("INVITE", "sip:bob@example.net", number)
        .set("Call-ID", "out" + std::to_string(number))
        .sdp(sdp);
}

}  // namespace siproxd::test
