// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/stream_flows.h"

namespace siproxd::media {

namespace {

/// After an answer that there is no way, so that not every packet asks again.
constexpr std::chrono::seconds kNoRoute{5};

}  // namespace

StreamFlows::StreamFlows(KernelFlows* flows, const PerLeg<std::uint16_t>& ports,
                         base::TimePoint now)
    : flows_(flows), ports_(ports) {
    if (flows_ == nullptr) {
        return;
    }
    for (const Leg leg : {Leg::A, Leg::B}) {
        before_[leg] = flows_->figures(leg, ports_[leg]);
        // Another stream may have had the ports a moment ago.
        directions_[leg].resting = now + kernel::FlowTable::kSettling;
    }
}

StreamFlows::~StreamFlows() {
    for (const Leg leg : {Leg::A, Leg::B}) {
        leave(leg, {});
    }
}

void StreamFlows::routeAsked(Leg leg, std::uint64_t question) {
    directions_[leg].state = State::Asked;
    directions_[leg].question = question;
    mayBeIn_.store(true, std::memory_order_relaxed);
}

void StreamFlows::routeFound(Leg leg, std::uint64_t question, const kernel::Flow& flow,
                             const std::optional<net::Route>& route, base::TimePoint now) {
    auto& direction = directions_[leg];
    if (direction.state != State::Asked || direction.question != question) {
        return;
    }
    if (!route) {
        direction.state = State::Out;
        direction.resting = now + kNoRoute;
        return;
    }
    auto whole = flow;
    whole.outInterface = route->interface;
    whole.outMtu = route->mtu;
    direction.packetsAtPut = figures(leg).packets;
    flows_->put(leg, whole, receptions_[leg].load());
    kernelKeeps_[leg].store(true, std::memory_order_release);
    direction.state = State::In;
}

void StreamFlows::leave(base::TimePoint now) {
    leave(Leg::A, now);
    leave(Leg::B, now);
    mayBeIn_.store(false, std::memory_order_relaxed);
}

void StreamFlows::halt() const {
    if (mayBeIn()) {
        flows_->take(Leg::A, ports_[Leg::A]);
        flows_->take(Leg::B, ports_[Leg::B]);
    }
}

void StreamFlows::leave(Leg leg, base::TimePoint now) {
    auto& direction = directions_[leg];
    if (direction.state == State::In) {
        flows_->take(leg, ports_[leg]);
        receptions_[leg].store(ReceptionState(flows_->reception(leg, ports_[leg])));
        kernelKeeps_[leg].store(false, std::memory_order_release);
        direction.resting = now + kernel::FlowTable::kSettling;
    }
    direction.state = State::Out;
}

std::optional<StreamFlows::Heard> StreamFlows::lastHeard(Leg leg) const {
    if (!isIn(leg)) {
        return std::nullopt;
    }
    const auto now = figures(leg);
    if (now.packets == directions_[leg].packetsAtPut) {
        return std::nullopt;
    }
    const auto state = flows_->reception(leg, ports_[leg]);
    return Heard{now.heard, state.ssrc, static_cast<std::uint16_t>(state.highest)};
}

void StreamFlows::setReception(Leg leg, const ReceptionState& state) {
    if (isIn(leg)) {
        flows_->setReception(leg, ports_[leg], state);
    } else {
        receptions_[leg].store(state);
    }
}

void StreamFlows::learn(Leg leg, std::uint32_t clock) {
    if (isIn(leg)) {
        flows_->learn(leg, ports_[leg], clock);
    }
}

ReceptionState StreamFlows::reception(Leg leg) const {
    return kernelKeeps_[leg].load(std::memory_order_acquire)
               ? ReceptionState(flows_->reception(leg, ports_[leg]))
               : receptions_[leg].load();
}

kernel::FlowFigures StreamFlows::figures(Leg leg) const {
    return flows_ != nullptr ? flows_->figures(leg, ports_[leg]) : kernel::FlowFigures{};
}

std::size_t StreamFlows::packets(Leg leg) const {
    return static_cast<std::size_t>(figures(leg).packets - before_[leg].packets);
}

std::size_t StreamFlows::bytes(Leg leg) const {
    return static_cast<std::size_t>(figures(leg).bytes - before_[leg].bytes);
}

std::size_t StreamFlows::floods(Leg leg) const {
    return static_cast<std::size_t>(figures(leg).floods - before_[leg].floods);
}

}  // namespace siproxd::media
