// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and follows real interfaces, in a network namespace of its own.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "event/loop.h"
#include "net/interface_monitor.h"
#include "net/interface_selection.h"
#include "network_namespace.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::net;
using namespace std::chrono_literals;
using test::ip;

namespace {

InterfaceTable now() {
    auto table = InterfaceTable::read();
    REQUIRE(table);
    return std::move(*table);
}

/// A monitor in a real loop that runs until a table is as wished.
class Follower {
public:
    Follower() {
        auto made = event::makeLoop();
        REQUIRE(made);
        loop_ = std::move(*made);
        deadline_ = loop_->timer([this] { loop_->stop(); });
        monitor_.emplace(*loop_, now(), [this](const InterfaceTable& table) {
            ++changes_;
            if (wish_ && wish_(table)) {
                fulfilled_ = true;
                loop_->stop();
            }
        });
    }

    /// Whether `wish` has come true in the table within some seconds after `command`.
    bool sees(const std::string& command, std::function<bool(const InterfaceTable&)> wish) {
        wish_ = std::move(wish);
        fulfilled_ = false;
        changes_ = 0;
        REQUIRE(shell(command));
        return wait();
    }
    bool wait() {
        deadline_->start(10s);
        loop_->run();
        deadline_->stop();
        return fulfilled_;
    }

    /// Runs the loop for a while in which no change is to be told.
    int changesWithin(base::Duration time) {
        wish_ = nullptr;
        changes_ = 0;
        deadline_->start(time);
        loop_->run();
        return changes_;
    }

    [[nodiscard]] const InterfaceTable& table() const { return monitor_->table(); }
    [[nodiscard]] int changes() const { return changes_; }
    event::Loop& loop() { return *loop_; }

private:
    std::unique_ptr<event::Loop> loop_;
    std::unique_ptr<event::Timer> deadline_;
    std::function<bool(const InterfaceTable&)> wish_;
    bool fulfilled_ = false;
    int changes_ = 0;
    std::optional<InterfaceMonitor> monitor_;
};

auto hasAddress(const char* name, const char* address) {
    return [name, wanted = ip(address)](const InterfaceTable& table) {
        const Interface* interface = table.byName(name);
        return interface != nullptr && table.byAddress(wanted) == interface;
    };
}

auto lacksAddress(const char* address) {
    return [gone = ip(address)](const InterfaceTable& table) {
        return table.byAddress(gone) == nullptr;
    };
}

}  // namespace

TEST_CASE("Interfaces, addresses and routes are read from the kernel", "[net]") {
    const Namespace ours;
    if (!ours) {
        return;
    }
    REQUIRE(shell("ip addr add 192.168.1.1/24 dev lan0 && "
                  "ip addr add 192.168.1.2/24 dev lan0 && "
                  "ip addr add 10.1.0.1/16 dev lan0 label lan0:1 && "
                  "ip link set lan0 up && ip link set phone0 up && ip link set ppp0 up && "
                  "ip addr add 203.0.113.1 peer 203.0.113.254 dev ppp0 && "
                  "ip route add default dev ppp0 metric 5 && "
                  "ip route add default via 192.168.1.9 metric 7 && "
                  "ip route add unreachable default metric 1"));
    const auto table = now();
    CHECK(table.byName("lo")->loopback);
    const auto* lan = table.byName("lan0");
    REQUIRE(lan);
    CHECK((lan->up && lan->running && !lan->pointToPoint));
    CHECK(table.first("lan0", base::Family::V4) == ip("192.168.1.1"));
    CHECK(table.first("lan0:1", base::Family::V4) == ip("10.1.0.1"));
    CHECK(table.byName("lan0:1")->index == lan->index);
    CHECK(table.byName("ppp0")->pointToPoint);
    CHECK(table.subnetContains("ppp0", ip("203.0.113.254")));
    CHECK(table.defaultRouteInterface() == "ppp0");
    CHECK(table.suggestInterfaces()->inbound == "lan0");
    CHECK(table == now());
    CHECK(InterfaceSelection::parse("auto", "auto")->resolve(table).outbound.toString() ==
          "ppp0 (203.0.113.1)");
}

TEST_CASE("IPv6 addresses are read with what they are good for", "[net]") {
    const Namespace ours;
    if (!ours) {
        return;
    }
    if (!shell("ip -6 addr add fd00:1::1/64 dev lan0 nodad && ip link set lan0 up && "
               "ip link set phone0 up && ip -6 addr add 2001:db8::1/64 dev lan0 nodad && "
               "ip -6 addr add 2001:db8::2/64 dev lan0 nodad preferred_lft 0 && "
               "ip -6 route add default via 2001:db8::fe dev lan0")) {
        WARN("skipped: the kernel has no IPv6");
        return;
    }
    const auto table = now();
    CHECK(table.first("lan0", base::Family::V6) == ip("2001:db8::1"));
    CHECK(table.defaultRouteInterface(base::Family::V6) == "lan0");
    CHECK_FALSE(table.defaultRouteInterface(base::Family::V4));
    const auto& addresses = table.byName("lan0")->addresses;
    REQUIRE(addresses.size() == 3);
    CHECK(addresses[1].ip == ip("fd00:1::1"));
    CHECK(addresses[2].deprecated);

    // The same address at both ends of the link: its second owner finds that out.
    Follower follower;
    CHECK(follower.sees("ip -6 addr add 2001:db8::1/64 dev phone0", [](const InterfaceTable& t) {
        return std::ranges::any_of(t.byName("phone0")->addresses, &InterfaceAddress::duplicate);
    }));
}

