// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace siproxd::sip {

/// Header fields that the proxy reads or writes itself; everything else is Other and kept by name.
enum class HeaderName : std::uint8_t {
    Via,
    From,
    To,
    CallId,
    CSeq,
    Contact,
    Route,
    RecordRoute,
    Path,
    ServiceRoute,
    MaxForwards,
    Expires,
    ContentType,
    ContentLength,
    Other,
};

/// Which header a field name means; without case, compact forms included (RFC 3261 §7.3.3).
[[nodiscard]] HeaderName headerNameFrom(std::string_view name);

/// The long name of a compact form (`i` → `Call-ID`); any other name as it is.
[[nodiscard]] std::string_view longHeaderName(std::string_view name);

/// Whether a message may have the header field only once.
[[nodiscard]] bool isSingleton(HeaderName name);

/// The same for fields that the proxy only passes on, by their long name: those that would let two
/// readers understand different things.
[[nodiscard]] bool isSingleton(std::string_view longName);

/// Whether its comma-separated values are kept as one field each.
[[nodiscard]] bool isSplit(HeaderName name);

}  // namespace siproxd::sip
