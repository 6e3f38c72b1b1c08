// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "sip/message.h"
#include "sip/via.h"

namespace siproxd::transaction {

/// What all requests of one server transaction have in common and no other request has (RFC 3261
/// §17.2.3): branch, sent-by and method; from peers of RFC 2543, whose branch lacks the cookie, the
/// request URI, From tag, Call-ID, CSeq number and topmost Via instead.
///
/// `topVia` is the request's as the peer sent it, without our `received` and `rport`. `method` is
/// the one of the transaction that is looked for: "INVITE" for an ACK, and for the INVITE that a
/// CANCEL is about.
///
/// Call-ID and CSeq number count for RFC 3261 peers too. In one transaction they are the same
/// anyway, and a phone that uses a branch twice (or shares its random numbers with another one) is
/// served instead of being taken for a retransmission.
[[nodiscard]] std::string serverKey(const sip::Message& request, const sip::Via& topVia,
                                    std::string_view method);

/// What a client transaction and its responses have in common (RFC 3261 §17.1.3).
[[nodiscard]] std::string clientKey(std::string_view branch, std::string_view method);

}  // namespace siproxd::transaction
