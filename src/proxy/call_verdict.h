// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "media/statistics.h"
#include "proxy/call.h"

namespace siproxd::proxy {

/// What the media of a call was like, for people: for each stream and party what came from it, how well,
/// and when nothing was heard, why. One line, without the names of the parties. No streams: says so.
[[nodiscard]] std::string mediaVerdict(const CallState& call,
                                       const std::vector<media::StreamReport>& streams);

/// `alice@example.net to bob@example.net`; empty when they are not known. Printable.
[[nodiscard]] std::string partiesOf(const CallState& call);

}  // namespace siproxd::proxy
