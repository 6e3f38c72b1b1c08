// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/policy.h"

namespace siproxd::access {

Rights Policy::classify(const base::IpAddress& address) const {
    const bool named = allowReg.contains(address) || allowSip.contains(address);
    if (denySip.contains(address) || (denySip.pending() && !named)) {
        return {};
    }
    return {
        .mayRegister = allowReg.empty() || allowReg.contains(address),
        .maySip = allowSip.empty() || named,
    };
}

}  // namespace siproxd::access
