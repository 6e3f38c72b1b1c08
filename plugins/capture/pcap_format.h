// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace capture {

/// The two file formats that Wireshark and tcpdump read. All packets are IP packets (LINKTYPE_RAW).
enum class Format : std::uint8_t {
    Pcap,    ///< the old one, microseconds
    Pcapng   ///< with comments
};

/// What a file begins with.
[[nodiscard]] std::string fileHeader(Format format);
/// A packet. `time`: microseconds since 1970. The comment is for Pcapng only; empty: there is none.
[[nodiscard]] std::string packetRecord(Format format, std::int64_t time, std::string_view packet,
                                       std::string_view comment);

}  // namespace capture
