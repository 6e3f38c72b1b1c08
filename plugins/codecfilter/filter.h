// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace siproxd::codecfilter {

/// What filter() has done to a session description.
struct Filtered {
    std::string text;                  ///< all of the description
    std::vector<std::string> removed;  ///< what the codecs are called: `8 PCMA/8000`
    std::size_t refused = 0;           ///< streams that had no other codec: their port is 0 now
    /// Streams that had no other codec and are as they were, for the call would have no media at
    /// all.
    std::size_t kept = 0;
};

/// Takes payload types out of the m= lines of a session description (RFC 8866), together with the
/// lines that say more of them: those with `words` in what stands behind a=rtpmap:, without regard
/// to case. Static payload types (RFC 3551 §6) have their names also without such a line.
/// Retransmissions (RFC 4588) of what is removed go as well. All other bytes stay as they are.
[[nodiscard]] Filtered filter(std::string_view description, const std::vector<std::string>& words);

}  // namespace siproxd::codecfilter
