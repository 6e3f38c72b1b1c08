// SPDX-License-Identifier: GPL-2.0-or-later
#include "transport/stream_transport.h"

#include <string>
#include <vector>

#include "stream_bench.h"

using namespace siproxd;
using namespace siproxd::transport;
using namespace siproxd::test;
using base::Protocol;

TEST_CASE("A message over TCP comes up with its flow and can be answered on it", "[transport]") {
    for (const char* ip : {"127.0.0.1", "::1"}) {
        StreamBench bench;
        const auto local = bench.listen(Protocol::Tcp, ip);
        Peer peer(local);
        bench.react = [&](const Received& received) {
            CHECK(bench.transport.send("answer", received.flow));
        };
        peer.send(options());
        CHECK(bench.until([&] { return peer.got() == "answer"; }));
        REQUIRE(bench.messages.size() == 1);
        const Heard& heard = bench.messages[0];
        CHECK(heard.bytes == options());
        CHECK(heard.tag == 7);
        CHECK(heard.flow.protocol == Protocol::Tcp);
        CHECK(heard.flow.local == local);
        CHECK(heard.flow.remote == peer.address());
        CHECK(heard.flow.connection != 0);
        CHECK(bench.transport.isOpen(heard.flow.connection));
        CHECK(bench.transport.counters().received == 1);
        peer.close();
        CHECK(bench.until([&] { return !bench.closed.empty(); }));
        CHECK(bench.closed[0] == heard.flow);
        CHECK(bench.failed.empty());
        CHECK(bench.transport.connections() == 0);
        CHECK_FALSE(bench.transport.send("late", heard.flow));
    }
}

TEST_CASE("Messages come out whole, byte by byte and a hundred at once", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    std::string all;
    for (int i = 0; i < 100; ++i) {
        all += options(std::to_string(i));
    }
    peer.send(all);
    for (const char byte : options("slow")) {
        peer.send(std::string(1, byte));
        bench.loop.real().post([&] { bench.loop.real().stop(); });
        bench.loop.run();
    }
    CHECK(bench.until([&] { return bench.messages.size() == 101; }));
    for (std::size_t i = 0; i < 100; ++i) {
        CHECK(bench.messages[i].bytes == options(std::to_string(i)));
    }
    CHECK(bench.messages[100].bytes == options("slow"));
}

TEST_CASE("What came before the peer closed is not lost", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    std::string all;
    for (int i = 0; i < 200; ++i) {
        all += options();
    }
    peer.send(all);
    ::shutdown(peer.fd(), SHUT_WR);
    CHECK(bench.until([&] { return bench.closed.size() == 1; }));
    CHECK(bench.messages.size() == 200);
}

TEST_CASE("The largest message fits, whatever the reads", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    const std::string message = "OPTIONS sip:a SIP/2.0\r\nX: " + std::string(32000, 'x') +
                                "\r\nl: 65536\r\n\r\n" + std::string(65536, 'b');
    peer.send(message + message);
    CHECK(bench.until([&] { return bench.messages.size() == 2; }));
    CHECK(bench.messages[1].bytes == message);
}

TEST_CASE("A broken framing is told, answered and ends the connection", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    std::string head;
    bench.reactMalformed = [&](const Received& received) {
        head = received.bytes;
        CHECK(bench.transport.send("400", received.flow));
    };
    peer.send(options() + "OPTIONS sip:b SIP/2.0\r\nSubject: none\r\n\r\n" + options());
    CHECK(bench.until([&] { return peer.closed(); }));
    CHECK(peer.got() == "400");
    CHECK(bench.messages.size() == 1);
    CHECK(head == "OPTIONS sip:b SIP/2.0\r\nSubject: none\r\n\r\n");
    REQUIRE(bench.malformed.size() == 1);
    CHECK(bench.malformed[0].first == 400);
    CHECK(bench.transport.counters().malformed == 1);
    peer.close();
    CHECK(bench.until([&] { return bench.transport.connections() == 0; }));
    CHECK(bench.failed.empty());
}

