// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "sip/message.h"

namespace siproxd::transaction {

// The two requests that an INVITE client transaction sends of its own accord, as bytes for the
// wire. What RFC 3261 wants to equal the INVITE is copied from it letter by letter.

/// The ACK for a final response other than 2xx (RFC 3261 §17.1.1.3).
[[nodiscard]] std::string ackFor(const sip::Message& invite, const sip::Message& response);

/// The CANCEL for an INVITE (RFC 3261 §9.1); a `reason` that is not empty becomes its Reason header
/// (RFC 3326).
[[nodiscard]] std::string cancelFor(const sip::Message& invite, std::string_view reason);

}  // namespace siproxd::transaction
