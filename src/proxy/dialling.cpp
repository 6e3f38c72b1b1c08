// SPDX-License-Identifier: GPL-2.0-or-later
// Targets that are looked at as if the caller, or one of ours, had dialled them.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

/// So many times one leads to the next.
constexpr std::size_t kLongestHistory = 8;
/// Of one request.
constexpr std::size_t kMostBranches = 64;

}  // namespace

void Proxy::dial(Forward& forward, std::size_t index) {
    const Branch& branch = forward.branches[index];
    const auto& terms = *branch.terms;
    if ((terms.history && terms.history->size() >= kLongestHistory) ||
        forward.branches.size() >= kMostBranches) {
        log::info("{} is not called: the call has been sent on too often [CID: {}]",
                  base::printable(branch.uri.toString()), base::printable(forward.request->callId()));
        branchFailed(forward, index, 482, "");
        return;
    }
    auto dialled = std::make_unique<Dialled>(
        Dialled{.server = forward.server, .branch = index, .request = forward.request->clone(), .context = {}});
    auto& request = dialled->request;
    auto& context = dialled->context;
    auto to = request.to();
    context.history = terms.history ? terms.history
                                    : std::make_shared<const std::vector<std::string>>(
                                          1, std::string(request.requestUriText()));
    to.uri = branch.uri;
    request.setTo(to);
    request.setRequestUri(branch.uri);
    request.setRoutes({});
    context.message = &request;
    context.flow = forward.from;
    context.direction = terms.dialled->aor ? plugin::Direction::RequestIncoming
                                           : plugin::Direction::RequestOutgoing;
    const auto& owner = terms.dialled->onBehalf;
    context.user = owner.substr(0, owner.find('@'));
    if (const auto uri = sip::Uri::parse("sip:" + owner); uri && context.user != owner) {
        auto from = request.from();
        from.uri = *uri;
        request.setFrom(from);
    }
    auto outcome = parts_.chain.run(plugin::Stage::DetermineTarget, context);
    settleDialled(std::move(dialled), std::move(outcome));
}

bool Proxy::isWanted(const Dialled& dialled) {
    const Forward* forward = find(dialled.server);
    return forward != nullptr && forward->branches[dialled.branch].state == Branch::State::Locating;
}

void Proxy::settleDialled(std::unique_ptr<Dialled> dialled, plugin::Outcome outcome) {
    using plugin::Verdict;
    Forward* forward = find(dialled->server);
    const auto index = dialled->branch;
    if (!isWanted(*dialled)) {
        if (outcome.verdict == Verdict::Suspend) {
            parts_.chain.forget(outcome.token);
        }
        return;
    }
    std::vector<plugin::Target> targets;
    switch (outcome.verdict) {
        case Verdict::Suspend: suspendedDialled_.emplace(outcome.token, std::move(dialled)); return;
        case Verdict::Retarget: targets = std::move(outcome.targets); break;
        case Verdict::Redirect:
            for (auto& contact : outcome.contacts) {
                targets.push_back({.uri = std::move(contact.uri)});
            }
            break;
        case Verdict::Continue: {
            auto same = *forward->branches[index].terms->dialled;
            same.isDialled = false;
            same.headers.clear();
            same.uri = dialled->request.requestUri();
            if (dialled->context.nextHop) {
                same.nextHop = dialled->context.nextHop;
            }
            targets.push_back(std::move(same));
            break;
        }
        case Verdict::Reject: branchFailed(*forward, index, outcome.status, outcome.reason); return;
        case Verdict::Answered:
            branchFailed(*forward, index,
                         outcome.reply && outcome.reply->status() >= 300 ? outcome.reply->status() : 480,
                         "");
            return;
        case Verdict::Drop: branchFailed(*forward, index, 480, ""); return;
    }
    replaceBranch(*forward, *dialled, targets);
}

void Proxy::replaceBranch(Forward& forward, const Dialled& dialled,
                          const std::vector<plugin::Target>& targets) {
    const auto index = dialled.branch;
    const auto& context = dialled.context;
    auto history = std::make_shared<std::vector<std::string>>(*context.history);
    history->push_back(forward.branches[index].uri.toString());
    std::vector<Branch> others;
    for (auto target : targets) {
        if (!target.identity && target.aor) {
            // Whoever rings in the end, it is the same one who calls.
            target.identity = forward.branches[index].terms->dialled->identity;
        }
        auto branches = branchesTo(target, dialled.request, context.direction, false);
        const bool isNobody = branches.size() == 1 && branches.front().isChosen && !target.nextHop &&
                              target.uri.sameAddress(dialled.request.requestUri());
        if (isNobody) {
            branches.front().absent = static_cast<std::uint16_t>(absentUser(dialled.request, context));
        }
        std::ranges::move(branches, std::back_inserter(others));
    }
    const auto& terms = *forward.branches[index].terms;
    for (auto& other : others) {
        if (!other.terms) {
            other.terms = std::make_unique<Branch::Terms>();
        }
        other.terms->history = history;
        other.terms->sender = dialled.request.from().uri;
        if (other.terms->ring <= base::Duration::zero()) {
            other.terms->ring = terms.ring;
        }
        std::ranges::copy(terms.headers, std::back_inserter(other.terms->headers));
    }
    const auto id = forward.server;
    const auto breadth = forward.branches[index].breadth;
    const auto started = forward.replace(index, std::move(others));
    for (const auto next : started) {
        Forward* present = find(id);
        if (present == nullptr || !present->mayTryMore()) {
            return;
        }
        if (present->branches[next].state != Branch::State::Locating) {
            continue;  // another one has been declined for all
        }
        present->branches[next].breadth =
            std::max<std::uint32_t>(1, breadth / static_cast<std::uint32_t>(started.size()));
        startBranch(*present, next);
    }
}

}  // namespace siproxd::proxy
