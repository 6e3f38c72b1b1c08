// SPDX-License-Identifier: GPL-2.0-or-later
#include <string>
#include <utility>
#include <vector>

#include "proxy/proxy.h"

namespace siproxd::proxy {

void Proxy::cancelBranches(Forward& forward, std::string_view reason) {
    forward.ending = true;
    std::vector<transaction::ClientId> sent;
    for (auto& branch : forward.branches) {
        switch (branch.state) {
            case Branch::State::Locating:
                branch.state = Branch::State::Done;
                branch.query.cancel();
                break;
            case Branch::State::Sent:
                branch.patience.reset();
                sent.push_back(branch.client);
                break;
            case Branch::State::Waiting: branch.state = Branch::State::Done; break;
            case Branch::State::Done: break;
        }
    }
    for (const auto client : sent) {
        layer_.cancel(client, reason);
    }
}

void Proxy::endRankFor(Forward& forward, std::uint32_t outcome, int status) {
    std::vector<transaction::ClientId> sent;
    for (auto& branch : forward.branches) {
        const bool isSubstitute = branch.terms != nullptr && (branch.terms->after & outcome) != 0;
        if (branch.state == Branch::State::Waiting ? isSubstitute : !branch.isUnderWay()) {
            continue;
        }
        if (const auto client = branch.retire(); client != transaction::ClientId::None) {
            branch.patience.reset();
            sent.push_back(client);
        }
        const bool wasUnderWay = branch.isUnderWay();
        branch.state = Branch::State::Done;
        if (wasUnderWay) {
            hasLeft(forward, branch);
            endEarlyDialogs(forward, branch, 487);
        }
    }
    forward.outcomes = outcome;
    for (const auto client : sent) {
        layer_.cancel(client, "SIP;cause=" + std::to_string(status));
    }
}

void Proxy::giveUp(Forward& forward) {
    cancelBranches(forward, "");
    const sip::Message* request = layer_.serverRequest(forward.server);
    if (request != nullptr && !forward.waiting()) {
        // Nothing has been sent that could still be answered: name servers have kept us waiting.
        finishBranch(forward, forward.branches.front(),
                     sip::Message::response(*request, 408, "", parts_.random.hex(6)));
    }
}

void Proxy::onCancel(transaction::ServerId invite, const sip::Message& cancel) {
    if (const auto token = suspended_.tokenOf(invite)) {
        parts_.chain.forget(*token);
        const auto dropped = suspended_.take(*token);
        respond(invite, 487);
        return;
    }
    Forward* forward = find(invite);
    if (forward == nullptr || forward->answered) {
        return;
    }
    forward->cancelled = true;
    const auto reason = cancel.header("Reason");
    plugin::Context context;
    auto copy = cancel.clone();
    context.message = &copy;
    context.flow = forward->from;
    context.direction = forward->direction;
    [[maybe_unused]] const auto outcome = parts_.chain.run(plugin::Stage::PreProxy, context);
    cancelBranches(*forward, reason.value_or(""));
    if (!forward->waiting()) {
        forward->answered = true;
        if (Call* call = calls_.find(cancel, forward->fromSide());
            call != nullptr && !call->state().answered) {
            call->state().status = 487;
            endCall(*call, {}, {plugin::EndedBy::Caller});
        }
        respond(invite, 487);
    }
}

}  // namespace siproxd::proxy
