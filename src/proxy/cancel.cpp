// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/proxy.h"

namespace siproxd::proxy {

void Proxy::cancelBranches(Forward& forward, std::string_view reason) {
    forward.ending = true;
    for (auto& branch : forward.branches) {
        if (branch.state == Branch::State::Waiting) {
            branch.state = Branch::State::Done;
        }
    }
    cancelRank(forward, reason);
}

void Proxy::cancelRank(Forward& forward, std::string_view reason) {
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
            case Branch::State::Waiting:
            case Branch::State::Done: break;
        }
    }
    for (const auto client : sent) {
        layer_.cancel(client, reason);
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
