// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/route_message.h"

#include <linux/rtnetlink.h>

#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "route_recording.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::net;
using test::ip;
using Progress = RouteAnswers::Progress;

namespace {

/// On the heap, where a sanitizer sees each read beyond it.
using Bytes = std::vector<char>;

Bytes bytes(std::string_view hex) {
    Bytes result;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        result.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    }
    return result;
}

struct Recorded {
    Bytes datagram;
    std::uint32_t sequence;
};

std::vector<Recorded> everything() {
    std::vector<Recorded> result;
    const auto append = [&](std::span<const char* const> answer, std::uint32_t sequence) {
        for (const char* hex : answer) {
            result.push_back({bytes(hex), sequence});
        }
    };
    append(recorded::kLinks, 1);
    append(recorded::kAddresses, 2);
    append(recorded::kRoutesV4, 3);
    append(recorded::kRoutesV6, 4);
    return result;
}

InterfaceTable recordedTable() {
    RouteAnswers answers;
    int done = 0;
    for (const auto& [datagram, sequence] : everything()) {
        const auto progress = answers.take(datagram, sequence);
        REQUIRE((progress == Progress::More || progress == Progress::Done));
        done += progress == Progress::Done ? 1 : 0;
    }
    CHECK(done == 4);
    return answers.table();
}

const InterfaceAddress* find(const InterfaceTable& table, const char* text) {
    const Interface* interface = table.byAddress(ip(text));
    if (interface == nullptr) {
        return nullptr;
    }
    for (const auto& address : interface->addresses) {
        if (address.ip == ip(text)) {
            return &address;
        }
    }
    return nullptr;
}

template <class Body>
Bytes message(std::uint16_t type, const Body& body, std::uint32_t sequence = 1,
              std::uint16_t flags = 0) {
    nlmsghdr header{};
    header.nlmsg_len = sizeof header + sizeof body;
    header.nlmsg_type = type;
    header.nlmsg_seq = sequence;
    header.nlmsg_flags = flags;
    Bytes result(header.nlmsg_len);
    std::memcpy(result.data(), &header, sizeof header);
    std::memcpy(result.data() + sizeof header, &body, sizeof body);
    return result;
}

}  // namespace

TEST_CASE("Links are read from the kernel's messages", "[net]") {
    const auto table = recordedTable();
    std::vector<std::string> names;
    for (const auto& interface : table.interfaces()) {
        names.push_back(interface.name);
    }
    CHECK(names == std::vector<std::string>{"lo", "far", "eth0", "eth0:1", "ppp0"});
    const auto* eth0 = table.byName("eth0");
    CHECK((eth0->index == 3 && eth0->up && eth0->running && !eth0->pointToPoint));
    CHECK(table.byName("eth0:1")->index == 3);
    CHECK(table.byIndex(3) == eth0);
    CHECK(table.byName("lo")->loopback);
    const auto* ppp0 = table.byName("ppp0");
    CHECK((ppp0->up && !ppp0->running && ppp0->pointToPoint && !ppp0->loopback));
}

TEST_CASE("Addresses and what they are good for are read from the kernel's messages", "[net]") {
    const auto table = recordedTable();
    CHECK(table.first("eth0", base::Family::V4) == ip("192.168.1.1"));
    CHECK(table.first("eth0:1", base::Family::V4) == ip("10.1.1.1"));
    CHECK(table.byAddress(ip("10.1.1.1"))->name == "eth0:1");
    REQUIRE(find(table, "192.168.1.2"));
    CHECK_FALSE(find(table, "192.168.1.2")->temporary);
    CHECK(find(table, "192.168.1.2")->prefix == 24);

    CHECK(table.first("eth0", base::Family::V6) == ip("2001:db8:1::5"));
    CHECK(find(table, "2001:db8:1::5")->dynamic);
    CHECK(find(table, "2001:db8:1::77")->tentative);
    CHECK_FALSE(find(table, "2001:db8:1::77")->usable());
    CHECK(find(table, "2001:db8:1::9")->deprecated);
    CHECK(find(table, "2001:db8:1:0:72ff:c492:7296:91e6")->temporary);
    CHECK(*find(table, "fd00:1::1") == InterfaceAddress{ip("fd00:1::1"), 64});
    CHECK(table.byName("eth0")->addresses.back().ip == ip("2001:db8:1::77"));
    REQUIRE(table.byName("eth0")->linkLocal.size() == 1);
    CHECK(table.byName("eth0")->linkLocal[0].ip == ip("fe80::10ef:e8ff:fe66:b51b"));

    const auto* ppp = find(table, "203.0.113.1");
    REQUIRE(ppp);
    CHECK(ppp->peer == ip("203.0.113.254"));
    CHECK(ppp->subnet() == *base::Network::parse("203.0.113.254/32"));
    CHECK(find(table, "2001:db8:2::1")->peer == ip("2001:db8:2::fe"));
}

TEST_CASE("The usable default route of the least metric wins", "[net]") {
    const auto table = recordedTable();
    CHECK(table.defaultRouteInterface(base::Family::V4) == "ppp0");
    CHECK(table.defaultRouteInterface(base::Family::V6) == "eth0");
}

