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

std::optional<base::Flow> fixedFlow(const base::Flow& flow, bool natted) {
    return natted || flow.connection != 0 ? std::optional(flow) : std::nullopt;
}

InsideTarget targetOf(const registrar::Binding& binding) {
    return {.uri = binding.contact,
            .local = binding.flow.local.ip,
            .routes = binding.path,
            .flow = fixedFlow(binding.flow, binding.natted),
            .natted = binding.natted};
}

InsideTarget targetOf(const registrar::ContactAlias& alias) {
    return {.uri = alias.contact,
            .local = alias.flow.local.ip,
            .routes = alias.routes,
            .flow = fixedFlow(alias.flow, false)};
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

std::optional<InsideTarget> DirectionFinder::byToken(const sip::Uri& uri, bool inDialog) {
    const auto token = registrar::tokenOf(uri);
    if (token.empty()) {
        return std::nullopt;
    }
    if (const auto* binding = locations_.find(token);
        binding != nullptr && locations_.isLive(*binding)) {
        return targetOf(*binding);
    }
    if (const auto* alias = aliases_.find(token);
        alias != nullptr && (!alias->formerBinding || inDialog)) {
        return targetOf(*alias);
    }
    return std::nullopt;
}

std::vector<InsideTarget> DirectionFinder::insideTargets(const sip::Message& request,
                                                         const base::SocketAddress& source) {
    const auto uri = request.requestUri();
    if (auto target = byToken(uri, !request.toTag().empty())) {
        return {std::move(*target)};
    }
    if (!request.toTag().empty()) {
        if (const Call* call = calls_.find(request, Side::Outside);
            call != nullptr && !call->state().insideContact.host.empty()) {
            return {{.uri = call->state().insideContact,
                     .local = {},
                     .routes = call->state().insideRoutes}};
        }
    }
    std::vector<InsideTarget> targets;
    for (const auto* binding : best(locations_.candidates(uri, request.to().uri, source))) {
        targets.push_back(targetOf(*binding));
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
