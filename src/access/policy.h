// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "access/address_list.h"

namespace siproxd::access {

/// What the sender of a packet may do.
struct Rights {
    bool mayRegister = false;
    bool maySip = false;  ///< anything else

    friend bool operator==(const Rights&, const Rights&) = default;
};

/// The directives hosts_allow_reg, hosts_allow_sip and hosts_deny_sip.
struct Policy {
    AddressList allowReg;
    AddressList allowSip;
    AddressList denySip;

    /// Who is in denySip may do nothing. SIP is for those in allowSip, or all when that is empty;
    /// registering for those in allowReg, or all when that is empty; who is in allowReg may also
    /// SIP.
    ///
    /// A deny list never fails open: while one of its names has not been resolved even once, only
    /// those may do something whom an allow list names.
    [[nodiscard]] Rights classify(const base::IpAddress& address) const;

    /// Some name in the lists has never been resolved.
    [[nodiscard]] bool pending() const {
        return allowReg.pending() || allowSip.pending() || denySip.pending();
    }
};

}  // namespace siproxd::access
