// SPDX-License-Identifier: GPL-2.0-or-later
// Who may connect, how often, and how much of him is kept.
#include "transport/stream_transport.h"

#include <string>
#include <vector>

#include "stream_bench.h"

using namespace siproxd;
using namespace siproxd::transport;
using namespace siproxd::test;
using base::Protocol;

TEST_CASE("An address may have so many connections, a trusted one any number", "[transport]") {
    const auto admission = [](const base::Flow& flow, unsigned) {
        return flow.remote.ip.toString() == "127.0.0.9" ? Standing::Ourselves : Standing::Known;
    };
    StreamBench bench({.perAddress = 2}, admission);
    const auto local = bench.listen();
    Peer first(local);
    Peer second(local);
    Peer third(local);
    CHECK(bench.until([&] { return bench.transport.counters().refused == 1; }));
    CHECK(bench.until([&] { return third.closed(); }));
    CHECK(bench.transport.connections() == 2);
    CHECK_FALSE(first.closed());
    first.close();
    CHECK(bench.until([&] { return bench.transport.connections() == 1; }));
    Peer fourth(local);
    CHECK(bench.until([&] { return bench.transport.connections() == 2; }));
    std::vector<Peer> friends;
    for (int i = 0; i < 5; ++i) {
        friends.emplace_back(std::move(*net::connectTcp(*base::IpAddress::parse("127.0.0.9"), local)));
    }
    CHECK(bench.until([&] { return bench.transport.connections() == 7; }));
}

TEST_CASE("When all places are taken the oldest stranger goes, and never a phone", "[transport]") {
    StreamBench bench({.connections = 3}, StreamBench::allAre(Standing::Stranger));
    const auto local = bench.listen();
    Peer phone(local);
    phone.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    bench.transport.keep(bench.messages[0].flow.connection);
    Peer stranger(local);
    CHECK(bench.until([&] { return bench.transport.connections() == 2; }));
    Peer third(local);
    CHECK(bench.until([&] { return bench.transport.connections() == 3; }));
    Peer fourth(local);
    CHECK(bench.until([&] { return stranger.closed(); }));
    CHECK(bench.until([&] { return bench.transport.connections() == 3; }));
    CHECK(bench.transport.counters().evicted == 1);
    CHECK_FALSE(phone.closed());
    CHECK_FALSE(third.closed());
    const PeerListener provider;
    CHECK(bench.transport.send(options(), StreamBench::to(provider.address())));
    CHECK(bench.until([&] { return third.closed(); }));
    CHECK(bench.transport.send(options(), StreamBench::to(PeerListener().address())));
    CHECK(bench.until([&] { return fourth.closed(); }));
    CHECK_FALSE(phone.closed());
}

TEST_CASE("Strangers make no room among those who are known", "[transport]") {
    auto standing = Standing::Known;
    StreamBench bench({.connections = 2}, [&](const base::Flow&, unsigned) { return standing; });
    const auto local = bench.listen();
    Peer trunk(local);
    Peer provider(local);
    CHECK(bench.until([&] { return bench.transport.connections() == 2; }));
    standing = Standing::Stranger;
    Peer stranger(local);
    CHECK(bench.until([&] { return stranger.closed(); }));
    CHECK(bench.transport.counters().refused == 1);
    CHECK_FALSE(trunk.closed());
    CHECK_FALSE(provider.closed());
}

TEST_CASE("Strangers get no pong before they have been answered", "[transport]") {
    StreamBench bench({}, StreamBench::allAre(Standing::Stranger));
    const auto local = bench.listen();
    Peer peer(local);
    Peer pinger(local);
    pinger.send("\r\n\r\n");
    peer.send("\r\n\r\n" + options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    bench.settle();
    CHECK(peer.got().empty());
    CHECK(bench.transport.send("200", bench.messages[0].flow));
    peer.send("\r\n\r\n");
    CHECK(bench.until([&] { return peer.got() == "200\r\n"; }));
    // Who only pings has not said anything.
    bench.loop.advance(60s);
    CHECK(bench.until([&] { return pinger.closed(); }));
    CHECK(pinger.got().empty());
    CHECK(bench.transport.connections() == 1);
}

TEST_CASE("Connections of those who are no longer admitted are closed", "[transport]") {
    StreamBench bench;
    const auto local = bench.listen();
    Peer good(local);
    Peer bad(std::move(*net::connectTcp(*base::IpAddress::parse("127.0.0.9"), local)));
    const PeerListener provider;
    CHECK(bench.transport.send("x", StreamBench::to(provider.address())));
    CHECK(bench.until([&] { return bench.transport.connections() == 3; }));
    bench.transport.drop([](const base::Flow& flow, unsigned) {
        return flow.remote.ip.toString() == "127.0.0.9";
    });
    CHECK(bench.transport.connections() == 3);
    CHECK(bench.until([&] { return bad.closed(); }));
    CHECK(bad.got().empty());
    bench.transport.drop([](const base::Flow&, unsigned) { return true; });
    CHECK(bench.until([&] { return good.closed(); }));
    CHECK(bench.transport.connections() == 1);
    CHECK(bench.transport.counters().dropped == 2);
}

TEST_CASE("A stranger's message may not be long before he has been answered", "[transport]") {
    StreamBench bench({}, StreamBench::allAre(Standing::Stranger));
    const auto local = bench.listen();
    const std::string large = "OPTIONS sip:a SIP/2.0\r\nl: 16384\r\n\r\n" + std::string(16384, 'b');
    Peer peer(local);
    peer.send(large.substr(0, 100));
    CHECK(bench.until([&] { return peer.closed(); }));
    REQUIRE(bench.malformed.size() == 1);
    CHECK(bench.malformed[0].first == 513);
    Peer other(local);
    other.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    CHECK(bench.transport.send("200", bench.messages[0].flow));
    other.send(large);
    CHECK(bench.until([&] { return bench.messages.size() == 2; }));
}

TEST_CASE("What strangers have half sent is limited as a whole, and the largest goes", "[transport]") {
    auto standing = Standing::Known;
    StreamBench bench({.partialBytes = 20'000}, [&](const base::Flow&, unsigned) { return standing; });
    const auto local = bench.listen();
    const std::string begun = "OPTIONS sip:a SIP/2.0\r\nX: ";
    Peer known(local);
    known.send(begun + std::string(30'000, 'x'));
    CHECK(bench.until([&] { return bench.transport.connections() == 1; }));
    standing = Standing::Stranger;
    Peer small(local);
    Peer large(local);
    small.send(begun + std::string(7000, 'x'));
    large.send(begun + std::string(10'000, 'x'));
    bench.settle();
    CHECK(bench.transport.counters().hoarded == 0);
    Peer last(local);
    last.send(begun + std::string(5000, 'x'));
    CHECK(bench.until([&] { return large.closed(); }));
    CHECK(bench.transport.counters().hoarded == 1);
    // What has been completed counts no longer.
    small.send("\r\nl: 0\r\n\r\n");
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    Peer another(local);
    another.send(begun + std::string(13'000, 'x'));
    bench.settle();
    CHECK(bench.transport.counters().hoarded == 1);
    CHECK_FALSE(last.closed());
    CHECK_FALSE(known.closed());
}
