// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/direction.h"

namespace siproxd::proxy {

namespace {

/// Bindings of the best kind that there is: several Contacts of one address-of-record ring together,
/// but somebody else's phone of the same name does not.
std::vector<const registrar::Binding*> best(const std::vector<registrar::Candidate>& candidates) {
    std::vector<const registrar::Binding*> out;
    for (const auto& candidate : candidates) {
        if (!out.empty() && (candidate.match != candidates.front().match ||
                             !candidate.binding->aor.sameAddress(out.front()->aor))) {
            break;
        }
        out.push_back(candidate.binding);
    }
    return out;
}

}  // namespace

Side DirectionFinder::sideOf(const base::Flow& from, unsigned interfaceIndex) const {
    const auto& source = from.remote.ip;
    if (addresses_.single()) {
        if (addresses_.isOurs(source)) {
            return Side::Outside;
        }
        return locations_.knowsHost(source) || addresses_.isInside(source) ? Side::Inside
                                                                           : Side::Outside;
    }
    // What this machine sends to itself arrives by the loopback interface.
    if (const auto side = addresses_.sideOfInterface(interfaceIndex)) {
        return *side;
    }
    return addresses_.isInside(source) && !addresses_.isOurs(source) ? Side::Inside
                                                                     : Side::Outside;
}

std::vector<InsideTarget> DirectionFinder::insideTargets(const sip::Message& request,
                                                         const base::SocketAddress& source) {
    const auto uri = request.requestUri();
    if (const auto token = registrar::tokenOf(uri); !token.empty()) {
        if (const auto* binding = locations_.find(token);
            binding != nullptr && locations_.isLive(*binding)) {
            return {{binding->contact, binding->flow.local, binding->path}};
        }
        if (const auto* alias = aliases_.find(token);
            alias != nullptr && (!alias->formerBinding || !request.toTag().empty())) {
            return {{alias->contact, alias->flow.local, alias->routes}};
        }
    }
    if (!request.toTag().empty()) {
        if (const Call* call = calls_.find(request, Side::Outside);
            call != nullptr && !call->state().insideContact.host.empty()) {
            return {{call->state().insideContact, {}, call->state().insideRoutes}};
        }
    }
    std::vector<InsideTarget> targets;
    for (const auto* binding : best(locations_.candidates(uri, request.to().uri, source))) {
        targets.push_back({binding->contact, binding->flow.local, binding->path});
    }
    return targets;
}

Located DirectionFinder::find(const sip::Message& request, const base::Flow& from,
                              unsigned interfaceIndex) {
    using plugin::Direction;
    if (sideOf(from, interfaceIndex) == Side::Inside) {
        return {Direction::RequestOutgoing, {}};
    }
    if (request.method() != sip::Method::Register) {
        if (auto targets = insideTargets(request, from.remote); !targets.empty()) {
            return {Direction::RequestIncoming, std::move(targets)};
        }
    }
    if (addresses_.isOurs(from.remote.ip) && !addresses_.isOurs(request.requestUri())) {
        return {Direction::RequestOutgoing, {}};
    }
    return {};
}

}  // namespace siproxd::proxy
