// SPDX-License-Identifier: GPL-2.0-or-later
#include "transaction/matching.h"

#include <fmt/core.h>

#include "base/text.h"

namespace siproxd::transaction {

std::string serverKey(const sip::Message& request, const sip::Via& topVia,
                      std::string_view method) {
    const auto number = request.cseq().number;
    const auto branch = topVia.branch();
    if (branch.starts_with(sip::kBranchCookie)) {
        return fmt::format("{} {} {}:{} {} {}", method, branch, base::toLower(topVia.host),
                           topVia.portOrDefault(), number, request.callId());
    }
    return fmt::format("{} 2543 {} {} {} {} {}", method, request.requestUriText(),
                       request.fromTag(), number, request.callId(), topVia.toString());
}

std::string clientKey(std::string_view branch, std::string_view method) {
    std::string key(branch);
    key += ' ';
    key += method;
    return key;
}

}  // namespace siproxd::transaction