TEST_CASE("A peer that does not close after a broken framing is closed on", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send("x\n");
    CHECK(bench.until([&] { return peer.closed(); }));
    peer.send(options());
    bench.settle();
    CHECK(bench.transport.connections() == 1);
    bench.loop.advance(2s);
    CHECK(bench.transport.connections() == 0);
    CHECK(bench.messages.empty());
}

TEST_CASE("A message must be complete in time, an idle connection ends", "[transport]") {
    StreamBench bench({.idleTimeout = 100s, .messageTimeout = 10s});
    const auto local = bench.listen();
    Peer slow(local);
    Peer idle(local);
    slow.send(options() + "OPTIONS ");
    idle.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 2; }));
    for (int i = 0; i < 9; ++i) {
        // A byte now and then does not help: the clock runs from the first one.
        bench.loop.advance(1s);
        slow.send("x");
        bench.settle();
    }
    CHECK(bench.transport.connections() == 2);
    bench.loop.advance(1s);
    CHECK(bench.transport.counters().slow == 1);
    CHECK(bench.until([&] { return slow.closed(); }));
    bench.loop.advance(89s);
    CHECK(bench.transport.connections() == 1);
    idle.send("\r\n\r\n");
    CHECK(bench.until([&] { return idle.got() == "\r\n"; }));
    bench.loop.advance(99s);
    CHECK(bench.transport.connections() == 1);
    bench.loop.advance(1s);
    CHECK(bench.transport.counters().idle == 1);
    CHECK(bench.transport.connections() == 0);
    CHECK(bench.closed.size() == 2);
    CHECK(bench.failed.empty());
}

TEST_CASE("Who connects and says nothing is not kept", "[transport]") {
    StreamBench bench;
    Peer silent(bench.listen());
    CHECK(bench.until([&] { return bench.transport.connections() == 1; }));
    bench.loop.advance(59s);
    CHECK(bench.transport.connections() == 1);
    bench.loop.advance(1s);
    CHECK(bench.transport.connections() == 0);
}

TEST_CASE("Pings are answered, but not for those who do not read", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send("\r\n\r\n\r\n\r\n" + options());
    CHECK(bench.until([&] { return peer.got() == "\r\n\r\n"; }));
    CHECK(bench.transport.counters().pings == 2);
    CHECK(bench.messages.size() == 1);
}

