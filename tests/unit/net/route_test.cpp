// SPDX-License-Identifier: GPL-2.0-or-later
// Asks the kernel for real routes, in a network namespace of its own.
#include "net/route.h"

#include <net/if.h>

#include "network_namespace.h"
#include "support/addresses.h"
#include "support/catch.h"

using namespace siproxd;
using namespace siproxd::net;
using test::ip;

namespace {

/// lan0 with both IP versions, up.
bool haveLan() {
    return shell("ip link set phone0 up && ip link set lan0 mtu 1400 up && "
                 "ip address add 10.0.0.1/24 dev lan0 && ip address add fd10::1/64 dev lan0 nodad");
}

}  // namespace

TEST_CASE("A route names the interface and its longest packet", "[net]") {
    const Namespace space;
    if (!space) {
        return;
    }
    REQUIRE(haveLan());
    auto questions = RouteQuestions::open();
    REQUIRE(questions);
    const Route lan{::if_nametoindex("lan0"), 1400};
    const auto from4 = ip("10.0.0.1");
    const auto from6 = ip("fd10::1");
    CHECK(questions->find(from4, ip("10.0.0.7")) == lan);
    CHECK(questions->find(from6, ip("fd10::7")) == lan);
    CHECK_FALSE(questions->find(from4, ip("203.0.113.9")));
    CHECK_FALSE(questions->find(from4, from4));
    REQUIRE(shell("ip route add default via 10.0.0.254"));
    CHECK(questions->find(from4, ip("203.0.113.9")) == lan);
    REQUIRE(shell("ip route add 203.0.113.0/24 via 10.0.0.253 mtu 1200"));
    CHECK(questions->find(from4, ip("203.0.113.9")) == Route{lan.interface, 1200});
    REQUIRE(shell("ip -4 route replace default via inet6 fe80::5 dev lan0"));
    CHECK(questions->find(from4, ip("198.51.100.9")) == lan);
}
