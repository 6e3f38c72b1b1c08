// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/server_transaction.h"

#include "base/log.h"

namespace siproxd::transaction {

void ServerTransaction::transmitResponse(const sip::Message& response) {
    keep(response.serialize());
    logFailure(transmit());
}

void ServerTransaction::passOn(const sip::Message& response) {
    forgetBytes();
    logFailure(send(response.serialize()));
}

void ServerTransaction::logFailure(const base::Result<void>& result) const {
    if (!result) {
        log::debug(log::Class::Sip, "server transaction {}: response not sent: {}",
                   static_cast<std::uint64_t>(id_), result.error().message);
    }
}

}  // namespace siproxd::transaction
