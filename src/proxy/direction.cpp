// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/direction.h"

namespace siproxd::proxy {

namespace {

/// Bindings of the best kind that there is: several Contacts of one address-of-record ring together,
/// but somebody else's phone of the same name does not.
std::vector<const registrar::Binding*> best(const std::vector<registrar::Candidate>& candidates) {
    constexpr std::size_t kMostPhones = 16;
    std::vector<const registrar::Binding*> out;
    for (const auto& candidate : candidates) {
        if (out.size() == kMostPhones) {
            break;
        }
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

}  // namespace

Side DirectionFinder::sideOf(const base::Flow& from, unsigned interfaceIndex) const {
    const auto& source = from.remote.ip;
    if (addresses_.single()) {
        if (addresses_.isOurs(source)) {
            return Side::Outside;
        }
        const bool isPhone = locations_.knowsHost(source) &&
                             (!usersOutside_ || source.isPrivate());
        return isPhone || addresses_.isInside(source) ? Side::Inside : Side::Outside;
    }
    // What this machine sends to itself arrives by the loopback interface.
    if (const auto side = addresses_.sideOfInterface(interfaceIndex)) {
        return *side;
    }
    // By a third one everybody may come with whatever source address he likes.
    if (interfaceIndex != 0 && !addresses_.isInterface(interfaceIndex)) {
        return Side::Outside;
    }
    return addresses_.isInside(source) && !addresses_.isOurs(source) ? Side::Inside
                                                                     : Side::Outside;
}

Side DirectionFinder::sideOfPhone(const base::Flow& flow) const {
    if (!addresses_.single()) {
        return addresses_.sideOf(flow);
    }
    const auto& ip = flow.remote.ip;
    return !usersOutside_ || addresses_.isInside(ip) || ip.isPrivate() ? Side::Inside
                                                                       : Side::Outside;
}

InsideTarget DirectionFinder::targetOf(const registrar::Binding& binding) const {
    // Nobody registers at a provider through us but from inside.
    const auto side = binding.provider ? Side::Inside : sideOfPhone(binding.flow);
    // Whom we are the registrar of outside is no provider's business: by no proxy of theirs.
    const bool outside = side == Side::Outside && binding.path.empty();
    return {.uri = binding.contact,
            .local = binding.flow.local.ip,
            .routes = binding.path,
            .flow = outside ? binding.flow : fixedFlow(binding.flow, binding.natted),
            .natted = binding.natted,
            .side = side};
}

InsideTarget DirectionFinder::targetOf(const registrar::ContactAlias& alias) const {
    return {.uri = alias.contact,
            .local = alias.flow.local.ip,
            .routes = alias.routes,
            .flow = fixedFlow(alias.flow, alias.natted),
            .natted = alias.natted,
            .side = sideOfPhone(alias.flow)};
}

InsideTarget DirectionFinder::targetAt(const sip::Uri& contact) const {
    const auto* binding = locations_.byContact(contact);
    return binding != nullptr ? targetOf(*binding) : InsideTarget{.uri = contact, .local = {}};
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

bool DirectionFinder::isByToken(const sip::Message& request, const base::SocketAddress& source) {
    if (byToken(request.requestUri(), !request.toTag().empty())) {
        return true;
    }
    const auto found = best(locations_.candidates(request.requestUri(), request.to().uri, source));
    return !found.empty() && !found.front()->provider && !found.front()->flow.remote;
}

std::vector<InsideTarget> DirectionFinder::fromInside(const sip::Message& request) {
    if (request.method() == sip::Method::Register) {
        return {};
    }
    // Phones outside are reached by the way their packets come. (Those inside that are called by the
    // Contact that the outside knows come back to us from outside.)
    if (auto far = byToken(request.requestUri(), !request.toTag().empty());
        far && far->side == Side::Outside) {
        if (auto routes = request.routes(); !routes.empty()) {
            far->routes = std::move(routes);
            far->flow.reset();
        }
        return {std::move(*far)};
    }
    // Who calls as the user of a provider dials the numbers of that provider, 112 for example.
    return ownUsers(request, registrar_.isLocal(request.from().uri));
}

std::vector<InsideTarget> DirectionFinder::ownUsers(const sip::Message& request,
                                                    bool numbers) const {
    const auto& uri = request.requestUri();
    if (!request.routes().empty() || !registrar::tokenOf(uri).empty()) {
        return {};
    }
    std::vector<InsideTarget> targets;
    std::uint16_t q = 0;
    for (const auto* binding :
         numbers && !uri.isSip() ? registrar_.bindingsOfNumber(uri) : registrar_.bindingsOf(uri)) {
        // RFC 3261 §16.6: those of equal q ring together, the next ones when these have refused.
        const auto rank = targets.empty() ? 0 : targets.back().rank + (binding->q != q ? 1 : 0);
        q = binding->q;
        targets.push_back(targetOf(*binding));
        targets.back().rank = rank;
    }
    return targets;
}

std::vector<InsideTarget> DirectionFinder::insideTargets(const sip::Message& request,
                                                         const base::SocketAddress& source) {
    if (auto named = byToken(request.requestUri(), !request.toTag().empty())) {
        // Strangers may know the token from a call that they have had.
        if (auto routes = request.routes(); named->side == Side::Outside && !routes.empty() &&
                                            calls_.find(request, Side::Outside) != nullptr) {
            named->routes = std::move(routes);
            named->flow.reset();
        }
        return {std::move(*named)};
    }
    if (!request.toTag().empty()) {
        const Call* call = calls_.find(request, Side::Outside);
        if (call != nullptr && call->state().isChosen) {
            return {};  // whoever To names, both are outside
        }
        if (call != nullptr && !call->state().insideContact.host.empty()) {
            return {{.uri = call->state().insideContact,
                     .local = {},
                     .routes = call->state().insideRoutes}};
        }
    }
    if (auto own = ownUsers(request, true); !own.empty()) {
        return own;
    }
    std::vector<InsideTarget> targets;
    for (const auto* binding :
         best(locations_.candidates(request.requestUri(), request.to().uri, source))) {
        targets.push_back(targetOf(*binding));
    }
    return targets;
}

std::vector<InsideTarget> DirectionFinder::named(const sip::Message& request,
                                                 const sip::Uri& target,
                                                 plugin::Direction direction) {
    auto changed = request.clone();
    changed.setRequestUri(target);
    if (direction == plugin::Direction::RequestOutgoing) {
        return fromInside(changed);
    }
    changed.setRoutes({});
    if (auto shown = byToken(target)) {
        return {std::move(*shown)};
    }
    auto targets = ownUsers(changed, true);
    if (targets.empty()) {
        for (const auto* binding : locations_.byAor(target)) {
            targets.push_back(targetOf(*binding));
        }
    }
    return targets;
}

Located DirectionFinder::find(const sip::Message& request, const base::Flow& from,
                              unsigned interfaceIndex) {
    using plugin::Direction;
    if (sideOf(from, interfaceIndex) == Side::Inside) {
        return {Direction::RequestOutgoing, fromInside(request)};
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

Located DirectionFinder::relayed(const sip::Message& request) {
    Located located{plugin::Direction::RequestIncoming, {}};
    located.targets.push_back({.uri = request.requestUri(),
                               .local = {},
                               .routes = request.routes(),
                               .side = Side::Outside,
                               .isPhone = false});
    return located;
}

}  // namespace siproxd::proxy