TEST_CASE("A ppp link that comes, goes and comes back with another address is followed", "[net]") {
    const Namespace ours;
    if (!ours) {
        return;
    }
    Follower follower;
    CHECK(follower.sees("ip link set ppp0 up && ip addr add 203.0.113.1 peer 203.0.113.254 dev "
                        "ppp0 && ip route add default dev ppp0",
                        [](const InterfaceTable& table) {
                            return table.defaultRouteInterface() == "ppp0";
                        }));
    CHECK(follower.table().first("ppp0", base::Family::V4) == ip("203.0.113.1"));
    CHECK(follower.changes() <= 2);
    CHECK(follower.sees("ip addr flush dev ppp0", lacksAddress("203.0.113.1")));
    CHECK_FALSE(follower.table().defaultRouteInterface());
    CHECK(follower.sees("ip addr add 198.51.100.7 peer 198.51.100.254 dev ppp0",
                        hasAddress("ppp0", "198.51.100.7")));
    CHECK(follower.sees("ip link set ppp0 down", [](const InterfaceTable& table) {
        return !table.byName("ppp0")->up && !table.first("ppp0", base::Family::V4);
    }));
    CHECK(follower.sees("ip link del ppp0", [](const InterfaceTable& table) {
        return table.byName("ppp0") == nullptr;
    }));
    CHECK(follower.sees("ip tuntap add dev ppp0 mode tun", [](const InterfaceTable& table) {
        return table.byName("ppp0") != nullptr;
    }));
}

TEST_CASE("Links that are plugged, renamed and deleted are followed", "[net]") {
    const Namespace ours;
    if (!ours) {
        return;
    }
    Follower follower;
    CHECK(follower.sees("ip addr add 10.0.0.1/24 dev lan0 && ip link set lan0 up && "
                        "ip link set phone0 up",
                        [](const InterfaceTable& table) { return table.byName("lan0")->running; }));
    CHECK(follower.sees("ip link set phone0 down", [](const InterfaceTable& table) {
        return !table.byName("lan0")->running;
    }));
    CHECK(follower.sees("ip link set lan0 down && ip link set lan0 name lan1 && "
                        "ip link set lan1 up",
                        hasAddress("lan1", "10.0.0.1")));
    CHECK(follower.table().byName("lan0") == nullptr);
    CHECK(follower.sees("ip link add link lan1 name lan1.7 type vlan id 7 || "
                        "ip link add lan1.7 type bridge",
                        [](const InterfaceTable& table) {
                            return table.byName("lan1.7") != nullptr;
                        }));
    CHECK(follower.sees("ip link del lan1", [](const InterfaceTable& table) {
        return table.byName("lan1") == nullptr && table.byName("phone0") == nullptr;
    }));
}

TEST_CASE("What makes no difference is not told", "[net]") {
    const Namespace ours;
    if (!ours) {
        return;
    }
    REQUIRE(shell("ip link set lan0 up && ip link set phone0 up && "
                  "ip addr add 10.0.0.1/24 dev lan0"));
    Follower follower;
    (void)follower.changesWithin(300ms);
    REQUIRE(shell("ip route add 172.16.0.0/12 via 10.0.0.9 && ip link set lan0 mtu 1400 && "
                  "ip addr add 10.0.0.2/24 dev lan0 && ip addr del 10.0.0.2/24 dev lan0"));
    CHECK(follower.changesWithin(300ms) == 0);
}

TEST_CASE("More news than the kernel can keep are made up for by reading all", "[net]") {
    const Namespace ours;
    if (!ours) {
        return;
    }
    Follower follower;
    // The loop stands still meanwhile, and the socket overflows.
    REQUIRE(shell("ip link set ppp0 up; for i in $(seq 1 250); do for j in 1 2 3 4; do "
                  "echo addr add 10.$j.$i.1/24 dev ppp0; echo addr del 10.$j.$i.1/24 dev ppp0; "
                  "done; done | ip -batch -"));
    CHECK(follower.sees("ip addr add 203.0.113.9/32 dev ppp0", hasAddress("ppp0", "203.0.113.9")));
    CHECK(follower.sees("ip addr del 203.0.113.9/32 dev ppp0", lacksAddress("203.0.113.9")));
}

TEST_CASE("A monitor may go while it reads", "[net]") {
    const Namespace ours;
    if (!ours) {
        return;
    }
    auto loop = event::makeLoop();
    REQUIRE(loop);
    int changes = 0;
    std::optional<InterfaceMonitor> monitor;
    monitor.emplace(**loop, InterfaceTable(), [&](const InterfaceTable&) { ++changes; });
    const auto end = (*loop)->timer([&] {
        monitor.reset();
        (*loop)->post([&] { (*loop)->stop(); });
    });
    end->start(0ms);
    (*loop)->run();
    CHECK(changes == 0);
}
