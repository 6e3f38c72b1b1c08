// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "sip/message.h"
#include "sip/via.h"
#include "base/flow.h"

namespace siproxd::transaction {

/// Writes down where a request came from: sets `received` on its topmost Via when the sent-by is a
/// name or another address, and always when the peer asked for `rport`, which is set as well
/// (RFC 3261 §18.2.1, RFC 3581 §4). What the peer put there itself is overwritten.
/// `topVia` is that Via, parsed.
void stampSource(sip::Message& request, sip::Via topVia, const base::Flow& from);

/// Where the response to a request goes that came over UDP (RFC 3261 §18.2.2, RFC 3581 §4): to its
/// source when the top Via has `rport` or when the sent-by is not an address, else to the source
/// address and the sent-by port (default 5060); for connections the connection itself.
[[nodiscard]] base::Flow responsePeer(const sip::Message& request, const base::Flow& from);

/// The same for one who has the topmost Via already.
[[nodiscard]] base::Flow responsePeer(const sip::Via& topVia, const base::Flow& from);

}  // namespace siproxd::transaction
