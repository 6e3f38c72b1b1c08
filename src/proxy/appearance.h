// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>

#include "plugin/target.h"
#include "sip/message.h"

namespace siproxd::proxy {

/// From and To of a request, as its sender has written them. Its responses get them back, the tags
/// aside, and its number.
struct Parties {
    sip::Uri from;
    sip::Uri to;
    std::uint32_t cseq = 0;

    [[nodiscard]] static Parties of(const sip::Message& request);
    void restore(sip::Message& response) const;
};

/// How one party of a call (mostly one inside) appears to the other in all its requests: perhaps under another
/// name, and with higher numbers, since a request that has been challenged goes out once more with the
/// next one (RFC 3261 §22.2), of which the party knows nothing.
struct Appearance {
    std::shared_ptr<const plugin::Identity> identity;  ///< not null
    bool isCallers = true;  ///< it is that of who has sent the first INVITE
    std::uint32_t shift = 0;  ///< what the numbers of the party's requests are higher by
    /// The last INVITE's: as the party has numbered it, and as it was sent. ACK and PRACK name it.
    std::uint32_t inviteGiven = 0;
    std::uint32_t inviteSent = 0;

    /// Gives a request of the party the shown URIs and number. What proves the party to others goes.
    void show(sip::Message& request) const;
    /// Gives a request of the other party the URIs that the party knows: its own, `local`, and the
    /// other's, `remote`.
    void hide(sip::Message& request, const sip::Uri& local, const sip::Uri& remote) const;
};

}  // namespace siproxd::proxy