TEST_CASE("A default route over several ways leads to the first that lives", "[net]") {
    RouteAnswers answers;
    answers.take(bytes(recorded::kLinks[0]), 1);
    answers.take(bytes(recorded::kLinks[1]), 1);

    struct {
        rtmsg route{};
        nlattr multipath{sizeof(nlattr) + 2 * sizeof(rtnexthop), RTA_MULTIPATH};
        rtnexthop hops[2]{{sizeof(rtnexthop), RTNH_F_DEAD, 0, 4}, {sizeof(rtnexthop), 0, 0, 2}};
    } body;
    body.route.rtm_family = AF_INET;
    body.route.rtm_table = RT_TABLE_MAIN;
    body.route.rtm_type = RTN_UNICAST;

    SECTION("") {
        answers.take(message(RTM_NEWROUTE, body), 1);
        CHECK(answers.table().defaultRouteInterface() == "far");
    }
    SECTION("none of them") {
        body.hops[1].rtnh_flags = RTNH_F_DEAD;
        answers.take(message(RTM_NEWROUTE, body), 1);
        CHECK_FALSE(answers.table().defaultRouteInterface());
    }
    SECTION("to an interface that is not in the table") {
        body.hops[1].rtnh_ifindex = 77;
        answers.take(message(RTM_NEWROUTE, body), 1);
        CHECK_FALSE(answers.table().defaultRouteInterface());
    }
    SECTION("with a length that lies") {
        body.hops[0].rtnh_len = 0xffff;
        answers.take(message(RTM_NEWROUTE, body), 1);
        CHECK_FALSE(answers.table().defaultRouteInterface());
    }
    SECTION("with a length of nothing") {
        body.hops[0].rtnh_len = 0;
        answers.take(message(RTM_NEWROUTE, body), 1);
        CHECK_FALSE(answers.table().defaultRouteInterface());
    }
}

TEST_CASE("The end of an answer, interruptions and refusals are told", "[net]") {
    RouteAnswers answers;
    const int zero = 0;
    CHECK(answers.take(message(NLMSG_DONE, zero, 7), 7) == Progress::Done);
    CHECK(answers.take(message(NLMSG_DONE, zero, 6), 7) == Progress::More);
    CHECK(answers.take(message(NLMSG_DONE, zero, 7, NLM_F_DUMP_INTR), 7) == Progress::Interrupted);
    CHECK(answers.take(message(NLMSG_DONE, zero, 7), 7) == Progress::Done);

    const ifinfomsg link{};
    CHECK(answers.take(message(RTM_NEWLINK, link, 7, NLM_F_DUMP_INTR), 7) == Progress::More);
    CHECK(answers.take(message(NLMSG_DONE, zero, 7), 7) == Progress::Interrupted);

    nlmsgerr error{};
    error.error = -EOPNOTSUPP;
    CHECK(answers.take(message(NLMSG_ERROR, error, 7), 7) == Progress::Refused);
    CHECK(answers.refusal() == EOPNOTSUPP);
    CHECK(answers.take(message(NLMSG_ERROR, zero, 7), 7) == Progress::Refused);
    CHECK(answers.refusal() == EIO);
    CHECK(answers.table() == InterfaceTable());
}

TEST_CASE("Messages that are cut short add nothing wrong", "[net]") {
    const auto whole = recordedTable();
    for (const auto& [datagram, sequence] : everything()) {
        for (std::size_t length = 0; length < datagram.size(); ++length) {
            RouteAnswers answers;
            // The capacity too ends there.
            const Bytes part(datagram.begin(), datagram.begin() + static_cast<long>(length));
            CHECK(answers.take(part, sequence) == Progress::More);
            CHECK(answers.table().interfaces().size() <= whole.interfaces().size());
            (void)announcesChange(part);
        }
    }
}

TEST_CASE("No bytes whatsoever do harm in place of the kernel's messages", "[net]") {
    std::mt19937 random(4242);
    const auto below = [&](std::size_t n) { return random() % n; };
    const auto good = everything();
    for (int round = 0; round < 3000; ++round) {
        RouteAnswers answers;
        for (auto [datagram, sequence] : good) {
            for (std::size_t flips = below(12); flips > 0; --flips) {
                datagram[below(datagram.size())] = static_cast<char>(below(256));
            }
            (void)announcesChange(datagram);
            (void)answers.take(datagram, sequence);
        }
        const auto table = answers.table();
        for (const auto& interface : table.interfaces()) {
            REQUIRE(interface.name.size() < 16);
            for (const auto& address : interface.addresses) {
                REQUIRE(address.prefix <= (address.ip.isV4() ? 32 : 128));
            }
        }
    }
}

TEST_CASE("News of links, addresses and default routes announce a change, others do not", "[net]") {
    ifinfomsg link{};
    CHECK(announcesChange(message(RTM_NEWLINK, link)));
    CHECK(announcesChange(message(RTM_DELLINK, link)));
    link.ifi_family = AF_BRIDGE;
    CHECK_FALSE(announcesChange(message(RTM_NEWLINK, link)));
    const ifaddrmsg address{};
    CHECK(announcesChange(message(RTM_NEWADDR, address)));
    CHECK(announcesChange(message(RTM_DELADDR, address)));

    rtmsg route{};
    route.rtm_family = AF_INET6;
    route.rtm_type = RTN_UNICAST;
    CHECK(announcesChange(message(RTM_NEWROUTE, route)));
    CHECK(announcesChange(message(RTM_DELROUTE, route)));
    route.rtm_dst_len = 64;
    CHECK_FALSE(announcesChange(message(RTM_DELROUTE, route)));
    auto two = message(RTM_DELROUTE, route);
    const auto second = message(RTM_NEWADDR, address);
    two.insert(two.end(), second.begin(), second.end());
    CHECK(announcesChange(two));

    CHECK(announcesChange(Bytes()));
    CHECK(announcesChange(Bytes(15)));
    CHECK(announcesChange(Bytes(16)));
    CHECK(announcesChange(message(RTM_NEWLINK, '\0')));
}
