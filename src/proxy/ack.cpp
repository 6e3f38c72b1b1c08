// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"
#include "base/text.h"
#include "proxy/call_id.h"
#include "proxy/next_hop.h"
#include "proxy/proxy.h"

namespace siproxd::proxy {

namespace {

constexpr std::uint32_t kDefaultHops = 70;

}  // namespace

void Proxy::onAck(sip::Message ack, const base::Flow& from) {
    if (!admit(ack, from) || ack.maxForwards() == 0U) {
        return;
    }
    removeOwnRoutes(ack, addresses_);
    gate_.removeCredentials(ack);
    if (const auto plain = plainCallId(ack.callId(), ack.toTag());
        plain && options_.proxy.obscureLoops &&
        directions_.sideOf(from, arrivalInterface_) == Side::Outside) {
        ack.setCallId(*plain);
    }
    auto located = directions_.find(ack, from, arrivalInterface_);
    if (located.direction == plugin::Direction::Unknown) {
        const Call* call = calls_.find(ack, Side::Outside);
        if (call != nullptr && call->state().isRelayed) {
            located = inRelayedCall(ack);
        }
    }
    plugin::Context context;
    context.message = &ack;
    context.flow = from;
    context.direction = located.direction;
    if (!parts_.chain.run(plugin::Stage::PreProxy, context).goesOn() ||
        context.direction == plugin::Direction::Unknown) {
        return;
    }
    Forward forward;  // an ACK has no transaction: this one lives for the next lines only
    forward.direction = context.direction;
    forward.method = sip::Method::Ack;
    forward.from = from;
    forward.localAor = forward.incoming() ? ack.to().uri : ack.from().uri;
    if (Call* call = calls_.find(ack, forward.fromSide())) {
        call->touch(parts_.loop.now());
    }
    Branch branch{.uri = ack.requestUri(), .towards = other(forward.fromSide())};
    if (!located.targets.empty()) {
        branch = branchTo(std::move(located.targets.front()));
    }
    branch.nextHop = chosenHop(context.nextHop);
    ack.setMaxForwards(ack.maxForwards().value_or(kDefaultHops + 1) - 1);
    ack.setRequestUri(branch.uri);
    forward.request = std::make_unique<sip::Message>(std::move(ack));
    adoptAppearance(forward, branch);
    forward.branches.push_back(std::move(branch));
    locateForAck(std::move(forward));
}

void Proxy::locateForAck(Forward forward) {
    auto& branch = forward.branches.front();
    if (branch.fixed && isUsable(*branch.fixed)) {
        branch.flow = *branch.fixed;
        sendAck(forward);
        return;
    }
    const auto wanted = wantedBy(forward, branch);
    if (const auto known = parts_.locator.known(wanted)) {
        ackLocated(forward, *known);
        return;
    }
    waitingAcks_.push_back(std::move(forward));
    const auto place = std::prev(waitingAcks_.end());
    place->branches.front().query =
        parts_.locator.locate(wanted, [this, place](const dns::Located& located) {
            ackLocated(*place, located);
            waitingAcks_.erase(place);
        });
}

void Proxy::ackLocated(Forward& forward, const dns::Located& located) {
    if (!located) {
        return;
    }
    auto& branch = forward.branches.front();
    branch.servers = *located;
    preferServerOfCall(forward, branch);
    while (const auto* server = nextServer(forward, branch)) {
        if (const auto flow = flowOf(branch, *server)) {
            branch.flow = *flow;
            sendAck(forward);
            return;
        }
    }
}

void Proxy::mediaOfAck(const Forward& forward, const Branch& branch, sip::Message& ack) {
    Call* call = calls_.find(ack, forward.fromSide());
    if (call == nullptr || media_ == nullptr) {
        return;
    }
    // The answer to a late offer. There is nobody to tell when it cannot be used.
    auto way = mediaWay(forward, branch, call, false);
    way.byInitiator = call->isInitiator(ack);
    const auto outcome = call->isOfOtherDialog(ack)
                             ? MediaOutcome::Refused
                             : media_->apply(*call, ack, way, onSilence(*call));
    if (outcome != MediaOutcome::Untouched && outcome != MediaOutcome::Rewritten) {
        media_->hideAddresses(ack, way);
    }
}

void Proxy::sendAck(Forward& forward) {
    const Branch& branch = forward.branches.front();
    sip::Message& ack = *forward.request;
    mediaOfAck(forward, branch, ack);
    shapeRequest(forward, branch, ack);
    ack.pushVia(ownVia(branch.towards, branch.flow, layer_.newBranch()));
    if (const auto sent = layer_.sendStateless(ack, branch.flow); !sent) {
        log::warningFromPeer("ACK not sent: {}", sent.error().message);
    }
}

}  // namespace siproxd::proxy
