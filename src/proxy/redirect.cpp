// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// Branches of one request, redirections included.
constexpr std::size_t kMostTargets = 16;

}  // namespace

bool Proxy::followRedirect(Forward& forward, std::size_t index, const sip::Message& response) {
    if (!options_.proxy.followRedirects || !forward.mayTryMore() ||
        forward.method == sip::Method::Register) {
        return false;
    }
    const auto from = forward.branches[index].towards;
    // Who is called in the place of somebody whom a plugin has chosen is the plugin's choice as well.
    const bool isChosen = forward.branches[index].isChosen;
    auto contacts = response.contacts();
    std::ranges::stable_sort(contacts, std::ranges::greater{}, &sip::NameAddr::preference);
    std::uint32_t added = 0;
    for (const auto& contact : contacts) {
        const bool isKnown =
            std::ranges::any_of(forward.branches, [&](const Branch& known) {
                return known.uri.sameAddress(contact.uri);
            });
        // RFC 3261 §16.7 step 4, RFC 5630 §5.3: who asked for TLS all the way gets nothing less.
        // (transport=tls says nothing of the hops behind.)
        const bool isLess = forward.secure && !contact.uri.isSips();
        auto branch = isKnown || isLess ? std::nullopt : redirected(contact.uri, from);
        if (branch && forward.branches.size() < kMostTargets) {
            branch->isChosen = isChosen && !branch->toPhone && branch->towards == Side::Outside;
            forward.insertBehind(index, added++, std::move(*branch));
        }
    }
    if (added == 0) {
        return false;
    }
    log::info("redirected by {} to {} other{} [CID: {}]",
              base::printable(forward.branches[index].uri.toString()), added, added == 1 ? "" : "s",
              base::printable(response.callId()));
    startNextRank(forward);
    return true;
}

std::optional<Branch> Proxy::redirected(const sip::Uri& uri, Side from) {
    if (!uri.isSip() && uri.scheme != "tel") {
        return std::nullopt;
    }
    if (auto known = directions_.byToken(uri)) {
        return branchTo(std::move(*known));
    }
    const auto ip = base::IpAddress::parse(uri.host);
    const bool inside = uri.isSip() && ip && addresses_.isHidden(*ip);
    if ((inside && from == Side::Outside) || addresses_.isOurs(uri)) {
        // A stranger has no say about who is reached inside.
        return std::nullopt;
    }
    Branch branch{.uri = uri, .towards = inside ? Side::Inside : Side::Outside};
    branch.toPhone = inside;
    branch.isForeign = from == Side::Outside;
    branch.uri.headers.clear();
    return branch;
}

}  // namespace siproxd::proxy
