// SPDX-License-Identifier: GPL-2.0-or-later
// Targets that plugins have chosen.
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

std::vector<const registrar::Binding*> Proxy::bindingsOf(const sip::Uri& aor) const {
    auto bindings = registrar_.bindingsOf(aor);
    return bindings.empty() ? parts_.locations.byAor(aor) : bindings;
}

std::string Proxy::ownUser(const sip::Uri& uri) const {
    if (uri.user.empty() || !registrar_.isLocal(uri)) {
        return "";
    }
    // An address of ours may also stand for a phone that is registered at a provider.
    const bool isUser = registrar_.isLocalDomain(uri.host) || gate_.hasUser(uri.user) ||
                        !registrar_.bindingsOf(uri).empty();
    return isUser ? uri.user + "@" + registrar_.domainOf(uri) : "";
}

std::vector<InsideTarget> Proxy::phonesOf(const sip::Uri& aor) const {
    std::vector<InsideTarget> phones;
    for (const auto* binding : bindingsOf(aor)) {
        phones.push_back(directions_.targetOf(*binding));
    }
    return phones;
}

std::vector<Branch> Proxy::branchesToPhones(const plugin::Target& target) const {
    std::vector<Branch> branches;
    for (auto& phone : phonesOf(*target.aor)) {
        auto branch = branchTo(std::move(phone));
        if (!target.keepsContact) {
            branch.nextHop = std::make_unique<const sip::Uri>(std::exchange(branch.uri, target.uri));
        }
        branches.push_back(std::move(branch));
    }
    if (branches.empty()) {
        branches.push_back({.uri = target.uri, .towards = Side::Inside});
        branches.back().absent = 480;
    }
    return branches;
}

std::vector<Branch> Proxy::branchesNamed(const plugin::Target& target, const sip::Message& request,
                                         plugin::Direction direction, bool isOnlyOne) {
    std::vector<Branch> branches;
    auto phones = target.nextHop ? std::vector<InsideTarget>{}
                                 : directions_.named(request, target.uri, direction);
    for (auto& phone : phones) {
        branches.push_back(branchTo(std::move(phone)));
        if (!isOnlyOne) {
            branches.back().rank = target.rank;
        }
    }
    if (!branches.empty()) {
        return branches;
    }
    auto towards = Side::Outside;
    if (direction == plugin::Direction::RequestIncoming) {
        const auto ip =
            base::IpAddress::parse((target.nextHop ? *target.nextHop : target.uri).host);
        towards = ip && addresses_.isHidden(*ip) && !target.isForeign ? Side::Inside : Side::Outside;
    }
    branches.push_back({.uri = target.uri,
                        .nextHop = chosenHop(target.nextHop),
                        .rank = target.rank,
                        .towards = towards,
                        .isForeign = target.isForeign,
                        .isChosen = true});
    if (target.isForeign) {
        branches.back().uri.headers.clear();
    }
    return branches;
}

std::vector<Branch> Proxy::branchesTo(const plugin::Target& target, const sip::Message& request,
                                      plugin::Direction direction, bool isOnlyOne) {
    if (target.isDialled) {
        std::vector<Branch> one;
        one.push_back({.uri = target.uri, .rank = target.rank});
        one.back().terms = std::make_unique<Branch::Terms>(
            Branch::Terms{.after = target.after,
                          .ring = target.ring,
                          .headers = target.headers,
                          .dialled = std::make_unique<const plugin::Target>(target)});
        return one;
    }
    auto branches = target.aor ? branchesToPhones(target)
                               : branchesNamed(target, request, direction, isOnlyOne);
    for (auto& branch : branches) {
        if (target.aor) {
            branch.rank = target.rank;
        }
        if (target.after != 0 || target.ring > base::Duration::zero() || !target.headers.empty()) {
            branch.terms = std::make_unique<Branch::Terms>(Branch::Terms{
                .after = target.after, .ring = target.ring, .headers = target.headers});
        }
        if (target.identity) {
            branch.appearance = std::make_unique<Appearance>(
                Appearance{.identity = target.identity, .isCallers = branch.towards == Side::Outside});
            branch.isAccount = branch.towards == Side::Outside && !target.aor;
        }
    }
    return branches;
}

std::uint32_t outcomeOf(const Branch& branch, int status) {
    if (branch.isUnreachable || branch.absent != 0) {
        return SIPROXD_AFTER_FAILURE;
    }
    switch (status) {
        case 486:
        case 600: return SIPROXD_AFTER_BUSY;
        case 480: return SIPROXD_AFTER_NO_ANSWER;
        case 408: return branch.hasRung ? SIPROXD_AFTER_NO_ANSWER : SIPROXD_AFTER_FAILURE;
        default: return status >= 500 && status < 600 ? SIPROXD_AFTER_FAILURE : SIPROXD_AFTER_REFUSAL;
    }
}

void Proxy::limitRinging(Forward& forward, std::size_t index) {
    auto* terms = forward.branches[index].terms.get();
    if (terms == nullptr || terms->ring <= base::Duration::zero() || terms->ringing != nullptr) {
        return;
    }
    terms->ringing = parts_.loop.timer([this, id = forward.server, index] {
        Forward* present = find(id);
        if (present == nullptr || !present->mayTryMore() || !present->branches[index].isUnderWay()) {
            return;
        }
        Branch& late = present->branches[index];
        log::info("{} has not answered in {} s [CID: {}]", base::printable(late.uri.toString()),
                  std::chrono::duration_cast<std::chrono::seconds>(late.terms->ring).count(),
                  base::printable(present->request->callId()));
        if (const auto sent = late.retire(); sent != transaction::ClientId::None) {
            layer_.cancel(sent);
        }
        branchFailed(*present, index, 480, "");
    });
    terms->ringing->start(terms->ring);
}

}  // namespace siproxd::proxy