TEST_CASE("An address may have so many connections, a trusted one any number", "[transport]") {
    const auto admission = [](const base::Flow& flow) {
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
    StreamBench bench({.connections = 2}, [&](const base::Flow&) { return standing; });
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
    bench.transport.drop([](const base::Flow& flow) {
        return flow.remote.ip.toString() == "127.0.0.9";
    });
    CHECK(bench.transport.connections() == 3);
    CHECK(bench.until([&] { return bad.closed(); }));
    CHECK(bad.got().empty());
    bench.transport.drop([](const base::Flow&) { return true; });
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
    StreamBench bench({.partialBytes = 20'000}, [&](const base::Flow&) { return standing; });
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

TEST_CASE("A connection is opened once and used by all who have the same way", "[transport]") {
    StreamBench bench;
    const auto local = bench.listen();
    const PeerListener provider;
    const auto flow = StreamBench::to(provider.address());
    const auto first = bench.sendTo("one", flow, "ignored.example");
    REQUIRE(first);
    CHECK(first->connection != 0);
    CHECK(first->local.ip == local.ip);
    CHECK(bench.transport.send("two", flow));
    Peer peer = provider.accept();
    CHECK(bench.until([&] { return peer.got() == "onetwo"; }));
    CHECK(bench.transport.send("three", flow));
    CHECK(bench.transport.send("four", *first));
    CHECK(bench.until([&] { return peer.got() == "onetwothreefour"; }));
    CHECK_FALSE(provider.waiting());
    CHECK(bench.transport.counters().opened == 1);
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    CHECK(bench.messages[0].flow == *first);
    CHECK(bench.messages[0].tag == 7);
    peer.close();
    CHECK(bench.until([&] { return bench.closed.size() == 1; }));
    CHECK_FALSE(bench.transport.send("five", *first));
    CHECK(bench.transport.send("six", flow));
    Peer again = provider.accept();
    CHECK(bench.until([&] { return again.got() == "six"; }));
}

TEST_CASE("An accepted connection is found by its peer's address, and by an alias", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    const auto id = bench.messages[0].flow.connection;
    CHECK(bench.transport.send("a", StreamBench::to(peer.address())));
    CHECK(bench.transport.alias(id, 5060));
    CHECK(bench.transport.alias(id, 5060));
    CHECK(bench.transport.send("b", StreamBench::to(at("127.0.0.1", 5060))));
    CHECK(bench.until([&] { return peer.got() == "ab"; }));
    CHECK_FALSE(bench.transport.alias(id, 0));
    CHECK_FALSE(bench.transport.alias(999, 5060));
    for (std::uint16_t port = 1; port < 50; ++port) {
        (void)bench.transport.alias(id, port);
    }
    CHECK_FALSE(bench.transport.alias(id, 51));
    peer.close();
    CHECK(bench.until([&] { return bench.transport.connections() == 0; }));
    // Now that it has gone, the alias leads nowhere.
    const auto sent = bench.transport.send("c", StreamBench::to(at("127.0.0.1", 1)));
    CHECK((!sent || bench.until([&] { return bench.failed.size() == 1; })));
}

TEST_CASE("A refused connect is told with its flow", "[transport]") {
    StreamBench bench;
    const auto nobody = PeerListener().address();
    const auto sent = bench.sendTo(options(), StreamBench::to(nobody), {});
    REQUIRE(sent);
    CHECK(bench.failed.empty());
    CHECK(bench.until([&] { return bench.failed.size() == 1; }));
    CHECK(bench.failed[0].first == *sent);
    CHECK(bench.failed[0].second.find("refused") != std::string::npos);
    CHECK(bench.failed[0].second.find(nobody.toString()) != std::string::npos);
    CHECK(bench.closed.empty());
    CHECK(bench.transport.connections() == 0);
    CHECK(bench.transport.counters().failed == 1);
}

TEST_CASE("A peer that never answers a connect blocks nobody and is given up", "[transport]") {
    StreamBench bench;
    const PeerListener full(0);
    // The backlog's place is taken: the kernel drops what else comes.
    std::vector<Peer> takers;
    for (int i = 0; i < 4; ++i) {
        takers.emplace_back(std::move(*net::connectTcp({}, full.address())));
    }
    CHECK(bench.transport.send(options(), StreamBench::to(full.address())));
    const std::string large(200 * 1024, 'x');
    CHECK(bench.transport.send(large, StreamBench::to(full.address())));
    CHECK_FALSE(bench.transport.send(large, StreamBench::to(full.address())));
    bench.settle();
    bench.loop.advance(499ms);
    CHECK(bench.failed.empty());
    bench.loop.advance(1ms);
    REQUIRE(bench.failed.size() == 1);
    CHECK(bench.failed[0].second.find("no connection in time") != std::string::npos);
    CHECK(bench.transport.connections() == 0);
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

TEST_CASE("A peer that does not read is given up", "[transport]") {
    StreamBench bench({.idleTimeout = 0s, .queueBytes = 16 * 1024 * 1024});
    Peer peer(bench.listen());
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    const auto flow = bench.messages[0].flow;
    CHECK(bench.transport.send(std::string(15 * 1024 * 1024, 'x'), flow));
    // While the kernel still takes some of it, it is not given up.
    for (int i = 0; i < 1000 && bench.failed.empty(); ++i) {
        bench.settle();
        bench.loop.advance(10s);
    }
    REQUIRE(bench.failed.size() == 1);
    CHECK(bench.failed[0].second.find("does not read") != std::string::npos);
}

TEST_CASE("A reset is told as a failure and as the end", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    peer.reset();
    CHECK(bench.until([&] { return bench.closed.size() == 1; }));
    CHECK(bench.failed.size() == 1);
    CHECK(bench.transport.counters().broken == 1);
}

TEST_CASE("Closing sends what is waiting first", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    peer.send(options());
    CHECK(bench.until([&] { return bench.messages.size() == 1; }));
    const auto flow = bench.messages[0].flow;
    const std::string last(200000, 'z');
    CHECK(bench.transport.send(last, flow));
    bench.transport.close(flow.connection);
    CHECK_FALSE(bench.transport.send("more", flow));
    CHECK(bench.until([&] { return peer.closed(); }));
    CHECK(peer.got() == last);
    peer.close();
    CHECK(bench.until([&] { return bench.transport.connections() == 0; }));
}

TEST_CASE("A listener goes with its connections, also from inside", "[transport]") {
    StreamBench bench;
    const auto local = bench.listen();
    Peer peer(local);
    Peer other(local);
    bench.react = [&](const Received& received) {
        CHECK(bench.transport.remove(Protocol::Tcp, local));
        CHECK_FALSE(bench.transport.remove(Protocol::Tcp, local));
        // The bytes live for the call, whatever happens to their connection.
        CHECK(received.bytes == options());
        CHECK_FALSE(bench.transport.send("x", received.flow));
    };
    peer.send(options() + options());
    CHECK(bench.until([&] { return peer.closed() && other.closed(); }));
    CHECK(bench.messages.size() == 1);
    CHECK(bench.failed.size() == 2);
    CHECK(bench.closed.size() == 2);
    CHECK(bench.transport.addresses(Protocol::Tcp).empty());
    CHECK(bench.transport.add(Protocol::Tcp, local, 1));
}

TEST_CASE("A handler may close the connection whose message it is handed", "[transport]") {
    StreamBench bench;
    Peer peer(bench.listen());
    bench.react = [&](const Received& received) {
        CHECK(bench.transport.send("bye", received.flow));
        bench.transport.close(received.flow.connection);
        CHECK(received.bytes == options());
    };
    peer.send(options() + options());
    CHECK(bench.until([&] { return peer.closed(); }));
    CHECK(peer.got() == "bye");
    CHECK(bench.messages.size() == 1);
}

TEST_CASE("A transport may go while its connections are busy", "[transport]") {
    PacedLoop loop;
    struct Deaf final : Transport::Handler {
        void onReceived(const Received&) override {}
    } deaf;
    const PeerListener provider;
    {
        StreamTransport transport(loop, deaf, {});
        CHECK(transport.send(std::string(100000, 'x'), StreamBench::to(provider.address())));
        loop.post([&] { loop.stop(); });
        loop.run();
    }
    loop.post([&] { loop.stop(); });
    loop.run();
    Peer peer = provider.accept();
}

TEST_CASE("Sending where there is no way is an error that names it", "[transport]") {
    StreamBench bench;
    base::Flow flow = StreamBench::to(at("127.0.0.1", 5060));
    flow.connection = 42;
    const auto gone = bench.transport.send("x", flow);
    REQUIRE_FALSE(gone);
    CHECK(gone.error().message.find("127.0.0.1:5060") != std::string::npos);
    flow.connection = 0;
    flow.local = at("192.0.2.1");
    CHECK_FALSE(bench.transport.send("x", flow));
    flow.local = at("127.0.0.1");
    flow.protocol = Protocol::Tls;
    CHECK_FALSE(bench.transport.send("x", flow));
    CHECK_FALSE(bench.transport.add(Protocol::Tls, at("127.0.0.1"), 1));
    CHECK(bench.transport.counters().sendErrors == 3);
}
