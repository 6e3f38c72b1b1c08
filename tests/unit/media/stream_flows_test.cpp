// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/stream_flows.h"

#include <map>
#include <vector>

#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::media;
using namespace std::chrono_literals;
using test::ip;

namespace {

/// The kernel's table, in the process.
class FakeKernel final : public KernelFlows {
public:
    struct Entry {
        bool in = false;
        kernel::Flow flow;
        kernel::FlowFigures figures;
        siproxd_reception reception{};
        std::vector<std::uint32_t> clocks;
    };

    void findRoute(const base::IpAddress&, const base::IpAddress&, OnRoute) override {}
    void drain() override {}
    void put(Leg leg, const kernel::Flow& flow, const siproxd_reception& reception) override {
        auto& entry = at(leg, flow.local.port);
        REQUIRE_FALSE(entry.in);
        entry.in = true;
        entry.flow = flow;
        entry.reception = reception;
    }
    void learn(Leg leg, std::uint16_t port, std::uint32_t clock) override {
        at(leg, port).clocks.push_back(clock);
    }
    void setReception(Leg leg, std::uint16_t port, const siproxd_reception& reception) override {
        at(leg, port).reception = reception;
    }
    void take(Leg leg, std::uint16_t port) override { at(leg, port).in = false; }
    [[nodiscard]] kernel::FlowFigures figures(Leg leg, std::uint16_t port) const override {
        const auto found = entries_.find({leg, port});
        return found != entries_.end() ? found->second.figures : kernel::FlowFigures{};
    }

    [[nodiscard]] siproxd_reception reception(Leg leg, std::uint16_t port) const override {
        return entries_.at({leg, port}).reception;
    }

    Entry& at(Leg leg, std::uint16_t port) { return entries_[{leg, port}]; }
    void forwards(Leg leg, std::uint16_t port, std::uint16_t sequence, base::TimePoint when) {
        auto& [in, flow, figures, reception, clocks] = at(leg, port);
        ++figures.packets;
        figures.bytes += 172;
        figures.heard = when;
        siproxd_reception_receive(&reception, 7, sequence, 8, sequence * 160U,
                                  static_cast<std::uint64_t>(when.time_since_epoch().count()));
    }

private:
    std::map<std::pair<Leg, std::uint16_t>, Entry> entries_;
};

const base::TimePoint kStart{1000s};
const PerLeg<std::uint16_t> kPorts(7070, 7072);

kernel::Flow flow(std::uint16_t source = 4000) {
    kernel::Flow flow;
    flow.source = {ip("10.0.0.5"), source};
    flow.local = {ip("10.0.0.1"), 7070};
    flow.newSource = {ip("198.51.100.1"), 7072};
    flow.destination = {ip("203.0.113.9"), 5000};
    return flow;
}

constexpr net::Route kRoute{3, 1492};

}  // namespace

TEST_CASE("A direction moves in when its route is found, and out again", "[media]") {
    FakeKernel kernel;
    StreamFlows flows(&kernel, kPorts, kStart);
    const auto now = kStart + 1s;
    REQUIRE(flows.mayMove(Leg::A, now));
    flows.routeAsked(Leg::A, 1);
    CHECK_FALSE(flows.mayMove(Leg::A, now));
    CHECK(flows.mayMove(Leg::B, now));
    flows.routeFound(Leg::A, 1, flow(), kRoute, now);
    CHECK(flows.isIn(Leg::A));
    CHECK_FALSE(flows.isIn(Leg::B));
    const auto& entry = kernel.at(Leg::A, 7070);
    REQUIRE(entry.in);
    CHECK(entry.flow.outInterface == 3);
    CHECK(entry.flow.outMtu == 1492);
    CHECK(entry.flow.destination == flow().destination);

    flows.leave(now);
    CHECK_FALSE(entry.in);
    CHECK_FALSE(flows.isIn(Leg::A));
}

TEST_CASE("The kernel stops before the media thread has heard", "[media]") {
    FakeKernel kernel;
    StreamFlows flows(&kernel, kPorts, kStart);
    const auto now = kStart + kernel::FlowTable::kSettling;
    flows.routeAsked(Leg::A, 1);
    flows.routeFound(Leg::A, 1, flow(), kRoute, now);
    const auto& entry = kernel.at(Leg::A, 7070);
    REQUIRE(entry.in);
    flows.halt();
    CHECK_FALSE(entry.in);
    flows.leave(now);
    CHECK_FALSE(flows.mayBeIn());
    CHECK_FALSE(flows.mayMove(Leg::A, now + kernel::FlowTable::kSettling - 1us));
}

TEST_CASE("An entry rests before it is filled, whoever had it before", "[media]") {
    FakeKernel kernel;
    StreamFlows flows(&kernel, kPorts, kStart);
    CHECK_FALSE(flows.mayMove(Leg::A, kStart));
    const auto now = kStart + kernel::FlowTable::kSettling;
    REQUIRE(flows.mayMove(Leg::A, now));
    flows.routeAsked(Leg::A, 1);
    flows.routeFound(Leg::A, 1, flow(), kRoute, now);
    flows.leave(now);
    CHECK_FALSE(flows.mayMove(Leg::A, now + kernel::FlowTable::kSettling - 1us));
    CHECK(flows.mayMove(Leg::A, now + kernel::FlowTable::kSettling));
}

