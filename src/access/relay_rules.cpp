// SPDX-License-Identifier: GPL-2.0-or-later
#include "access/relay_rules.h"

namespace siproxd::access {

RelayAnswer RelayRules::decide(const RelayQuestion& question) const {
    return question.from == Side::Inside ? decideInside(question) : decideOutside(question);
}

RelayAnswer RelayRules::decideInside(const RelayQuestion& question) const {
    if (!question.user.empty()) {
        return RelayAnswer::Allow;
    }
    const bool mayRelay = question.target != Target::Elsewhere || relayNetworks.empty() ||
                          relayNetworks.contains(question.source);
    if (!mayRelay) {
        return usersOutside || authenticateCalls ? RelayAnswer::Authenticate : RelayAnswer::Refuse;
    }
    return authenticateCalls && question.isCall ? RelayAnswer::Authenticate : RelayAnswer::Allow;
}

RelayAnswer RelayRules::decideOutside(const RelayQuestion& question) const {
    const bool user = usersOutside && !question.user.empty();
    const bool known = question.isKnown || trunkNetworks.contains(question.source);
    bool allowed = user;
    switch (question.target) {
        case Target::Registered:
            allowed = user || known || anonymous == Anonymous::Registered;
            break;
        case Target::Elsewhere:
            // An empty list means the inside only: out here nobody relays by address unless it is
            // named.
            allowed = user || relayNetworks.contains(question.source);
            break;
        case Target::Ourselves: allowed = user || known; break;
    }
    if (allowed) {
        return RelayAnswer::Allow;
    }
    return usersOutside ? RelayAnswer::Authenticate : RelayAnswer::Ignore;
}

}  // namespace siproxd::access
