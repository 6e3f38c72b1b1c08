// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace siproxd::sdp {

/// A session description within a body.
struct Place {
    std::size_t begin = 0;
    std::size_t size = 0;
    /// It describes the session of the call. Else its Content-Disposition says something else, such
    /// as `early-session` (RFC 3959).
    bool isSession = true;

    friend bool operator==(const Place&, const Place&) = default;
};

/// Parts of one multipart body, those of nested ones included.
inline constexpr std::size_t kMaxParts = 32;
/// Multipart bodies within each other.
inline constexpr std::size_t kMaxNesting = 4;

/// Where session descriptions stand in the body of a message, in order: the whole body when
/// `contentType` (the value of that header field, with its parameters) is application/sdp, parts of
/// it when that is multipart/mixed, related or alternative (RFC 2046 §5.1, RFC 5621), nowhere in
/// bodies of other types. Signed and encrypted ones are such others: nobody may change them.
///
/// Errors: a multipart body that could be read in more ways than one, or not at all: no or no proper
/// boundary, no closing one, a line that only begins like one, two Content-Types in a part, an
/// encoded description (RFC 5621 §3.3: SIP is 8 bit clean), more than one description of the
/// session, more than kMaxParts or kMaxNesting.
[[nodiscard]] base::Result<std::vector<Place>> findDescriptions(std::string_view contentType,
                                                                std::string_view body);

}  // namespace siproxd::sdp
