// SPDX-License-Identifier: GPL-2.0-or-later
#include "media/resting_ports.h"

#include <map>

#include "media_peer.h"
#include "support/fake_random.h"

using namespace siproxd;
using namespace siproxd::media;
using namespace std::chrono_literals;
using test::ip;

namespace {

using Local = PerLeg<base::IpAddress>;

Local here() {
    return {ip("127.0.0.1"), ip("127.0.0.2")};
}

Local elsewhere() {
    return {ip("127.0.0.1"), ip("127.0.0.3")};
}

LegSockets bindLeg(const base::IpAddress& local) {
    return {net::UdpSocket::bind({local, 0}).value(), net::UdpSocket::bind({local, 0}).value()};
}

std::unique_ptr<StreamPorts> portsOn(const Local& local) {
    return std::make_unique<StreamPorts>(
        StreamSockets(bindLeg(local[Leg::A]), bindLeg(local[Leg::B])));
}

struct Bench {
    const StreamPorts* put(const Local& local) {
        auto ports = portsOn(local);
        const auto* known = ports.get();
        CHECK(resting.put(std::move(ports), now) == nullptr);
        return known;
    }

    test::FakeRandom random;
    RestingPorts resting{random};
    base::TimePoint now{};
};

}  // namespace

TEST_CASE("ports that nobody wants are closed in the end", "[media][ports]") {
    Bench bench;
    const auto* first = bench.put(here());
    bench.now += 1ms;
    bench.put(here());
    CHECK(bench.resting.pairs() == 4);
    bench.now += RestingPorts::kKept - 2ms;
    CHECK(bench.resting.takeExpired(bench.now) == nullptr);
    bench.now += 1ms;
    CHECK(bench.resting.takeExpired(bench.now).get() == first);
    CHECK(bench.resting.takeExpired(bench.now) == nullptr);
    CHECK(bench.resting.pairs() == 2);
}

TEST_CASE("when nothing else is left the oldest need not have rested", "[media][ports]") {
    Bench bench;
    const auto* other = bench.put(elsewhere());
    const auto* first = bench.put(here());
    bench.put(here());
    CHECK(bench.resting.takeOldest(here()).get() == first);
    CHECK(bench.resting.takeAny().get() == other);
}

TEST_CASE("where many calls come only the youngest ports are not given away", "[media][ports]") {
    Bench bench;
    std::map<const StreamPorts*, std::size_t> order;
    for (std::size_t i = 0; i < RestingPorts::kMost; ++i) {
        order.emplace(bench.put(here()), i);
    }
    CHECK(bench.resting.take(elsewhere()) == nullptr);
    std::vector<std::size_t> given;
    while (const auto ports = bench.resting.take(here())) {
        given.push_back(order.at(ports.get()));
    }
    CHECK(given.size() == RestingPorts::kMost - RestingPorts::kYoung);
    CHECK(std::ranges::max(given) < RestingPorts::kMost - RestingPorts::kYoung);
    // Which are the next cannot be foreseen.
    CHECK_FALSE(std::ranges::is_sorted(given));

    for (std::size_t i = 0; i < given.size(); ++i) {
        bench.put(here());
    }
    const auto tooMany = bench.resting.put(portsOn(here()), bench.now);
    REQUIRE(tooMany != nullptr);
    CHECK(order.at(tooMany.get()) == RestingPorts::kMost - RestingPorts::kYoung);
}
