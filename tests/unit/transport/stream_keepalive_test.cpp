// SPDX-License-Identifier: GPL-2.0-or-later
// Pings and pongs (RFC 5626 §3.5.1).
#include "transport/stream_transport.h"

#include <string>
#include <vector>

#include "stream_bench.h"

using namespace siproxd;
using namespace siproxd::transport;
using namespace siproxd::test;
using base::Protocol;

TEST_CASE("Pings are answered, but not for those who do not read", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send("\r\n\r\n\r\n\r\n" + options());
    CHECK(bench.until([&] { return peer.got() == "\r\n\r\n"; }));
    CHECK(bench.transport.counters().pings == 2);
    CHECK(bench.messages.size() == 1);
}

TEST_CASE("A connection to a provider is pinged, and closed when pongs stop coming", "[transport]") {
    StreamBench bench({.keepalive = 20s});
    const PeerListener provider;
    const auto used = bench.sendTo("x", StreamBench::to(provider.address()), {});
    REQUIRE(used);
    bench.transport.keep(used->connection);
    Peer peer = provider.accept();
    CHECK(bench.until([&] { return peer.got() == "x"; }));
    for (int i = 0; i < 3; ++i) {
        bench.loop.advance(20s);
        CHECK(bench.until([&] { return peer.got().ends_with("\r\n\r\n"); }));
        peer.send("\r\n");
        const auto expected = static_cast<std::uint64_t>(i) + 1;
        CHECK(bench.until([&] { return bench.transport.counters().pongs == expected; }));
    }
    CHECK(peer.got().size() == 1 + 3 * 4);
    bench.loop.advance(20s);
    bench.settle();
    bench.loop.advance(10s);
    REQUIRE(bench.failed.size() == 1);
    CHECK(bench.failed[0].second.find("keepalive") != std::string::npos);
    CHECK(bench.closed.size() == 1);
}

TEST_CASE("Connections of ours over which nobody has registered are not pinged", "[transport]") {
    StreamBench bench({.keepalive = 20s});
    const PeerListener provider;
    CHECK(bench.transport.send("x", StreamBench::to(provider.address())));
    Peer peer = provider.accept();
    CHECK(bench.until([&] { return peer.got() == "x"; }));
    bench.loop.advance(60s);
    bench.settle();
    CHECK(peer.got() == "x");
    CHECK(bench.transport.connections() == 1);
}

TEST_CASE("A phone that answers no pings stays, one that stops answering them is closed",
          "[transport]") {
    StreamBench bench({.keepalive = 20s});
    Peer phone(bench.listen());
    phone.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    bench.transport.keep(bench.messages[0].flow.connection);
    const auto pingsBy = [&](std::size_t count) {
        return bench.until([&] { return phone.got().size() == 4 * count; });
    };
    for (std::size_t i = 1; i <= 5; ++i) {
        bench.loop.advance(20s);
        CHECK(pingsBy(i));
    }
    CHECK(bench.transport.connections() == 1);
    // A line end that comes long after a ping is no answer to it.
    bench.loop.advance(15s);
    phone.send("\r\n" + options());
    CHECK(bench.until([&] { return bench.messages.size() == 2; }));
    bench.loop.advance(5s);
    CHECK(pingsBy(6));
    bench.loop.advance(19s);
    CHECK(bench.transport.connections() == 1);
    bench.loop.advance(1s);
    CHECK(pingsBy(7));
    phone.send("\r\n");
    bench.settle();
    bench.loop.advance(20s);
    CHECK(pingsBy(8));
    bench.loop.advance(9s);
    CHECK(bench.transport.connections() == 1);
    bench.loop.advance(1s);
    CHECK(bench.transport.connections() == 0);
    REQUIRE(bench.failed.size() == 1);
    CHECK(bench.failed[0].second.find("keepalive") != std::string::npos);
}

TEST_CASE("Phones are pinged from when they have registered, and nobody with keepalive off",
          "[transport]") {
    for (const auto interval : {0s, 20s}) {
        StreamBench bench({.keepalive = interval});
        const auto local = bench.listen();
        Peer phone(local);
        Peer other(local);
        phone.send(options("phone"));
        CHECK(bench.until([&] { return bench.messages.size() == 1; }));
        other.send(options("other"));
        CHECK(bench.until([&] { return bench.messages.size() == 2; }));
        bench.transport.keep(bench.messages[0].flow.connection);
        bench.loop.advance(25s);
        bench.settle();
        CHECK(phone.got() == (interval > 0s ? "\r\n\r\n" : ""));
        CHECK(other.got().empty());
        // Any byte shows that the phone is there.
        phone.send(options());
        bench.settle();
        bench.loop.advance(10s);
        CHECK(bench.transport.connections() == 2);
    }
}
