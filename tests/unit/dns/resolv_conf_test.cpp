// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns/resolv_conf.h"

#include <unistd.h>

#include <string>

#include "dns/system_names.h"
#include "support/catch.h"
#include "support/fake_loop.h"
#include "support/temporary_directory.h"

using namespace siproxd;
using namespace siproxd::dns;
using namespace std::chrono_literals;

TEST_CASE("A resolv.conf names servers, search list and options", "[dns]") {
    const auto system = parseResolvConf("# comment\n"
                                        "; another\n"
                                        "nameserver 192.0.2.53\n"
                                        "nameserver\t2001:db8::53  \r\n"
                                        "nameserver fe80::1%eth0\n"
                                        "nameserver\n"
                                        "domain old.test\n"
                                        "search example.test  lan bad!name\n"
                                        "sortlist 10.0.0.0\n"
                                        "options timeout:1 ndots:2 rotate edns0");
    REQUIRE(system.servers.size() == 2);
    CHECK(system.servers[0].toString() == "192.0.2.53:53");
    CHECK(system.servers[1].toString() == "[2001:db8::53]:53");
    CHECK(system.search == std::vector<std::string>{"example.test", "lan"});
    CHECK(system.dots == 2);
    CHECK(system.rotate);
}

TEST_CASE("An empty or senseless resolv.conf says nothing", "[dns]") {
    for (const char* text : {"", "\n\n", "nameserver x y z\noptions ndots:99", "\xff\xfe"}) {
        const auto system = parseResolvConf(text);
        CHECK(system.servers.empty());
        CHECK(system.search.empty());
        CHECK(system.dots == 1);
        CHECK_FALSE(system.rotate);
    }
}

TEST_CASE("The system's file is read again when it has changed", "[dns]") {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("resolv.conf");
    directory.write(path, "");
    test::FakeLoop clock;
    clock.advance(1h);
    SystemNames names(clock, path);
    REQUIRE(names.configuration().servers.size() == 1);
    CHECK(names.configuration().servers[0].toString() == "127.0.0.1:53");
    directory.write(path, "nameserver 192.0.2.1\n");
    CHECK_FALSE(names.changed());
    clock.advance(5s);
    CHECK(names.changed());
    CHECK(names.configuration().servers[0].toString() == "192.0.2.1:53");
    clock.advance(5s);
    CHECK_FALSE(names.changed());
    ::unlink(path.c_str());
    clock.advance(5s);
    CHECK_FALSE(names.changed());
    CHECK(names.configuration().servers[0].toString() == "192.0.2.1:53");
}