TEST_CASE("A route that comes too late changes nothing", "[media]") {
    FakeKernel kernel;
    StreamFlows flows(&kernel, kPorts, kStart);
    flows.routeAsked(Leg::A, 1);
    flows.leave(kStart);
    flows.routeFound(Leg::A, 1, flow(), kRoute, kStart);
    CHECK_FALSE(flows.isIn(Leg::A));

    flows.routeAsked(Leg::A, 2);
    flows.routeFound(Leg::A, 1, flow(4000), kRoute, kStart);
    CHECK_FALSE(flows.isIn(Leg::A));
    flows.routeFound(Leg::A, 2, flow(4002), kRoute, kStart);
    CHECK(flows.isIn(Leg::A));
    CHECK(kernel.at(Leg::A, 7070).flow.source.port == 4002);
}

TEST_CASE("Without a route it stays with the process and asks again later", "[media]") {
    FakeKernel kernel;
    StreamFlows flows(&kernel, kPorts, kStart);
    const auto now = kStart + 1s;
    flows.routeAsked(Leg::A, 1);
    flows.routeFound(Leg::A, 1, flow(), std::nullopt, now);
    CHECK_FALSE(flows.isIn(Leg::A));
    CHECK_FALSE(flows.mayMove(Leg::A, now + 1s));
    CHECK(flows.mayMove(Leg::A, now + 5s));
}

TEST_CASE("What the kernel has forwarded counts for the stream that has the port", "[media]") {
    FakeKernel kernel;
    kernel.forwards(Leg::A, 7070, 1, kStart);  // for an earlier stream
    StreamFlows flows(&kernel, kPorts, kStart);
    CHECK(flows.packets(Leg::A) == 0);
    flows.routeAsked(Leg::A, 1);
    flows.routeFound(Leg::A, 1, flow(), kRoute, kStart);
    CHECK_FALSE(flows.lastHeard(Leg::A));
    kernel.forwards(Leg::A, 7070, 99, kStart + 2s);
    CHECK(flows.packets(Leg::A) == 1);
    CHECK(flows.bytes(Leg::A) == 172);
    const auto heard = flows.lastHeard(Leg::A);
    REQUIRE(heard);
    CHECK(heard->when == kStart + 2s);
    CHECK(heard->ssrc == 7);
    CHECK(heard->sequence == 99);
    flows.leave(kStart + 3s);
    CHECK(flows.packets(Leg::A) == 1);
    CHECK_FALSE(flows.lastHeard(Leg::A));
    CHECK(flows.packets(Leg::B) == 0);
}

TEST_CASE("What has been received goes along into the kernel and back", "[media]") {
    FakeKernel kernel;
    kernel.forwards(Leg::A, 7070, 40000, kStart);  // for an earlier stream
    StreamFlows flows(&kernel, kPorts, kStart);
    ReceptionState inOne;  // what an engine has that gets all of it
    inOne.follow(payloadClock(8, 8000));
    flows.setReception(Leg::A, inOne);
    const auto receive = [&](std::uint16_t sequence) {
        // Every other one comes 6 ms late.
        const auto when = kStart + sequence * 20ms + (sequence % 2) * 6ms;
        const auto now = static_cast<std::uint64_t>(when.time_since_epoch().count());
        inOne.receive(7, sequence, 8, sequence * 160U, now);
        if (flows.isIn(Leg::A) && sequence % 10 != 0) {
            kernel.forwards(Leg::A, 7070, sequence, when);
        } else {
            auto state = flows.reception(Leg::A);
            state.receive(7, sequence, 8, sequence * 160U, now);
            flows.setReception(Leg::A, state);
        }
        CHECK(flows.reception(Leg::A) == inOne);
    };
    for (std::uint16_t sequence = 1; sequence < 100; ++sequence) {
        if (sequence == 20) {
            flows.routeAsked(Leg::A, 1);
            flows.routeFound(Leg::A, 1, flow(), kRoute, kStart);
        }
        if (sequence == 80) {
            flows.leave(kStart);
            kernel.at(Leg::A, 7070).reception = {};
        }
        if (sequence % 7 != 0) {
            receive(sequence);
        }
    }
    CHECK(flows.reception(Leg::A).lost() == 14);
    CHECK(flows.reception(Leg::A).jitterMs() > 1);
    CHECK(flows.reception(Leg::B) == ReceptionState{});
}

TEST_CASE("The kernel learns payload types while it forwards", "[media]") {
    FakeKernel kernel;
    StreamFlows flows(&kernel, kPorts, kStart);
    flows.learn(Leg::A, payloadClock(101, 0));
    flows.routeAsked(Leg::A, 1);
    flows.routeFound(Leg::A, 1, flow(), kRoute, kStart);
    CHECK(kernel.at(Leg::A, 7070).clocks.empty());
    flows.learn(Leg::A, payloadClock(101, 0));
    CHECK(kernel.at(Leg::A, 7070).clocks == std::vector{payloadClock(101, 0)});
}

TEST_CASE("A stream that ends leaves nothing in the kernel", "[media]") {
    FakeKernel kernel;
    {
        StreamFlows flows(&kernel, kPorts, kStart);
        flows.routeAsked(Leg::A, 1);
        flows.routeFound(Leg::A, 1, flow(), kRoute, kStart);
        REQUIRE(kernel.at(Leg::A, 7070).in);
    }
    CHECK_FALSE(kernel.at(Leg::A, 7070).in);
}

TEST_CASE("Without a relay in the kernel nothing ever moves", "[media]") {
    StreamFlows flows(nullptr, kPorts, kStart);
    CHECK_FALSE(flows.mayMove(Leg::A, kStart + 1h));
    CHECK(flows.packets(Leg::A) == 0);
    flows.leave(kStart);
}
